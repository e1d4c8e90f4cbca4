"""Writes a log until the disk is full, and tells what was acknowledged after that: nothing.

Run as a program: `python -m tests.audit.full_disk DIRECTORY BYTES`. No file may grow past BYTES,
which to SQLite is a disk that fails in the middle of a write.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from appliance.audit.log import AuditLog
from appliance.audit.writer import Writer
from appliance.errors import AuditUnavailable
from appliance.host.clock import SystemClock
from tests.audit.logs import BOOT, allowed


async def main(directory: Path, limit: int) -> None:
    log = AuditLog(Writer(directory, SystemClock(), BOOT))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    last = await _fill(log)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # there is room again: too late
    for number in range(3):
        try:
            await log.append(allowed(number))
        except AuditUnavailable:
            continue
        raise AssertionError("acknowledged after a failure")
    await log.close()
    print(last)


async def _fill(log: AuditLog) -> int:
    last = 0
    for number in range(100_000):
        try:
            last = (await log.append(allowed(number))).seq
        except AuditUnavailable:
            return last
    raise AssertionError("the disk never filled")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
