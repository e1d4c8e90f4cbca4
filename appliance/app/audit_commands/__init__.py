"""`dispatchctl audit …`: who did what, and is it what was written?

One module per command. Each has `add_parser`, which hangs the command in, and the function that
runs it; what several need is in `shared`. Nothing of the audit package is imported before a
command runs, so that dispatchctl starts at once.
"""

from __future__ import annotations

import argparse
from typing import Any

from appliance.app.audit_commands import (
    anchor,
    browse,
    export,
    fork,
    key,
    log,
    prove,
    prune,
    redact,
    report,
    show,
    verify,
)

COMMANDS = (log, show, browse, verify, prove, export, report, redact, prune, key, anchor, fork)


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `audit …` into dispatchctl; the chosen function is in `arguments.run`."""
    audit = commands.add_parser("audit", help="who did what, and is it what was written?")
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    for command in COMMANDS:
        command.add_parser(actions)
