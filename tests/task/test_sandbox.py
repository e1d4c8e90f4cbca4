"""The command that builds the wall says what it has to, and too weak a wall is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Isolation
from appliance.errors import SandboxRefused
from appliance.task.projects import Projects
from appliance.task.sandbox import NAMESPACES, Wall, bubblewrap, chosen, probe

NOTHING = Wall(Isolation.NONE, "bubblewrap is not installed")
BEST = Wall(Isolation.BUBBLEWRAP)


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    for name in ("project", "home", "hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "token").write_text("secret")
    hidden = (str(tmp_path / "hidden"), str(tmp_path / "token"), str(tmp_path / "absent"))
    return Projects({"web": str(tmp_path / "project")}, home=str(tmp_path / "home"), hidden=hidden)


def words(projects: Projects, directory: str = "") -> str:
    project = Path(projects.projects["web"])
    return " ".join(bubblewrap(("ls", "-l"), projects, project, project / directory).argv)


def test_the_command_has_every_namespace_and_no_capabilities(projects: Projects) -> None:
    command = words(projects)
    assert all(option in command for option in NAMESPACES)
    assert "--cap-drop ALL --ro-bind / /" in command
    assert command.endswith(f"--chdir {projects.projects['web']} -- ls -l")


def test_hidden_directories_are_empty_and_hidden_files_are_nothing(projects: Projects) -> None:
    hidden, token, absent = projects.hidden
    assert f"--tmpfs {hidden}" in words(projects)
    assert f"--ro-bind /dev/null {token}" in words(projects)
    assert absent not in words(projects)


def test_what_lies_deeper_is_mounted_later(tmp_path: Path, projects: Projects) -> None:
    inside = tmp_path / "project" / "private"
    inside.mkdir()
    command = words(replace(projects, hidden=(str(inside),)))
    assert command.index("--tmpfs /tmp") < command.index(f"--bind {tmp_path / 'project'}")
    assert command.index(f"--bind {tmp_path / 'project'}") < command.index(f"--tmpfs {inside}")


def test_what_runs_outside_later_is_read_only_where_it_exists(
    tmp_path: Path, projects: Projects
) -> None:
    project = tmp_path / "project"
    (project / ".git/hooks").mkdir(parents=True)
    (project / ".git/config").touch()
    command = words(projects)
    for name in (".git/hooks", ".git/config"):
        assert f"--ro-bind {project / name} {project / name}" in command
    assert ".claude " not in command.partition("--bind " + str(project))[2]


def test_a_link_that_leads_out_of_the_project_mounts_nothing(
    tmp_path: Path, projects: Projects
) -> None:
    (tmp_path / "project/.claude").symlink_to("/etc")
    assert "/etc" not in words(projects)


def test_a_wall_that_is_too_weak_is_refused_with_the_reason(projects: Projects) -> None:
    with pytest.raises(SandboxRefused, match="has none: bubblewrap is not installed"):
        chosen(NOTHING, Isolation.BUBBLEWRAP, projects)


def test_the_strongest_wall_is_chosen_even_if_less_would_do(projects: Projects) -> None:
    assert chosen(BEST, Isolation.NONE, projects) is Isolation.BUBBLEWRAP
    assert chosen(NOTHING, Isolation.NONE, projects) is Isolation.NONE


def test_a_list_that_gives_up_the_wall_cannot_satisfy_a_task_that_wants_one(
    projects: Projects,
) -> None:
    unsafe = replace(projects, unsafe_no_sandbox=True)
    assert chosen(BEST, Isolation.NONE, unsafe) is Isolation.NONE
    with pytest.raises(SandboxRefused, match="unsafe_no_sandbox"):
        chosen(BEST, Isolation.BUBBLEWRAP, unsafe)


def test_a_host_without_bubblewrap_has_no_wall_and_says_why(tmp_path: Path) -> None:
    assert probe(str(tmp_path)) == NOTHING


def test_a_bubblewrap_that_is_not_allowed_to_work_is_no_wall(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    assert probe(str(tmp_path)) == Wall(
        Isolation.NONE, "bubblewrap does not work here: setting up uid map: Permission denied"
    )
