"""`dispatchctl policy diff OLD NEW`: who may what more, and who less."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.policy_commands.shared import print_json, settings_of


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "diff",
        help="who may what more, and who less, in another policy",
        description="Compare two policy directories for the users and projects of the settings. "
        '"+" is what somebody may more, "-" what somebody may less.',
        epilog="Exit status: 0 nobody may more or less, 1 somebody does, 78 one of them "
        "cannot be used.",
    )
    parser.set_defaults(run=run_diff)
    parser.add_argument("old", type=Path, metavar="OLD", help="a policy directory")
    parser.add_argument("new", type=Path, metavar="NEW", help="another one")
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="the settings file")
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_diff(arguments: argparse.Namespace) -> int:
    from appliance.app.policy_files import policy_in
    from appliance.policy.difference import between

    settings = settings_of(arguments)
    old, new = (policy_in(path, settings) for path in (arguments.old, arguments.new))
    changes = between(old, new)
    if arguments.json:
        rows = [{**asdict(c), "rule": str(c.rule) if c.rule else None} for c in changes]
        print_json({"changes": rows})
    else:
        for change in changes:
            print(change)
        if not changes:
            print("nobody may more or less")
    return 1 if changes else 0
