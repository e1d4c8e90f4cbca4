"""`dispatchctl audit prune`: destroy what old records say; their hashes stay and still verify."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, TextIO

from appliance.app.audit_commands.shared import JSON_FORMAT, moment
from appliance.app.control_commands import add_config


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

    settings = load(arguments.config)
    first_kept = _first_kept(arguments.before, settings.audit_directory / DATABASE)
    with administration(settings) as log:
        log.prune(first_kept, arguments.reason)
    done = {"format": JSON_FORMAT, "pruned": {"before": first_kept}}
    sentence = f"the records before {first_kept} are destroyed but for their hashes, and recorded"
    (out or sys.stdout).write((json.dumps(done) if arguments.json else sentence) + "\n")
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
