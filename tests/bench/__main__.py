"""`make bench`: both sides in turn, one table. Options set how often each thing is measured."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil

from tests.bench import audit, egress, forum, policy, systems, task_start
from tests.bench.sides import ROOT, NothingCame, Sample, Side, Start, daemon, plain_script
from tests.bench.table import MEBIBYTE, Row, Target, markdown, write

BUILD = ROOT / "build"
SETTLE_SECONDS = 3.0
PAUSE_SECONDS = 0.25
"""Between messages: each meets an idle machine, as a person's does, not the last one's clean-up."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each thing is measured."""

    samples: int
    starts: int
    burst: int
    records: int


def main() -> int:
    counts = _counts()
    BUILD.mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))  # not in /tmp: sandboxes hide it
    try:
        rows = [
            *asyncio.run(measured(work, counts)),
            help_row(counts.starts),
            *audit.rows(work, counts.records),
            *policy.rows(work),
            *egress.rows(work),
            *task_start.rows(work),
            *forum.rows(work),
            *systems.rows(BUILD),
        ]
    except BaseExceptionGroup as group:
        if group.subgroup(NothingCame) is None:
            raise
        print(f"error: {innermost(group)}; the logs are in {work}", file=sys.stderr)
        return 1
    shutil.rmtree(work)
    machine = f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs"
    write(rows, machine, BUILD)
    print(f"\n{markdown(rows)}\n\nAlso in build/bench.md; every sample is in build/bench.json.")
    return 0


def innermost(error: BaseException) -> BaseException:
    return innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def measured(work: Path, counts: Counts) -> list[Row]:
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(daemon(work / "bare", with_bubblewrap=False))
        walled = await stack.enter_async_context(daemon(work / "walled", with_bubblewrap=True))
        plain = await stack.enter_async_context(plain_script(work / "plain"))
        starts = await in_turn("start", (bare, plain), counts.starts, lambda side, _: started(side))
        for side in (bare, walled, plain):
            await side.start()
            stack.push_async_callback(side.stop)
        await asyncio.sleep(SETTLE_SECONDS)
        memory = [family(side.pid) for side in (bare, plain)]
        samples = await in_turn("message", (bare, walled, plain), counts.samples, Side.sample)
        bursts = [await side.burst(counts.burst) for side in (bare, plain)]
        for side in (bare, plain):
            await side.stop(signal.SIGKILL)  # what the burst left to do is of no interest
    return [
        *message_rows(*samples),
        *start_rows(*starts),
        *memory_rows(*memory),
        Row(
            f"burst of {counts.burst}: confirmed to the chat (ours: stored; theirs: in memory)",
            "1/s",
            bursts[:1],
            bursts[1:],
            Target(200, is_minimum=True),
        ),
    ]


async def in_turn(
    what: str, sides: Sequence[Side], times: int, measure: Callable[[Side, int], Awaitable[R]]
) -> list[list[R]]:
    """A, B, A, B …, so that what else the machine does hits all alike. The first round warms up."""
    results: list[list[R]] = [[] for _ in sides]
    for number in range(times + 1):
        if sys.stderr.isatty():
            print(f"\r{what} {number}/{times} ", end="", file=sys.stderr, flush=True)
        for side, found in zip(sides, results, strict=True):
            await asyncio.sleep(PAUSE_SECONDS)
            found.append(await measure(side, number))
    return [found[1:] for found in results]


async def started(side: Side) -> Start:
    start = await side.start()
    await side.stop()
    return start


def message_rows(bare: list[Sample], walled: list[Sample], plain: list[Sample]) -> list[Row]:
    def of(samples: list[Sample], name: str) -> list[float]:
        return [getattr(sample, name) for sample in samples]

    theirs = of(plain, "agent_started")
    process = "message → agent process"
    return [
        Row(f"{process}, no sandbox", "ms", of(bare, "agent_started"), theirs, Target(7)),
        Row(
            f"{process}, bubblewrap",
            "ms",
            of(walled, "agent_started"),
            theirs,
            Target(100, "p95"),
        ),
        Row(
            "update → first visible reaction, bubblewrap",
            "ms",
            of(walled, "first_reaction"),
            of(plain, "first_reaction"),
            Target(50),
        ),
        *(
            Row(name, "ms", of(bare, field), of(plain, field), Target(bound))
            for name, field, bound in (
                ("message → first reaction", "first_reaction", 8),
                ("agent end → answer", "answered", 3),
            )
        ),
    ]


def start_rows(ours: list[Start], theirs: list[Start]) -> list[Row]:
    our_polls, their_polls = ([start.first_poll for start in side] for side in (ours, theirs))
    ready = [start.ready for start in ours if start.ready is not None]
    return [
        Row("start → READY", "s", ready, target=Target(1)),
        Row("start → first poll", "s", our_polls, their_polls, Target(0.9)),
    ]


def memory_rows(ours: list[Memory], theirs: list[Memory]) -> list[Row]:
    """Ours has dispatch-egress and a launcher in waiting; dispatch-audit has a row of its own."""
    alone, plain_alone = ([each[0].resident / MEBIBYTE] for each in (ours, theirs))
    together, plain_together = (
        [sum(one.proportional for one in each) / MEBIBYTE] for each in (ours, theirs)
    )
    return [
        Row("idle RSS of the process", "MiB", alone, plain_alone, Target(80)),
        Row("idle memory with its children (PSS)", "MiB", together, plain_together, Target(130)),
    ]


class Memory(NamedTuple):
    """Of one process, in bytes. `proportional`: a page that n processes share counts 1/n."""

    resident: int
    proportional: int


def family(pid: int) -> list[Memory]:
    """The process, then each of its descendants."""
    process = psutil.Process(pid)
    found = [one.memory_full_info() for one in (process, *process.children(recursive=True))]
    return [Memory(one.rss, one.pss) for one in found]


def help_row(times: int) -> Row:
    program = Path(sys.executable).with_name("dispatchctl")
    took = [seconds_of([str(program), "--help"]) * 1000 for _ in range(times + 1)]
    return Row("dispatchctl --help", "ms", took[1:], target=Target(150))


def seconds_of(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _counts() -> Counts:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--burst", type=int, default=1000)
    parser.add_argument("--records", type=int, default=audit.RECORDS)
    return Counts(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
