"""Kills writers of a log, again and again, and checks what they had acknowledged.

Run as a program, because it forks: `python -m tests.audit.crash_writer DIRECTORY ROUNDS SEED`.
Three callers append while a fourth rotates keys, redacts, prunes and takes checkpoints. Prints
how many records were acknowledged in all; fails when one of them is not in the log.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from appliance.audit.database import DATABASE, reading
from appliance.audit.log import AuditLog
from appliance.audit.verify import Verdict, verify
from appliance.audit.writer import Writer
from appliance.core.records import decode
from appliance.host.clock import SystemClock
from tests.audit.logs import ANNA, BOOT, allowed

PRUNE_EVERY = 50


def main(directory: Path, rounds: int, chance: random.Random) -> int:
    acknowledged: dict[int, int] = {}
    for number in range(rounds):
        acknowledged.update(_one_life(directory, number, chance))
    lost = _lost(directory, acknowledged)
    verdict = verify(directory / DATABASE)
    print(f"acknowledged {len(acknowledged)}, lost {len(lost)}, {verdict}")
    return int(bool(lost) or verdict.verdict is not Verdict.INTACT or not acknowledged)


def _lost(directory: Path, acknowledged: dict[int, int]) -> list[int]:
    """Records that are not there, or are others; of a pruned one only its hash can be there."""
    with reading(directory / DATABASE) as connection:
        found = dict(connection.execute("SELECT seq, rec FROM leaf"))
    return [
        seq
        for seq, number in acknowledged.items()
        if seq not in found
        or (found[seq] is not None and decode(found[seq]).cause != (f"telegram:1:{number}",))
    ]


def _one_life(directory: Path, number: int, chance: random.Random) -> dict[int, int]:
    """Fork a writer, kill it after a random number of acknowledgements; what it acknowledged."""
    reading_end, writing_end = os.pipe()
    child = os.fork()
    if child == 0:
        asyncio.run(_write(directory, number * 1_000_000, writing_end))
    os.close(writing_end)
    with os.fdopen(reading_end) as acknowledgements:
        lines = [acknowledgements.readline() for _ in range(chance.randrange(20))]
        os.kill(child, signal.SIGKILL)
        lines += acknowledgements.readlines()
    os.waitpid(child, 0)
    pairs = (line.split() for line in lines if line.endswith("\n"))  # the last may be cut
    return {int(seq): int(written) for seq, written in pairs}


async def _write(directory: Path, first: int, pipe: int) -> None:
    writer = Writer(directory, SystemClock(), BOOT)
    log = AuditLog(writer)

    async def write(numbers: range) -> None:
        for number in numbers:
            receipt = await log.append(allowed(number))
            os.write(pipe, f"{receipt.seq} {number}\n".encode())

    async with asyncio.TaskGroup() as group:
        for start in range(3):
            group.create_task(write(range(first + start, first + 1_000_000, 3)))
        group.create_task(_administer(writer, log, first))


async def _administer(writer: Writer, log: AuditLog, seed: int) -> None:
    chance = random.Random(seed)
    while True:
        receipt = await log.append(allowed(-1))
        writer.redact(receipt.seq, "input", "", ANNA)
        writer.rotate()
        await log.record_anchor(log_size(await log.checkpoint()), "chat", "thanks")
        if not chance.randrange(PRUNE_EVERY):
            writer.prune(max(2, receipt.seq - chance.randrange(100)), "", ANNA)


def log_size(note: str) -> int:
    return int(note.split("\n")[1])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))))
