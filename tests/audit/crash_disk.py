"""Writes logs to disks that lose power or fail, and checks what had been acknowledged.

Run as a program, because it takes apsw's SQLite in place of the standard library's:
`python -m tests.audit.crash_disk DIRECTORY power|io|full COUNT`. That many moments are tried, at
random for power cuts, spread over all writes and syncs for errors. Whatever was acknowledged must
be in a log that verifies and can be written to, and after a failure nothing may be acknowledged.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw

from appliance.audit.database import DATABASE, reading
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer, prepare
from appliance.errors import AuditUnavailable
from appliance.ports import Receipt
from tests.audit.bad_disk import Disk, PowerCut
from tests.audit.logs import ANNA, BOOT, allowed, queued
from tests.fakes import FakeClock

ERRORS: dict[str, type[Exception]] = {
    "power": PowerCut,
    "io": apsw.IOError,
    "full": apsw.FullError,
}


def main(directory: Path, how: str, times: int) -> int:
    begun = directory / "begun"
    with closing(Writer(begun, FakeClock(), BOOT)) as writer:
        writer.commit([[prepare(allowed(1)), prepare(queued(1))]])
    acknowledged = failed = 0
    for number, (place, start) in enumerate(lives(directory, begun, how, times)):
        disk = Disk(place, ERRORS[how], random.Random(number))
        receipts = one_life(directory / "log", start, disk)
        check(directory / "log", receipts)
        acknowledged += len(receipts)
        failed += disk.has_failed
    print(f"{failed} failures, {acknowledged} acknowledged, none lost")
    return int(not acknowledged or not failed)


def lives(directory: Path, begun: Path, how: str, times: int) -> Iterator[tuple[int, Path | None]]:
    """At which operation the disk fails, and with what log it starts."""
    chance = random.Random(times)
    for start in (begun, None):
        good = Disk(sys.maxsize, PowerCut, chance)
        one_life(directory / "log", start, good)
        if how == "power":
            places = [chance.randrange(1, good.operations) for _ in range(times // 2)]
        else:
            places = list(range(1, good.operations, max(1, 2 * good.operations // times)))
        yield from ((place, start) for place in places)


def one_life(directory: Path, start: Path | None, disk: Disk) -> list[Receipt]:
    """Write until all is done or the disk fails; what was acknowledged."""
    shutil.rmtree(directory, ignore_errors=True)
    if start is not None:
        shutil.copytree(start, directory)
    receipts: list[Receipt] = []
    factory: Any = disk.connect
    with suppress(AuditUnavailable):
        writer = Writer(directory, FakeClock(), BOOT, factory=factory)
        try:
            write(writer, receipts, disk.chance)
            writer.close()
        finally:
            if disk.has_failed:
                must_refuse(writer)
                abandon(writer)
    disk.leave()
    return receipts


def write(writer: Writer, receipts: list[Receipt], chance: random.Random) -> None:
    for number in range(12):
        drafts = [prepare(allowed(number)) for _ in range(chance.choice((1, 1, 1, 2, 30)))]
        receipts += writer.commit([drafts])
        match number % 6:
            case 1:
                writer.rotate()
            case 2:
                writer.redact(receipts[-1].seq, "input", "", ANNA)
            case 3:
                writer.record_anchor(writer.head().checkpoint.size, "chat", "thanks")
            case 4:
                writer.prune(receipts[-1].seq - 1, "", ANNA)
            case _:
                continue


def must_refuse(writer: Writer) -> None:
    """The disk may be good again; what it has lost meanwhile nobody knows."""
    for _ in range(3):
        try:
            writer.commit([[prepare(queued())]])
        except AuditUnavailable:
            continue
        raise AssertionError("acknowledged after a failure")


def abandon(writer: Writer) -> None:
    writer.refusal = writer.refusal or "the power is off"
    with suppress(Exception):
        writer.close()


def check(directory: Path, receipts: list[Receipt]) -> None:
    Writer(directory, FakeClock(), BOOT).close()
    found = verify(directory / DATABASE)
    assert found.verdict is Verdict.INTACT, found
    with reading(directory / DATABASE) as connection:
        roots = dict(connection.execute("SELECT seq, root FROM leaf"))
    assert all(roots.get(receipt.seq) == receipt.root for receipt in receipts), "lost"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
