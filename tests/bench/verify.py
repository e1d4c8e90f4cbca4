"""How fast a log is verified, by ours and by Go's.

Seconds are those of a processor: the file is in the cache, nobody waits for a disk, and what else
the machine does is of no interest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random

from appliance.audit.database import DATABASE, PUBLIC_KEY
from appliance.audit.tiles import write_tiles
from appliance.audit.verify import Depth, Verdict, verify
from appliance.audit.writer import Writer, prepare
from tests.attacks.audit.outsider import PACKAGES, build
from tests.audit.logs import BOOT
from tests.bench.large_log import many_events
from tests.bench.table import Row, Target
from tests.fakes import FakeClock

REPEATS = 3
SMALL_COMMITS = 100_000  # records of the log in which each commit has one

_QUICK = Target(250_000, is_minimum=True)
_USUAL = Target(100_000, is_minimum=True)


def rows(work: Path, large: Path, records: int) -> list[Row]:
    """Verify a large log, and one below `work` with a signature for each record."""
    single = single_commits(work / "single", min(records, SMALL_COMMITS))
    return [
        _speed(
            f"verify --quick, {records} records",
            large,
            Depth.QUICK,
            _QUICK,
        ),
        _speed(f"verify, {records} records", large, Depth.USUAL, _USUAL),
        _speed("verify --quick, a signature for each record", single, Depth.QUICK),
        _speed("verify, a signature for each record", single, Depth.USUAL),
        _speed("verify --full, a signature for each record", single, Depth.FULL, repeats=1),
        *_outsider_rows(work, large, records),
    ]


def single_commits(directory: Path, size: int) -> Path:
    """A log of a daemon that is never asked for two things at once."""
    writer = Writer(directory, clock := FakeClock(), BOOT)
    for event in islice(many_events(Random(size)), size):
        clock.advance(1)
        writer.commit([[prepare(event)]])
        writer.rotate_when_due()
    writer.close()
    return directory / DATABASE


def _speed(
    name: str, path: Path, depth: Depth, target: Target | None = None, repeats: int = REPEATS
) -> Row:
    def once() -> int:
        found = verify(path, depth=depth)
        assert found.verdict is Verdict.INTACT, found
        return found.size

    size = once()  # and the file is in the cache of the system
    return Row(name, "rows/s", [size / _seconds(once) for _ in range(repeats)], target=target)


def _outsider_rows(work: Path, large: Path, records: int) -> list[Row]:
    """None where Go is missing."""
    if shutil.which("go") is None or not PACKAGES.exists():
        return []
    (work / "go").mkdir()
    outsider = build(work / "go")
    pinned = (large.parent / PUBLIC_KEY).read_text()
    export = _seconds(lambda: write_tiles(large, work / "tiles"))

    def check() -> None:
        assert outsider("tiles", work / "tiles", pinned) == "intact"

    seconds = [_seconds(check) for _ in range(REPEATS)]
    return [
        Row(f"export {records} records as tiles", "s", [export]),
        Row(f"Go's sumdb/tlog verifies {records} records", "s", seconds, target=Target(3)),
    ]


def _seconds(act: Callable[[], object]) -> float:
    """Of this process and of those that it has waited for."""
    began = sum(os.times()[:4])
    act()
    return sum(os.times()[:4]) - began
