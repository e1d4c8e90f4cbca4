"""The one command people type: quick, and without the chat platforms."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator

import pytest

from appliance.app.dispatchctl import build_parser, main

NAMES = ("COMMAND", "ACTION", "VERB")
"""What stands for a list of commands, each of which has its line."""


def test_it_never_imports_the_heavy_parts() -> None:
    code = (
        "import sys; from appliance.app.dispatchctl import build_parser; build_parser();"
        "print(sorted({'aiogram', 'aiohttp', 'casbin', 'cryptography', 'pydantic', 'asyncio',"
        " 'sqlite3'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "jobs",
        "send",
        "login",
        "doctor",
        "config",
        "project",
        "credential",
        "agent",
        "policy",
        "audit",
    ],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([command, "--help"])
    assert ended.value.code == 0
    assert "usage: dispatchctl" in capsys.readouterr().out


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from commands(command)


def test_every_help_says_what_for_and_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in commands(build_parser()):
        shown = command.format_help()
        assert command.description, command.prog
        assert max(map(len, shown.splitlines())) <= 80, command.prog
        assert all(a.help for a in command._actions if a.metavar not in NAMES), command.prog


def test_settings_that_are_not_there_are_one_sentence_and_a_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["status", "--config", "/nowhere/dispatch.toml"]) == 78
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("dispatchctl: error: cannot read the settings /nowhere/dispatch.toml")
    assert hint.startswith("dispatchctl: hint: ")
