"""`dispatchctl policy reload`: the running daemon takes the policy files over now."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.app.control_commands import add_config, connect
from appliance.app.policy_commands.shared import print_json

WORDS = {
    "taken": "the new rules hold",
    "same": "nothing has changed",
    "rejected": "the edit does not hold, the rules before it stay",
    "unsettled": "a file is being written, the rules before it stay for now",
    "unrecorded": "the audit log cannot take it, the rules before it stay for now",
}


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "reload",
        help="take edits over now; it does so by itself, too",
        epilog="Exit status: 0 the files as they are hold, 1 they do not, or you may not ask for "
        "it, 69 dispatchd cannot be asked.",
    )
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Status 1 when the files as they are now do not hold afterwards."""
    with connect(arguments.config) as client:
        answer = client.ask("reload")
    if arguments.json:
        print_json(answer)
    else:
        print(f"{WORDS[answer['outcome']]}: {answer['policy']}")
        for mistake in answer["mistakes"]:
            print(f"  {mistake}")
    return int(answer["outcome"] not in ("taken", "same"))
