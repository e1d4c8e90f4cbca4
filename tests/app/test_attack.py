"""`doctor --attack`: real tasks with this machine's walls, and how what they did is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.app.attack import loot
from appliance.app.attack.command import as_user, report, summary
from appliance.app.attack.findings import (
    BEYOND,
    BEYOND_ALL,
    GROUP_OF,
    Attempt,
    Result,
    findings,
)
from appliance.app.attack.intruder import GROUPS, PROXY
from appliance.app.attack.stage import stage
from appliance.app.project_list import project_list
from appliance.config import load
from appliance.core.model import Isolation, Project, ProjectName
from appliance.errors import ConfigError
from tests.grounds import HAS_BUBBLEWRAP, HIDE_BUBBLEWRAP, WALLS

ROOT = Path(__file__).parents[2]
NOBODY = 65534
SETTINGS = """
[daemon]
state = "{home}/state"
policies = "{home}/policies"
credentials = "{home}/credentials"
minimum_isolation = "none"
unsafe_no_sandbox = {unsafe}
[terminal]
socket = "{home}/control"
[users.me]
unix = [0]
[projects.demo]
path = "{home}/demo"
[projects.other]
path = "{home}/other"
"""


def furnish(home: Path, *, unsafe: bool = False) -> Path:
    """The settings file of a place where dispatchd has never run."""
    for name in ("state", "credentials", "demo/.git/hooks", "demo/.claude", "other"):
        (home / name).mkdir(parents=True)
    (home / "demo/.git/config").write_text("[core]\n")
    (home / "credentials/telegram-token").write_text("123:secret")
    (home / "other/source").write_text("of somebody else")
    shutil.copytree(ROOT / "policies", home / "policies")
    file = home / "dispatch.toml"
    file.write_text(SETTINGS.format(home=home, unsafe=str(unsafe).lower()))
    return file


def attack(
    settings: Path, *options: str, level: Isolation = Isolation.NONE
) -> subprocess.CompletedProcess[str]:
    hides = level is Isolation.LANDLOCK and HAS_BUBBLEWRAP
    return subprocess.run(
        [
            *(HIDE_BUBBLEWRAP if hides else ()),
            *(sys.executable, "-m", "appliance.app.dispatchctl", "doctor", "--attack"),
            *("--config", str(settings), *options),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def results(report: dict[str, Any]) -> dict[str, str]:
    return {a["name"].replace(" ", "_"): a["result"] for a in report["attempts"]}


@pytest.mark.parametrize("level", WALLS)
def test_behind_a_wall_everything_is_refused_or_said_to_be_beyond_it(
    tmp_path: Path, level: Isolation
) -> None:
    done = attack(furnish(tmp_path), "--json", level=level)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["v"], found["isolation"], found["project"]) == (1, level, "demo")
    by_name = results(found)
    assert by_name.keys() == GROUP_OF.keys()
    beyond = BEYOND.get(level, frozenset()) | BEYOND_ALL
    assert {name for name, result in by_name.items() if result == "beyond"} == beyond
    assert by_name["connect_inside_a_connection"] == "refused"
    untried = {name for name, result in by_name.items() if result == "not tried"}
    assert untried <= {"reach_a_private_address_by_a_granted_name", "connect_to_a_port_by_ipv6"}
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [".claude", ".git"]
    assert list((tmp_path / "demo/.git/hooks").iterdir()) == []
    assert list((tmp_path / "state").glob("attack-*")) == []


def test_without_a_wall_it_fails_and_says_what_to_do(tmp_path: Path) -> None:
    done = attack(furnish(tmp_path, unsafe=True))
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "a task in project demo, isolation none"
    worked = [line for line in lines if line.startswith("  ✗ ")]
    assert len(worked) > 20
    assert any("plant a git hook" in line for line in worked)
    assert any("read a token" in line for line in worked)
    assert not any("proxy" in line for line in worked), "that wall stands without the other"
    assert "123:secret" not in done.stdout + done.stderr
    assert "minimum_isolation" in lines[lines.index(worked[0]) + 1]
    assert " refused" in lines[-1]
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [".claude", ".git"]


def test_a_project_that_there_is_not_is_refused(tmp_path: Path) -> None:
    done = attack(furnish(tmp_path), "--project", "nowhere")
    assert (done.returncode, "there is no project nowhere" in done.stderr) == (78, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_root_becomes_the_daemons_user_for_good(capfd: pytest.CaptureFixture[str]) -> None:
    def tell() -> int:
        with pytest.raises(PermissionError):
            os.setuid(0)
        os.write(1, f"{os.getresuid()} {os.getresgid()} {os.getgroups()}".encode())
        return 7

    assert as_user(NOBODY, tell) == 7
    assert capfd.readouterr().out == f"{(NOBODY,) * 3} {(NOBODY,) * 3} {[NOBODY]}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_what_fails_as_the_other_user_is_told_as_always(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise ConfigError("no such thing")

    assert as_user(NOBODY, fail) == 78
    assert "dispatchctl: error: no such thing" in capfd.readouterr().err


# --- what came of it, in words


def test_what_was_never_heard_of_was_not_tried() -> None:
    found = findings([Attempt("read_a_token", True, "no")], Isolation.UNIT)
    assert len(found) == len(GROUP_OF)
    assert found[0].result is Result.REFUSED
    assert {finding.result for finding in found[1:]} == {Result.NOT_TRIED}
    assert summary(found) == f"1 of 1 refused; {len(found) - 1} not tried"


def test_an_attempt_that_worked_in_a_unit_says_where_to_look() -> None:
    attempts = [Attempt(name, False) for name in GROUP_OF]
    found = findings(attempts, Isolation.UNIT)
    assert {f.name.replace(" ", "_") for f in found if f.result is Result.BEYOND} == BEYOND_ALL
    assert all(finding.fix for finding in found if finding.result is Result.WORKED)
    lines = list(report(Project(ProjectName("demo"), "/srv/demo"), Isolation.UNIT, found))
    assert lines[-1] == f"0 of {len(found)} refused; 1 cannot be refused at this level"


def test_a_proxy_that_lets_through_is_no_matter_of_the_wall() -> None:
    name = next(name for name, group in GROUPS.items() if group == PROXY)
    found = findings([Attempt(name, False)], Isolation.NONE)
    (fix,) = {finding.fix for finding in found if finding.result is Result.WORKED}
    assert "net rule" in fix


# --- what it goes for


def test_real_things_are_attacked_beside_made_ones(tmp_path: Path) -> None:
    settings = load(furnish(tmp_path))
    project = settings.projects[ProjectName("demo")]
    real = loot.loot(settings, project_list(settings), project)
    assert real["tokens"][0] == str(tmp_path / "credentials/telegram-token")
    assert real["of_other_projects"] == (str(tmp_path / "other/source"),)
    assert str(tmp_path / "demo") not in real["other_projects"]


async def test_what_is_made_is_told_in_one_line(tmp_path: Path) -> None:
    async with stage(tmp_path, tmp_path / "nowhere") as targets:
        more = targets.beside({"tokens": ("/real/token",)})
        told = json.loads(more.encode())
        assert told["paths"]["tokens"] == [str(tmp_path / "credentials/token"), "/real/token"]
        assert Path(told["marks"]["token"]).read_text() == told["marks"]["secret"]
        assert Path(f"/proc/{told['marks']['daemon']}").exists() or sys.platform != "linux"
