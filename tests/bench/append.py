"""What a durable, signed record costs, beside what the same disk and SQLite alone do.

BASE is a 4 KiB append and its fdatasync; a bare row is one of a record's size in SQLite (WAL,
synchronous=FULL). All are measured in turn.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.client import RemoteAudit
from appliance.audit.database import reading
from appliance.audit.writer import Writer, prepare
from appliance.core.events import Event
from appliance.host.clock import SystemClock
from tests.audit.logs import BOOT, denied
from tests.bench.large_log import many_events
from tests.bench.table import MEBIBYTE, Row, Target

ROUNDS = 2_000
GROUP_ROUNDS = 300
CPU_BATCHES = 20
CPU_BATCH = 200

Act = Callable[[], object]


def rows(work: Path, path: Path, records: int) -> list[Row]:
    """Begin a log below `work` beside a large one, and append to both."""
    os.sync()  # else all that follows waits for what the log has written
    database_bytes, record_bytes = bytes_of(path)
    found = [
        Row(
            f"database bytes / record bytes, {records} records",
            "x",
            [database_bytes / record_bytes],
            target=Target(1.5),
        ),
        Row(
            "RSS of dispatch-audit with them",
            "MiB",
            [asyncio.run(resident_mebibytes(work, path))],
            target=Target(30),
        ),
    ]
    with closing(opened(path.parent)) as large, closing(opened(work / "small")) as small:
        base = partial(append_page, os.open(work / "base", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
        bare = bare_row(work / "bare.db", record_bytes // records)
        return [
            *append_rows(base, bare, small, large, records),
            *group_rows(base, small),
            *cpu_rows(work),
            *found,
        ]


def append_rows(base: Act, bare: Act, small: Writer, large: Writer, records: int) -> list[Row]:
    event, mixture = denied(), many_events(random.Random(1))
    events = iter(list(islice(mixture, ROUNDS + 1)))  # to make one is the caller's work
    bases, bares, plain, mixed, at_large = in_turn(
        ROUNDS,
        base,
        bare,
        lambda: append(small, event),
        lambda: append(small, next(events)),
        lambda: append(large, event),
    )
    return [
        Row("append: 4 KiB and fdatasync (BASE)", "µs", micro(bases)),
        Row("append: a bare SQLite row", "µs", micro(bares)),
        Row("append: a record, signed", "µs", micro(plain)),
        Row("append: what jobs record, with private values", "µs", micro(mixed)),
        Row("append / BASE", "x", over(plain, bases), target=Target(1.8)),
        Row("append / a bare SQLite row", "x", over(plain, bares), target=Target(1.45)),
        Row("append with private values / BASE", "x", over(mixed, bases)),
        Row(
            f"append after {records} records / in a short log",
            "x",
            over(at_large, plain),
            target=Target(1.1),
        ),
    ]


def group_rows(base: Act, writer: Writer) -> list[Row]:
    """Of callers who wait for the same fsync; each has prepared its record before that."""

    def group(size: int) -> Act:
        return lambda: writer.commit([[item] for item in drafts[:size]])

    drafts = [prepare(denied(number)) for number in range(100)]
    bases, tens, hundreds = in_turn(GROUP_ROUNDS, base, group(10), group(100))
    return [
        Row("commit for 10 callers / BASE", "x", over(tens, bases), target=Target(2.3)),
        Row("commit for 100 callers / BASE", "x", over(hundreds, bases), target=Target(7.5)),
    ]


def cpu_rows(work: Path) -> list[Row]:
    """Where the disk costs nothing: the kernel's work for an fsync is BASE's too."""
    key, text = Ed25519PrivateKey.generate(), b"x" * 100
    memory = Path("/dev/shm")  # Linux; elsewhere this counts the disk as well
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else work) as place,
        closing(opened(Path(place))) as writer,
    ):
        event = denied()
        draft = prepare(event)
        appends, commits, prepares, signatures = (
            cpu_microseconds(act)
            for act in (
                lambda: append(writer, event),
                lambda: writer.commit([[draft]]),
                lambda: prepare(event),
                lambda: key.sign(text),
            )
        )
    return [
        Row("CPU of an append", "µs", appends, target=Target(60)),
        Row("of which its commit: chain, tree, SQLite, signature", "µs", commits),
        Row("of which Ed25519 alone", "µs", signatures),
        Row("of which its preparation: secrets, salts, JSON", "µs", prepares),
    ]


# --- what is measured


def opened(directory: Path) -> Writer:
    return Writer(directory, SystemClock(), BOOT)


def append(writer: Writer, event: Event) -> None:
    writer.commit([[prepare(event)]])


def append_page(descriptor: int) -> None:
    os.write(descriptor, bytes(4096))
    os.fdatasync(descriptor)


def bare_row(path: Path, size: int) -> Act:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row(seq INTEGER PRIMARY KEY, content BLOB)")
    content = os.urandom(size)
    return lambda: connection.execute("INSERT INTO row(content) VALUES (?)", (content,))


def bytes_of(path: Path) -> tuple[int, int]:
    """Of the database, and of the records and private values in it."""
    with reading(path) as connection:
        (records,) = connection.execute("SELECT sum(length(rec)) FROM leaf").fetchone()
        (values,) = connection.execute(
            "SELECT ifnull(sum(length(salt) + length(CAST(value AS BLOB))), 0) FROM payload"
        ).fetchone()
    return path.stat().st_size, records + values


async def resident_mebibytes(work: Path, path: Path) -> float:
    """Of the program itself, after it has opened the large log and recorded for a while."""
    socket = work / "socket"
    argv = [sys.executable, "-m", "appliance.app.dispatch_audit", "--writer", str(os.geteuid())]
    argv += ["--directory", str(path.parent), "--socket", str(socket)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as program:
        try:
            while not socket.exists():
                await asyncio.sleep(0.01)
            log = RemoteAudit(socket, (os.geteuid(),), SystemClock())
            for event in islice(many_events(random.Random(2)), 1_000):
                await log.append(event)
            await log.close()
            return float(psutil.Process(program.pid).memory_info().rss / MEBIBYTE)
        finally:
            program.send_signal(signal.SIGTERM)


# --- how


def in_turn(times: int, *acts: Act) -> list[list[float]]:
    """Seconds that each act took, A, B, A, B …; the first round warms up."""
    found: list[list[float]] = [[] for _ in acts]
    for _ in range(times + 1):
        for act, seconds in zip(acts, found, strict=True):
            began = time.perf_counter()
            act()
            seconds.append(time.perf_counter() - began)
    return [seconds[1:] for seconds in found]


def cpu_microseconds(act: Act) -> list[float]:
    """Each the mean of a batch; the first batch warms up."""
    found = []
    for _ in range(CPU_BATCHES + 1):
        began = time.thread_time()
        for _ in range(CPU_BATCH):
            act()
        found.append((time.thread_time() - began) / CPU_BATCH * 1e6)
    return found[1:]


def over(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours in units of their median: their p50 is the ratio of the medians."""
    unit = median(theirs)
    return [seconds / unit for seconds in ours]


def micro(seconds: Sequence[float]) -> list[float]:
    return [value * 1e6 for value in seconds]
