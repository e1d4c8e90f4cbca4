"""`dispatchctl policy …`: is the policy right, and why is a request judged as it is?

One module per command. Each has `add_parser`, which hangs the command in, and the function that
runs it; what several need is in `shared`. Nothing of the policy package is imported before a
command runs, so that dispatchctl starts at once.
"""

from __future__ import annotations

import argparse
from typing import Any

from appliance.app.policy_commands import (
    apply,
    check,
    diff,
    fmt,
    import_patterns,
    proposals,
    reload,
    show,
    test,
    who_can,
    why,
)

COMMANDS = (check, why, who_can, show, test, diff, fmt, import_patterns, apply, reload, proposals)


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `policy …` into dispatchctl; the chosen function is in `arguments.run`."""
    policy = commands.add_parser("policy", help="check the policy, or ask why it says what it says")
    actions = policy.add_subparsers(dest="action", required=True, metavar="ACTION")
    for command in COMMANDS:
        command.add_parser(actions)
