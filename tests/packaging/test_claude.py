"""Where the tests' `claude` comes from, and how loudly its absence is told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

IMAGE = shutil.ignore_patterns("image")
"""It has links to what is in an image only."""


def ask(checkout: Path, programs: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copytree(ROOT / "packaging", checkout / "packaging", dirs_exist_ok=True, ignore=IMAGE)
    return subprocess.run(
        [sys.executable, checkout / "packaging" / "claude.py"],
        env={"PATH": str(programs), **environment},
        capture_output=True,
        text=True,
    )


def program(directory: Path, name: str, script: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_new_enough_one_on_path_is_taken(tmp_path: Path) -> None:
    claude = program(tmp_path, "claude", 'echo "2.1.317 (Claude Code)"')
    assert ask(tmp_path, tmp_path).stdout.strip() == str(claude)


@pytest.mark.parametrize("script", ['echo "2.1.316 (Claude Code)"', "exit 1", "echo hello"])
def test_an_old_or_broken_one_is_not_taken(tmp_path: Path, script: str) -> None:
    program(tmp_path, "claude", script)
    assert ask(tmp_path, tmp_path).stdout == ""


def test_what_is_named_is_taken_unseen(tmp_path: Path) -> None:
    named = ask(tmp_path, tmp_path, DISPATCH_TEST_CLAUDE="/opt/claude")
    assert named.stdout.strip() == "/opt/claude"


def test_without_any_the_skipping_is_loud_and_ci_fails(tmp_path: Path) -> None:
    at_home, in_ci = ask(tmp_path, tmp_path), ask(tmp_path, tmp_path, CI="true")
    assert (at_home.returncode, in_ci.returncode) == (0, 1)
    assert at_home.stderr.startswith("WARNING: SKIPPED")
    assert in_ci.stderr.startswith("error: CI runs")
    assert at_home.stdout == ""


def test_what_npm_says_when_it_fails_is_passed_on(tmp_path: Path) -> None:
    program(tmp_path, "npm", "echo 'npm error network: no route' >&2; exit 1")
    done = ask(tmp_path, tmp_path)
    assert done.returncode == 0
    assert "npm error network: no route" in done.stderr
