"""check, test, diff, fmt and import-patterns: what is printed, and the exit status."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.app.policy_commands.test_policy_commands import main
from tests.policy.policies_on_disk import SHIPPED

Out = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "demo").mkdir()
    shutil.copytree(SHIPPED, tmp_path / "policies")
    (tmp_path / "dispatch.toml").write_text(
        f'[web]\n[users.me]\nweb = true\n[daemon]\npolicies = "{tmp_path}/policies"\n'
        f'[projects.demo]\npath = "{tmp_path}/demo"\n'
    )
    return tmp_path


def _policy(home: Path, *words: str) -> int:
    return main(["policy", *words, "--config", str(home / "dispatch.toml")])


def _more(home: Path, *lines: str, name: str = "policies") -> None:
    (home / name / "more.csv").write_text("\n".join(lines) + "\n")


def test_doubtful_lines_are_warnings(home: Path, capsys: Out) -> None:
    _more(home, "p, owner, *, bash, python3 **, allow")
    assert _policy(home, "check") == 1
    said = capsys.readouterr().out
    assert "policies/more.csv:1: interpreter: p, owner, *, bash, python3 **, allow\n" in said
    assert all(len(line) <= 80 for line in said.splitlines() if line.startswith("  "))
    assert _policy(home, "check", "--json") == 1
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert (warning["kind"], warning["at"]) == ("interpreter", "policies/more.csv:1")


def test_failing_tests_are_shown_and_refused(home: Path, capsys: Out) -> None:
    _more(home, "t, me, demo, bash, rm -rf /, allow")
    assert _policy(home, "test") == 1
    assert "WRONG policies/more.csv:1 in demo: t, me, demo" in capsys.readouterr().out
    assert _policy(home, "check") == 2
    assert "policies/more.csv:1:1: this must be allow, and is approve by" in capsys.readouterr().out
    assert _policy(home, "test", "--json") == 1
    assert not json.loads(capsys.readouterr().out)["ok"]


def test_passing_tests_are_counted(home: Path, capsys: Out) -> None:
    assert _policy(home, "test") == 0
    assert "22 of 22 tests came out right" in capsys.readouterr().out


def test_a_difference_is_told_in_words(home: Path, capsys: Out) -> None:
    shutil.copytree(home / "policies", home / "new")
    directories = (str(home / "policies"), str(home / "new"))
    assert _policy(home, "diff", *directories) == 0
    assert capsys.readouterr().out == "nobody may more or less\n"
    _more(home, "p, owner, *, mcp, github/get_*, allow", name="new")
    assert _policy(home, "diff", *directories) == 1
    assert capsys.readouterr().out == (
        "+ me everywhere: mcp github/get_*: denied → allowed (new/more.csv:1)\n"
    )
    assert _policy(home, "diff", *directories, "--json") == 1
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert (change["direction"], change["user"]) == ("more", "me")


def test_files_are_brought_into_shape_once(home: Path, capsys: Out) -> None:
    _more(home, "p,owner,*,mcp,github/get_*,allow # looks")
    assert _policy(home, "fmt", "--check") == 1
    assert "would change: " in capsys.readouterr().out
    assert _policy(home, "fmt") == 0
    capsys.readouterr()
    shaped = (home / "policies/more.csv").read_text()
    assert shaped == "p, owner, *, mcp, github/get_*, allow  # looks\n"
    assert _policy(home, "fmt", "--check", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"v": 1, "changed": [], "written": False}


def test_shaping_leaves_owner_and_rights_as_they_are(home: Path, capsys: Out) -> None:
    _more(home, "p,owner,*,mcp,github/get_*,allow")
    file = home / "policies/more.csv"
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 4711, 4712)
    before = file.stat()
    assert _policy(home, "fmt") == 0
    after = file.stat()
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert stat.S_IMODE(after.st_mode) == 0o640


def test_what_cannot_be_shaped_is_no_success(home: Path, capsys: Out) -> None:
    assert _policy(home, "fmt", "--check", "--policies", str(home / "none")) == 1
    assert "cannot read" in capsys.readouterr().err
    assert _policy(home, "fmt", "--check", "--policies", str(home / "demo")) == 1
    assert "there is no *.csv in" in capsys.readouterr().err
    _more(home, "p,owner,*,mcp,github/get_*,allow")
    (home / "policies/.more.csv.new").mkdir()  # stands where the new file would be written
    assert _policy(home, "fmt") == 1
    assert "cannot write" in capsys.readouterr().err


def test_lists_of_other_bridges_become_a_file_that_loads(home: Path, capsys: Out) -> None:
    lists = home / "lists.json"
    lists.write_text(
        json.dumps({"allow": [r"^git\s(status|log)"], "block": [r"curl.*\|.*sh", ">x\n"]})
    )
    assert main(["policy", "import-patterns", str(lists)]) == 1
    said = capsys.readouterr().out
    assert "# NOT CARRIED OVER (deny): >x\\n\n" in said
    (home / "policies/imported.csv").write_text(said)
    assert _policy(home, "check", "--json") in (0, 1)
    capsys.readouterr()
    assert main(["policy", "import-patterns", str(lists), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert len(found["imported"]) == 3
    assert "quotes" in found["limits"]
    assert main(["policy", "import-patterns", str(home / "none")]) == 1
    assert "cannot read" in capsys.readouterr().err
