"""How long a task takes from the daemon's wish to its program's first word, behind each wall.

`python -m tests.bench.task_start [STARTS]` runs it alone. A launcher waits ahead, as always; the
walls take turns.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.agent.beside import Beside
from appliance.agent.task_link import Launch, TaskLink
from appliance.core.model import Isolation
from appliance.task.bridge import channel
from tests.bench.table import Row, Target, markdown
from tests.grounds import HAS_BUBBLEWRAP, HAS_LANDLOCK, Grounds

STARTS = 100
PAUSE_SECONDS = 0.25
"""Between starts: the launcher in waiting has rehearsed, as it has when a person writes."""

TARGET = Target(100, "p95")
WORD = ("sh", "-c", "echo .")


@dataclass(frozen=True, slots=True)
class Way:
    """One kind of start, with a launcher in waiting."""

    grounds: Grounds
    link: TaskLink
    has_way_out: bool

    async def milliseconds(self) -> float:
        """From the wish to the first word."""
        ours, theirs = channel()
        with ours, theirs:
            network = theirs.fileno() if self.has_way_out else None
            began = time.perf_counter()
            launch = Launch(WORD, {}, network=network)
            async with self.link.start(self.grounds.task("x"), launch) as running:
                assert await running.stdout.readline() == b".\n"
                return (time.perf_counter() - began) * 1000


def rows(work: Path, starts: int = STARTS) -> list[Row]:
    """Start tasks below `work`."""
    found = asyncio.run(_measured(work, starts))
    return [Row(f"task start: {name}", "ms", times, target=TARGET) for name, times in found.items()]


async def _measured(work: Path, starts: int) -> Mapping[str, list[float]]:
    async with AsyncExitStack() as stack:
        ways = {
            name: await stack.enter_async_context(_way(work / name, level, has_way_out))
            for name, level, has_way_out in _kinds()
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(starts + 1):
            for name, way in ways.items():
                await asyncio.sleep(PAUSE_SECONDS)
                took = await way.milliseconds()
                if number:  # the first round warms up
                    found[name].append(took)
        return found


def _kinds() -> list[tuple[str, Isolation, bool]]:
    kinds = [("no wall", Isolation.NONE, False)]
    if HAS_LANDLOCK:
        kinds.append(("landlock", Isolation.LANDLOCK, False))
        kinds.append(("landlock and a way out", Isolation.LANDLOCK, True))
    if HAS_BUBBLEWRAP:
        kinds.append(("bubblewrap", Isolation.BUBBLEWRAP, False))
        kinds.append(("bubblewrap and a way out", Isolation.BUBBLEWRAP, True))
    return kinds


@asynccontextmanager
async def _way(work: Path, level: Isolation, has_way_out: bool) -> AsyncIterator[Way]:
    work.mkdir()
    grounds = Grounds.make(work).at(level)
    if level is not Isolation.NONE:
        grounds = grounds.with_projects(unsafe_host_network=False)
    link, ready = grounds.link(), asyncio.Event()
    async with Beside(link.run(ready.set)):
        await ready.wait()
        yield Way(grounds, link, has_way_out)


def main() -> int:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else STARTS
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        print(markdown(rows(Path(work), starts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
