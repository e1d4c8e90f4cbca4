"""`dispatchctl policy …`: what is printed, and the exit status."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.app import policy_commands
from tests.app.groups import run_group
from tests.policy.policies_on_disk import SHIPPED


def main(arguments: Sequence[str]) -> int:
    return run_group(policy_commands, arguments)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "demo").mkdir()
    shutil.copytree(SHIPPED, tmp_path / "policies")
    file = tmp_path / "dispatch.toml"
    file.write_text(
        "[web]\n[users.me]\nweb = true\n"
        f'[daemon]\npolicies = "{tmp_path}/policies"\n'
        f'[projects.demo]\npath = "{tmp_path}/demo"\n'
    )
    return file


def test_a_good_policy_is_ok(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "--config", str(settings)]) == 0
    assert capsys.readouterr().out.startswith("ok: ")
    assert main(["policy", "check", "--config", str(settings), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert len(found["sha256"]) == 64


COMMANDS = {
    "check": (),
    "test": (),
    "diff": ("{policies}", "{policies}"),
    "fmt": ("--check",),
    "import-patterns": ("{lists}",),
    "who-can": ("bash", "git status"),
    "show": ("--as", "me"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_answer_for_programs_carries_its_version(
    command: str, settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = tmp_path / "lists"
    lists.write_text("[allow]\n^git status$\n")
    words = (word.format(policies=tmp_path / "policies", lists=lists) for word in COMMANDS[command])
    config = () if command == "import-patterns" else ("--config", str(settings))
    assert main(["policy", command, *words, "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out)["v"] == 1


@pytest.mark.parametrize("command", [*COMMANDS, "reload"])
def test_the_help_tells_the_exit_statuses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["policy", command, "--help"])
    assert "Exit status: 0 " in capsys.readouterr().out


@pytest.mark.parametrize("directory", ["nowhere", "demo"])
@pytest.mark.parametrize("command", ["check", "test", "show", "who-can"])
def test_without_a_policy_there_is_one_clear_answer(
    command: str,
    directory: str,
    settings: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policies = ("--policies", str(tmp_path / directory), "--config", str(settings))
    status = main(["policy", command, *COMMANDS[command], *policies])
    said = capsys.readouterr()
    if command == "check":
        assert (status, said.err) == (2, "")
        assert said.out.endswith("the policy cannot be used\n")
    else:
        assert (status, said.out) == (78, "")
        assert said.err.startswith("dispatchctl: error: ")


def test_every_mistake_is_told(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policies" / "more.csv").write_text("p, owner, *, bash, ls, alow\nx\n")
    assert main(["policy", "check", "--config", str(settings)]) == 2
    said = capsys.readouterr().out
    assert 'policies/more.csv:1:24: unknown effect "alow", did you mean "allow"?' in said
    assert 'policies/more.csv:2:1: unknown kind of line "x"' in said
    assert main(["policy", "check", "--config", str(settings), "--json"]) == 2
    assert not json.loads(capsys.readouterr().out)["ok"]
