"""The one command people type: quick, and without the chat platforms."""

from __future__ import annotations

import subprocess
import sys

import pytest

from appliance.app.dispatchctl import build_parser, main


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


def test_settings_that_are_not_there_are_one_sentence_and_a_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["status", "--config", "/nowhere/dispatch.toml"]) == 78
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("dispatchctl: error: cannot read the settings /nowhere/dispatch.toml")
    assert hint.startswith("dispatchctl: hint: ")
