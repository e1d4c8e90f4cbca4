"""`dispatchctl project`: three files that agree, or nothing changed and one sentence why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.app import project_commands
from appliance.config import load
from tests.app.groups import run_group

SETTINGS = """# ours
[web]
[users.me]
web = true
[projects.first]
path = "{home}/first"
"""
UNITS = '[daemon]\ntask_socket = "/run/dispatch-task/socket"\n'

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="chroot and other users are root's")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    (tmp_path / "dispatch.toml").write_text(SETTINGS.format(home=tmp_path))
    return tmp_path


def run(house: Path, action: str, *arguments: str) -> int:
    config = f"--config={house}/dispatch.toml"
    return run_group(project_commands, ["project", action, *arguments, config])


def refusal(house: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    before = (house / "dispatch.toml").read_bytes()
    assert run(house, *arguments) == 78
    assert (house / "dispatch.toml").read_bytes() == before
    assert not list(house.glob(".*"))
    return capsys.readouterr().err


def test_a_project_is_added_once_and_removed_once(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (house / "dispatch.toml").read_text()
    assert run(house, "add", "second", f"{house}/second") == 0
    said = capsys.readouterr().out
    assert said == f"second: {house}/second\n  to do: systemctl restart dispatchd\n"
    settings = load(house / "dispatch.toml")
    assert {str(name): p.path for name, p in settings.projects.items()} == {
        "first": f"{house}/first",
        "second": f"{house}/second",
    }
    assert (house / "dispatch.toml").read_text().startswith(before)

    assert run(house, "add", "second", f"{house}/second", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {
        "v": 1, "project": "second", "path": f"{house}/second", "changed": False, "granted": False,
        "todo": [],
    }  # fmt: skip
    assert run(house, "remove", "second") == 0
    assert run(house, "remove", "second") == 0
    assert "second is no project\n" in capsys.readouterr().out
    assert (house / "dispatch.toml").read_text().rstrip() == before.rstrip()


def test_projects_are_listed(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(house, "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)["projects"]
    assert listed == [{"name": "first", "path": f"{house}/first"}]
    assert run(house, "list") == 0
    assert capsys.readouterr().out.split() == ["first", f"{house}/first"]


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("second", "{home}/none", "there is no directory {home}/none"),
        ("second", "/", "/ belongs to the system"),
        ("second", "/home", "/home belongs to the system"),
        ("second", "/etc/ssl", "/etc/ssl belongs to the system"),
        ("second", "{home}/first/inner", "lie inside each other"),
        ("second", "{home}/first/..", "lie inside each other"),
        ("second", "{home}/link", "{home}/link leads by a link to {home}/second"),
        ("first", "{home}/second", "project first is {home}/first already"),
        ("Second", "{home}/second", "is no name for a project"),
        ("x]\n[y", "{home}/second", "is no name for a project"),
    ],
)
def test_what_is_no_project_changes_nothing(
    house: Path, capsys: pytest.CaptureFixture[str], name: str, path: str, said: str
) -> None:
    (house / "first/inner").mkdir()
    (house / "link").symlink_to("second")
    found = refusal(house, capsys, "add", name, path.format(home=house))
    assert said.format(home=house) in found
    assert "candidate" not in found


def test_the_last_project_stays(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(house, capsys, "remove", "first")
    assert "nothing was changed" in said
    assert "no projects; add at least one" in said


def test_settings_that_are_not_there_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "add", "demo", "/srv/demo") == 78
    assert "cannot read the settings" in capsys.readouterr().err


def test_without_units_there_is_nothing_to_apply(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(house, "apply") == 0
    assert capsys.readouterr().out == "1 projects, nothing to change\n"
    assert sorted(path.name for path in house.iterdir()) == ["dispatch.toml", "first", "second"]


@needs_root
def test_in_another_root_everything_is_written_there(tmp_path: Path) -> None:
    """As for an image; in a process of its own, because it does not come out again."""
    root = tmp_path / "root"
    for directory in ("etc/dispatch", "srv/web site/.git/hooks", "srv/first", "usr/bin"):
        (root / directory).mkdir(parents=True)
    (root / "etc/dispatch/dispatch.toml").write_text(SETTINGS.format(home="/srv") + UNITS)
    (root / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\ndispatch-agent:x:64000:64000::/:\n"
    )
    (root / "etc/group").write_text("root:x:0:\ndispatch-agent:x:64000:\n")
    _can_test(root)
    command = [sys.executable, "-m", "appliance.app.dispatchctl", "project", "add", "web"]
    added = subprocess.run(
        [*command, "/srv/web site", f"--root={root}", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(added.stdout)["todo"] == [
        "setfacl -R -m u:dispatch-agent:rwX '/srv/web site'",
        "setfacl -R -d -m u:dispatch-agent:rwX,u:0:rwX '/srv/web site'",
        "systemctl restart dispatchd",
    ]
    listed = json.loads((root / "etc/dispatch/projects.json").read_text())
    assert listed["projects"]["web"] == "/srv/web site"
    units = root / "etc/systemd/system"
    drop_in = (units / "dispatch-task@.service.d/project-web.conf").read_text()
    assert 'BindPaths="-/srv/web site"\n' in drop_in
    assert 'ReadOnlyPaths="-/srv/web site/.git/hooks"\n' in drop_in
    assert (units / "dispatchd.service.d/project-web.conf").exists()


def _can_test(root: Path) -> None:
    """The one program that is run in there, with what it is linked to."""
    program = shutil.which("test")
    assert program is not None
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    files = [word for word in linked.split() if word.startswith("/")]
    for file in [program, *files]:
        place = root / Path(file).relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
