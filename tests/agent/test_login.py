"""What is said of an installed `claude` before anybody sends it work."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.agent.login import examine


def program(directory: Path, version: str, status: str) -> Path:
    file = directory / "claude"
    file.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; else echo \'{status}\'; fi\n'
    )
    file.chmod(0o755)
    return file


IN, OUT = '{"loggedIn": true}', '{"loggedIn": false}'


@pytest.mark.parametrize(
    ("version", "status", "has_key", "problem"),
    [
        ("2.1.329 (Claude Code)", IN, False, ""),
        ("2.1.329 (Claude Code)", OUT, True, ""),
        ("2.1.329 (Claude Code)", OUT, False, "not logged in"),
        ("2.1.329 (Claude Code)", "garbage", False, "not logged in"),
        ("2.1.316 (Claude Code)", IN, False, "too old, 2.1.317 is needed"),
        ("hello", IN, False, "does not run"),
    ],
)
def test_the_program_is_asked_itself(
    tmp_path: Path, version: str, status: str, has_key: bool, problem: str
) -> None:
    found = examine(program(tmp_path, version, status), tmp_path, has_key=has_key)
    assert problem in found.problem
    assert bool(found.problem) == bool(problem)


def test_a_program_that_is_not_there_is_a_problem_too(tmp_path: Path) -> None:
    assert "does not run" in examine(tmp_path / "none", tmp_path, has_key=True).problem


@pytest.mark.real_cli
def test_the_real_program_without_a_login_says_so(claude_program: Path, tmp_path: Path) -> None:
    found = examine(claude_program, tmp_path, has_key=False)
    assert "not logged in" in found.problem
    assert found.version.startswith("2.")
    assert examine(claude_program, tmp_path, has_key=True).problem == ""
