"""The command that builds the namespaces says what it has to."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import SandboxRefused
from appliance.task.bubblewrap import NAMESPACES, OWN_NETWORK, Gate, Sandbox
from appliance.task.projects import Projects


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    for name in ("project", "home", "seen/hidden", "other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "seen/token").write_text("secret")
    return Projects(
        {"web": str(tmp_path / "project"), "other": str(tmp_path / "other")},
        home=str(tmp_path / "home"),
        hidden=tuple(str(tmp_path / "seen" / name) for name in ("hidden", "token", "absent")),
        readable=(str(tmp_path / "seen"),),
    )


def words(projects: Projects, *, own_network: bool = True) -> str:
    project = Path(projects.projects["web"])
    with closing(Gate()) as gate:
        sandbox = Sandbox(projects, project, project, 6 * 1024, own_network, system_calls=b"")
        made = sandbox.around(("ls", "-l"), gate)
        for descriptor in made.descriptors:
            os.close(descriptor)
    return " ".join(made.argv)


def test_the_command_has_every_namespace_and_no_capabilities(projects: Projects) -> None:
    command = words(projects)
    assert all(option in command for option in (*NAMESPACES, *OWN_NETWORK, "--seccomp"))
    assert "--cap-drop ALL" in command
    assert command.endswith(f"--remount-ro / --chdir {projects.projects['web']} -- ls -l")


def test_a_task_may_be_left_in_the_network_it_is_in(projects: Projects) -> None:
    assert "--unshare-net" not in words(projects, own_network=False)


def test_nothing_is_there_but_the_system_the_project_and_what_is_named(
    tmp_path: Path, projects: Projects
) -> None:
    found = words(projects).split()
    sources = {found[i + 1] for i, word in enumerate(found) if word.endswith("bind")}
    named = {"/usr", "/etc", str(tmp_path / "project"), str(tmp_path / "seen")}
    assert named <= sources
    assert (
        not {"/", "/home", "/root", "/var", "/srv", str(tmp_path), str(tmp_path / "other")}
        & sources
    )


def test_hidden_directories_are_empty_and_hidden_files_are_nothing(projects: Projects) -> None:
    hidden, token, absent = projects.hidden
    assert f"--tmpfs {hidden}" in words(projects)
    assert f"--ro-bind /dev/null {token}" in words(projects)
    assert absent not in words(projects)


def test_another_project_is_hidden_even_in_a_place_that_can_be_read(
    tmp_path: Path, projects: Projects
) -> None:
    other = str(tmp_path / "other")
    command = words(replace(projects, readable=(str(tmp_path),)))
    assert f"--tmpfs {other}" in command


def test_what_lies_deeper_is_mounted_later(tmp_path: Path, projects: Projects) -> None:
    inside = tmp_path / "project" / "private"
    inside.mkdir()
    command = words(replace(projects, hidden=(str(inside),)))
    assert command.index("--tmpfs /tmp") < command.index(f"--bind {tmp_path / 'project'}")
    assert command.index(f"--bind {tmp_path / 'project'}") < command.index(f"--tmpfs {inside}")


def test_all_that_lies_in_memory_is_limited_together(projects: Projects) -> None:
    found = words(projects).split()
    sizes = [int(found[i + 1]) for i, word in enumerate(found) if word == "--size"]
    assert len(sizes) == found.count("--tmpfs") >= 4
    assert sum(sizes) <= 6 * 1024


def test_what_runs_outside_later_is_read_only_where_it_exists(
    tmp_path: Path, projects: Projects
) -> None:
    project = tmp_path / "project"
    (project / ".git/hooks").mkdir(parents=True)
    (project / ".git/config").touch()
    command = words(projects)
    for name in (".git/hooks", ".git/config"):
        assert f"--ro-bind {project / name} {project / name}" in command


def test_settings_that_are_not_there_cannot_be_made(tmp_path: Path, projects: Projects) -> None:
    settings = tmp_path / "project/.claude"
    assert f"--ro-bind {settings} {settings}" in words(projects)


def test_a_link_that_leads_out_of_the_project_mounts_nothing(
    tmp_path: Path, projects: Projects
) -> None:
    (tmp_path / "project/.claude").symlink_to("/srv")
    assert "/srv" not in words(projects)


def test_a_sandbox_that_was_never_built_is_told() -> None:
    with closing(Gate()) as gate:
        os.close(gate.info)
        os.close(gate.block)
        with pytest.raises(SandboxRefused, match="could not build"):
            gate.child()
