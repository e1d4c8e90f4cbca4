"""Grounds for real tasks, and stub agents to run on them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.stub_claude import stub_claude
from tests.grounds import Grounds


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    return Grounds.make(tmp_path)


@pytest.fixture
def stub(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a stub `claude` that follows a script."""

    def made(script: str) -> Path:
        program = tmp_path / "claude"
        # never open for writing while another test's child is forked: exec would fail (ETXTBSY)
        descriptor = os.open(program, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755)
        with os.fdopen(descriptor, "w") as file:
            file.write(stub_claude(script))
        return program

    return made
