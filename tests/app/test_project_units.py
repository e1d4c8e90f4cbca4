"""Drop-ins say exactly what a task may write to, whatever a path is called."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from appliance.app.project_units import (
    Places,
    apply,
    daemon_drop_in,
    grants,
    may_write,
    task_drop_in,
)
from appliance.config import Settings, load
from appliance.errors import ConfigError
from appliance.task import projects

ODD_NAMES = ["plain", "with blank", "100%n", 'quo"te', "back\\slash", "co:lon", "$HOME", "ümläut"]


def _settings(home: Path, *names: str) -> Settings:
    sections = "".join(f'[projects.{name}]\npath = "{home}/{name}"\n' for name in names)
    for name in names:
        (home / name).mkdir(exist_ok=True)
    file = home / "dispatch.toml"
    file.write_text(f'[web]\n[users.me]\nweb = true\n[daemon]\nstate = "{home}/state"\n{sections}')
    return load(file)


def _places(home: Path) -> Places:
    return Places(home / "projects.json", home / "units")


def _named(drop_in: str, setting: str) -> list[str]:
    """The paths of a setting, read as systemd reads them."""
    words = [line.partition("=")[2] for line in drop_in.splitlines() if line.startswith(setting)]
    assert all(re.fullmatch(r'"-(?:[^"\\]|\\.)*"', word) for word in words)
    return [re.sub(r"\\(.)", r"\1", word[2:-1]).replace("%%", "%") for word in words]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_path_means_itself(tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    (project / ".git/hooks").mkdir(parents=True)
    (project / ".git/config").touch()
    (project / ".claude").mkdir()
    drop_in = task_drop_in(project)
    assert _named(drop_in, "BindPaths=") == [str(project), f"{project}/.git"]
    assert _named(drop_in, "ReadOnlyPaths=") == [
        f"{project}/.git/hooks",
        f"{project}/.git/config",
        f"{project}/.claude",
    ]
    assert _named(daemon_drop_in(project), "InaccessiblePaths=") == [str(project)]


def test_what_is_not_there_or_is_a_link_is_not_named(tmp_path: Path) -> None:
    project = tmp_path / "demo"
    project.mkdir()
    (tmp_path / "elsewhere/hooks").mkdir(parents=True)
    (project / ".git").symlink_to(tmp_path / "elsewhere")
    (project / ".claude").symlink_to(".claude")
    assert _named(task_drop_in(project), "BindPaths=") == [str(project)]
    assert _named(task_drop_in(project), "ReadOnlyPaths=") == []


def test_a_project_without_settings_of_the_agent_gets_a_place_that_no_task_can_fill(
    tmp_path: Path,
) -> None:
    places = _places(tmp_path)
    settings = _settings(tmp_path, "web")
    apply(settings, places)
    (project,) = (Path(project.path) for project in settings.projects.values())
    (drop_in,) = (file for file in places.units.glob("dispatch-task@.service.d/*.conf"))
    assert f"{project}/.claude" in _named(drop_in.read_text(), "ReadOnlyPaths=")


def test_applying_twice_changes_nothing_and_takes_back_what_is_gone(tmp_path: Path) -> None:
    places = _places(tmp_path)
    assert apply(_settings(tmp_path, "web", "tools"), places)
    assert not apply(_settings(tmp_path, "web", "tools"), places)
    units = sorted(str(path.relative_to(places.units)) for path in places.units.rglob("*.conf"))
    assert units == [
        "dispatch-task@.service.d/project-tools.conf",
        "dispatch-task@.service.d/project-web.conf",
        "dispatchd.service.d/project-tools.conf",
        "dispatchd.service.d/project-web.conf",
    ]
    (places.units / "dispatchd.service.d/mine.conf").write_text("[Service]\n")
    assert apply(_settings(tmp_path, "web"), places)
    left = sorted(path.name for path in places.units.rglob("*.conf"))
    assert left == ["mine.conf", "project-web.conf", "project-web.conf"]
    assert "tools" not in projects.load(places.projects_file).projects


def test_a_path_that_no_unit_can_name_is_refused(tmp_path: Path) -> None:
    odd = tmp_path / "new\nline"
    odd.mkdir()
    settings = _settings(tmp_path, "web")
    (tmp_path / "web").rmdir()
    (tmp_path / "web").symlink_to(odd)
    settings = load(Path(settings.file))
    with pytest.raises(ConfigError, match="no unit can name the path of project web"):
        apply(settings, _places(tmp_path))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can look with another user's eyes")
def test_whether_somebody_may_write_is_not_asked_of_the_directories_above(tmp_path: Path) -> None:
    closed, project = tmp_path / "closed", tmp_path / "closed/project"
    project.mkdir(parents=True)
    closed.chmod(0o700)
    assert not may_write("nobody", project)
    project.chmod(0o777)
    assert may_write("nobody", project)
    with pytest.raises(ConfigError, match="there is no user dispatch-nobody"):
        may_write("dispatch-nobody", project)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_what_is_granted_suffices_and_stays_the_owners(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    os.chown(tmp_path, 1, 1)
    for command in grants("nobody", tmp_path):
        subprocess.run(command, check=True)
    assert may_write("nobody", tmp_path)
    (tmp_path / "new").mkdir()
    rights = subprocess.run(
        ["getfacl", "-pn", str(tmp_path / "new")], check=True, capture_output=True, text=True
    ).stdout
    assert "user:1:rwx" in rights
    assert "user:65534:rwx" in rights
