"""Writers that are killed, disks that lose power, fail or are full: nothing acknowledged is lost.

DISPATCH_KILLS and DISPATCH_POWER_CUTS ask for more than can be waited for at each run.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from appliance.audit.database import DATABASE
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from tests.audit.bad_disk import Disk, PowerCut
from tests.audit.crash_steps import ACTS
from tests.audit.logs import BOOT
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]
KILLS = int(os.getenv("DISPATCH_KILLS", "20"))
POWER_CUTS = int(os.getenv("DISPATCH_POWER_CUTS", "50"))


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
@pytest.mark.timeout(60 + KILLS)
def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    assert "lost 0" in run("crash_writer", tmp_path, KILLS, 1)


@pytest.mark.crash
@pytest.mark.timeout(60 + KILLS)
@pytest.mark.parametrize("act", ACTS)
def test_a_log_recovers_from_a_kill_between_any_two_lines(act: str, tmp_path: Path) -> None:
    assert f"{act}:" in run("crash_steps", tmp_path, act, KILLS)


@pytest.mark.crash
@pytest.mark.timeout(60 + POWER_CUTS)
@pytest.mark.parametrize("how", ["power", "io", "full"])
def test_a_bad_disk_loses_nothing_that_was_acknowledged(how: str, tmp_path: Path) -> None:
    assert "none lost" in run("crash_disk", tmp_path, how, POWER_CUTS)


def test_the_bad_disk_does_lose_what_was_not_synced(tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    lost = 0
    for number in range(10):
        path = tmp_path / f"{number}.db"
        disk = Disk(30 + number, PowerCut, random.Random(number))
        connection = disk.connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        written = write_rows(connection._connection)
        connection.close()
        disk.leave()
        with apsw.Connection(str(path)) as left:
            lost += rows(left) < written
    assert lost


def write_rows(connection: apsw.Connection) -> int:
    written = 0
    try:
        connection.execute("CREATE TABLE t(x)")
        while True:
            connection.execute("INSERT INTO t VALUES (1)")
            written += 1
    except (apsw.Error, PowerCut):
        return written


def rows(connection: apsw.Connection) -> int:
    try:
        return int(next(connection.execute("SELECT count(*) FROM t"))[0])
    except apsw.SQLError:
        return 0


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
