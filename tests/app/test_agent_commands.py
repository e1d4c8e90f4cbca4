"""`dispatchctl agent`: the program's own login, as the user whose home it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app import agent_commands
from tests.app.groups import run_group

SETTINGS = """
[web]
[users.me]
web = true
[projects.demo]
path = "{home}/demo"
"""
CLAUDE = """
[claude]
program = "{home}/claude"
home = "{home}/agent"
"""
# logged in once its own login has run; it writes down who it was and what it was given
PROGRAM = """#!/bin/sh
case "$*" in
  --version) echo "2.9.9 (Claude Code)" ;;
  "auth status") test -e "$HOME/login" && echo '{"loggedIn": true}' ;;
  "auth login") id -un >"$HOME/login"; env | cut -d= -f1 | sort >"$HOME/environment"; pwd ;;
esac
"""
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name in ("demo", "agent"):
        (tmp_path / name).mkdir()
    (tmp_path / "claude").write_text(PROGRAM)
    (tmp_path / "claude").chmod(0o755)
    _write(tmp_path, CLAUDE)
    return tmp_path


def _write(home: Path, claude: str) -> None:
    (home / "dispatch.toml").write_text((SETTINGS + claude).format(home=home))


def run(house: Path, *arguments: str) -> int:
    config = f"--config={house}/dispatch.toml"
    return run_group(agent_commands, ["agent", *arguments, config])


def test_a_login_is_the_programs_own_and_then_looked_at(
    house: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-for-it")
    assert run(house, "status") == 1
    assert "run: dispatchctl agent login claude" in capsys.readouterr().out
    assert run(house, "login", "claude") == 0
    assert capsys.readouterr().out == "claude 2.9.9, logged in\n"
    given = (house / "agent/environment").read_text().split()
    assert {"HOME", "PATH", "TERM", "DISABLE_AUTOUPDATER"} <= set(given)
    assert "ANTHROPIC_API_KEY" not in given
    assert run(house, "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "v": 1, "agent": "claude", "version": "2.9.9", "problem": "",
    }  # fmt: skip


@pytest.fixture
def reachable(house: Path) -> Iterator[None]:
    """What pytest makes is closed to other users; for once it is not."""
    modes = {path: path.stat().st_mode for path in (house, *house.parents[:3])}
    for path, mode in modes.items():
        path.chmod(mode | 0o001)
    yield
    for path, mode in modes.items():
        path.chmod(mode)


@needs_root
@pytest.mark.usefixtures("reachable")
def test_it_runs_as_the_owner_of_the_home(house: Path) -> None:
    os.chown(house / "agent", 65534, 65534)
    assert run(house, "login", "claude") == 0
    assert (house / "agent/login").read_text() == "nobody\n"


@needs_root
def test_a_home_of_nobody_is_refused(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.chown(house / "agent", 4_000_000, 4_000_000)
    assert run(house, "status") == 78
    assert "there is no user 4000000" in capsys.readouterr().err


def test_a_login_that_is_a_credential_needs_no_other(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(house, CLAUDE + 'login = "claude-key"\n')
    assert run(house, "status") == 0
    assert capsys.readouterr().out == "claude 2.9.9, given its key by descriptor\n"


def test_what_is_missing_is_said_with_what_to_do(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (house / "claude").unlink()
    assert run(house, "login", "claude") == 69
    assert "claude does not start" in capsys.readouterr().err
    assert run(house, "status") == 1
    assert "install Claude Code" in capsys.readouterr().out
    (house / "agent").rmdir()
    assert run(house, "status") == 78
    assert "there is no home for the agent" in capsys.readouterr().err
    _write(house, "")
    assert run(house, "status") == 78
    assert "no [claude] section" in capsys.readouterr().err
