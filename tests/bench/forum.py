"""Twenty jobs that talk at once in one forum: Telegram takes twenty calls a minute there.

`python -m tests.bench.forum [MINUTES]` runs it alone. Time is simulated, so that what is measured
is what we make of the limits, and not this machine.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.table import Row, Target, markdown
from tests.emulators.telegram import Call
from tests.journeys.flood import FORUM, flood, is_live, sent

JOBS = 20
MINUTES = 30


def rows(work: Path, minutes: int = MINUTES) -> list[Row]:
    """Talk below `work`."""
    directory = work / "forum"
    directory.mkdir()
    found, calls = flood(directory, topics=JOBS, minutes=minutes, steps=range(60, 180))
    assert found.telegram.limits is not None
    refused = len(found.telegram.limits.violations) + len(found.telegram.limits.in_bans)
    about = [call for call in calls if str(call["params"].get("chat_id")) == str(FORUM)]
    late = [call["t"] - found.due[name].at for name, call in sent(calls)]
    most, live = _most_in_a_minute(about), sum(map(is_live, about)) / minutes
    name = f"{JOBS} jobs in one forum"
    return [
        Row(f"{name}: most calls in a minute", "", [most], target=Target(20)),
        Row(f"{name}: calls over the limit", "", [float(refused)], target=Target(0)),
        Row(f"{name}: live edits in a minute", "", [live], target=Target(1, is_minimum=True)),
        Row(f"{name}: answer or question → sent", "s", late, target=Target(1)),
    ]


def _most_in_a_minute(calls: Sequence[Call]) -> float:
    times = [call["t"] for call in calls]
    return max(sum(begin <= at < begin + 60 for at in times) for begin in times)


def main() -> int:
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        print(markdown(rows(Path(work), minutes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
