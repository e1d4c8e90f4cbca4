"""A restore that is killed anywhere leaves all of the old, or what can be finished."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.backup_commands.installation import ROOT


@pytest.mark.crash
def test_a_restore_that_is_killed_leaves_the_old_or_is_finished(tmp_path: Path) -> None:
    program = "tests.app.backup_commands.crash_restore"
    done = subprocess.run(
        [sys.executable, "-m", program, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "undone" in done.stdout
