"""Writers that are killed, and disks that are full: nothing acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.audit.database import DATABASE
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from tests.audit.logs import BOOT
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]


def run(program: str, *arguments: object) -> str:
    result = subprocess.run(
        [sys.executable, "-m", f"tests.audit.{program}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.crash
def test_fifty_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    assert "lost 0" in run("crash_writer", tmp_path, 50, 1)


@pytest.mark.parametrize("limit", [100_000, 150_001, 300_000])
def test_after_a_full_disk_nothing_is_acknowledged_and_nothing_lost(
    limit: int, tmp_path: Path
) -> None:
    last = int(run("full_disk", tmp_path, limit))
    found = verify(tmp_path / DATABASE)
    assert found.verdict is Verdict.INTACT
    assert found.size >= last > 1
    assert not (tmp_path / "ballast").exists()
    Writer(tmp_path, FakeClock(), BOOT).close()
