"""Kills writers of a log, again and again, and checks what they had acknowledged.

Run as a program, because it forks: `python -m tests.audit.crash_writer DIRECTORY ROUNDS SEED`.
Prints how many records were acknowledged in all; fails when one of them is not in the log.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from appliance.audit.database import DATABASE
from appliance.audit.log import AuditLog
from appliance.audit.reader import entries
from appliance.audit.search import Filter
from appliance.audit.verify import Verdict, verify
from appliance.host.clock import SystemClock
from tests.audit.logs import BOOT, allowed


def main(directory: Path, rounds: int, chance: random.Random) -> int:
    acknowledged: dict[int, int] = {}
    for number in range(rounds):
        acknowledged.update(_one_life(directory, number, chance))
    found = {
        e.record.seq: e.record.cause for e in entries(directory / DATABASE, Filter(), limit=10**9)
    }
    lost = [seq for seq, n in acknowledged.items() if found.get(seq) != (f"telegram:1:{n}",)]
    verdict = verify(directory / DATABASE)
    print(f"acknowledged {len(acknowledged)}, lost {len(lost)}, {verdict}")
    return int(bool(lost) or verdict.verdict is not Verdict.INTACT or not acknowledged)


def _one_life(directory: Path, number: int, chance: random.Random) -> dict[int, int]:
    """Fork a writer, kill it after a random number of acknowledgements; what it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        asyncio.run(_write(directory, number * 1_000_000, writing))
    os.close(writing)
    with os.fdopen(reading) as acknowledgements:
        lines = [acknowledgements.readline() for _ in range(chance.randrange(20))]
        os.kill(child, signal.SIGKILL)
        lines += acknowledgements.readlines()
    os.waitpid(child, 0)
    pairs = (line.split() for line in lines if line.endswith("\n"))  # the last may be cut
    return {int(seq): int(written) for seq, written in pairs}


async def _write(directory: Path, first: int, pipe: int) -> None:
    log = AuditLog.open(directory, SystemClock(), BOOT)

    async def write(numbers: range) -> None:
        for number in numbers:
            receipt = await log.append(allowed(number))
            os.write(pipe, f"{receipt.seq} {number}\n".encode())

    async with asyncio.TaskGroup() as group:
        for start in range(3):
            group.create_task(write(range(first + start, first + 1_000_000, 3)))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))))
