"""Searching a log of a million records: filters and the story of a job, with a built index."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from appliance.audit import index
from appliance.audit.database import reading
from appliance.audit.reader import opened
from appliance.audit.search import Filter
from appliance.audit.story import story_in
from appliance.core.model import Millis
from appliance.core.records import Outcome
from tests.bench.table import Row, Target

REPEATS = 15
COMMAND_REPEATS = 5
LIMIT = 100

_LOG = Target(100)
_SHOW = Target(50)


def rows(path: Path, records: int) -> list[Row]:
    """Index a large log and search it."""
    began = time.perf_counter()
    with reading(path) as log:
        index.update(path, log, index.unheard)
    indexed = time.perf_counter() - began
    bytes_each = (
        path.with_name(index.INDEX).stat().st_size / records,
        path.stat().st_size / records,
    )
    return [
        Row("index all of it", "s", [indexed]),
        Row(
            "index, per record (the log itself beside it)", "bytes", bytes_each[:1], bytes_each[1:]
        ),
        *(_search_row(path, name, wanted) for name, wanted in _filters(path).items()),
        *_story_rows(path, records),
        *_command_rows(path, records),
    ]


def _filters(path: Path) -> dict[str, Filter]:
    with opened(path) as log:
        middle = log.entry(log.size // 2)
        assert middle is not None
    since = middle.record.time
    return {
        "everything": Filter(),
        "a user": Filter(who="user7"),
        "a user whom nobody knows": Filter(who="mallory"),
        "a project and an outcome": Filter(project="project3", outcome=Outcome.DENIED),
        "a rule": Filter(rule="default.csv:123"),
        "a tool, denied, of one user's": Filter(tool="read", outcome=Outcome.DENIED, who="job:77"),
        "two that never meet": Filter(kind="tool.finished", tool="bash"),
        "an hour in the middle": Filter(since=since, until=Millis(since + 3_600_000)),
        "a text in a private value": Filter(text="release 4711.2 to production"),
        "a text that is nowhere": Filter(text="no such words were written"),
        "a frequent text, by a rare user": Filter(text="telegram", who="ben", kind="request"),
    }


def _search_row(path: Path, name: str, wanted: Filter) -> Row:
    def search() -> None:
        with opened(path) as log:
            log.newest(wanted, LIMIT)

    return Row(f"log: {name}", "ms", _timed(search, REPEATS), target=_LOG)


def _story_rows(path: Path, records: int) -> list[Row]:
    jobs = [1 + number * (records // 20) // REPEATS for number in range(REPEATS)]
    told = iter(jobs)

    def show() -> None:
        with opened(path) as log:
            story_in(log, next(told))

    return [Row("show JOB", "ms", _timed(show, REPEATS), target=_SHOW)]


def _command_rows(path: Path, records: int) -> list[Row]:
    def command(*arguments: str) -> Callable[[], None]:
        argv = (sys.executable, "-m", "appliance.app.dispatchctl", "audit", *arguments, str(path))
        return lambda: _run(argv)

    return [
        Row(
            f"the whole command: {' '.join(words)}",
            "ms",
            _timed(command(*words), COMMAND_REPEATS),
        )
        for words in (("log", "--who", "user7"), ("show", f"job:{records // 40}"))
    ]


def _run(argv: tuple[str, ...]) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def _timed(action: Callable[[], object], repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) * 1000)
    return times
