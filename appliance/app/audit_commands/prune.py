"""`dispatchctl audit prune`: destroy what old records say; their hashes stay and still verify.

Records are destroyed slice by slice, each with its own record of it, so that whoever wants to
record something meanwhile waits for one slice only. When it is cut off, what is gone is recorded,
and the next time it goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from appliance.app.audit_commands.screen import progress
from appliance.app.audit_commands.shared import JSON_FORMAT, moment
from appliance.app.control_commands import add_config

MAX_SLICE = 10_000
"""Records destroyed at once."""


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    prune = actions.add_parser(
        "prune", help="destroy what old records say; their hashes stay and still verify"
    )
    prune.set_defaults(run=run_prune)
    prune.add_argument(
        "--before",
        required=True,
        metavar="DATE|SEQ",
        help="the first record that stays: its number, or 90d, 2030-01-31, 2030-01-31T14:00",
    )
    prune.add_argument("--reason", required=True, help="is recorded, with who did it")
    prune.add_argument("--json", action="store_true", help="answer as JSON")
    add_config(prune)


def run_prune(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Raises AuditUnavailable when it was not done."""
    from appliance.app.audit_access import administration
    from appliance.audit.database import DATABASE
    from appliance.config import load
    from appliance.host.clock import SystemClock

    settings = load(arguments.config)
    database = settings.audit_directory / DATABASE
    first_kept = _first_kept(arguments.before, database)
    clock = SystemClock()
    with administration(settings) as log, progress("pruning", clock.monotonic) as report:
        for before in steps(_pruned(database), first_kept):
            log.prune(before, arguments.reason)
            report(before - 1, first_kept - 1)
    done = {"format": JSON_FORMAT, "pruned": {"before": first_kept}}
    sentence = f"the records before {first_kept} are destroyed but for their hashes, and recorded"
    (out or sys.stdout).write((json.dumps(done) if arguments.json else sentence) + "\n")
    return 0


def steps(pruned: int, first_kept: int) -> Iterator[int]:
    """The first record that stays after each slice; the last time it is `first_kept`."""
    yield from range(pruned + 1 + MAX_SLICE, first_kept, MAX_SLICE)
    yield first_kept


def _pruned(database: Path) -> int:
    """Up to which record the log is pruned; 0, too, where it is not known."""
    from appliance.audit.reader import opened
    from appliance.errors import AuditBroken, AuditUnavailable

    # whoever may administer the log need not be able to read it
    with suppress(AuditBroken, AuditUnavailable), opened(database) as log:
        told = log.pruned()
        before = told.record.data.get("before") if told else 0
        return before if isinstance(before, int) else 0
    return 0


def _first_kept(before: str, database: Path) -> int:
    from appliance.audit.reader import opened
    from appliance.audit.search import Filter
    from appliance.host.clock import SystemClock

    if before.isdecimal():
        return int(before)
    since = moment("--before", before, SystemClock().now())
    with opened(database) as log:
        found = next(log.after(0, Filter(since=since)), None)
        return found.record.seq if found else log.size + 1
