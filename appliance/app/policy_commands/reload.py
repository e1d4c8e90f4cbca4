"""`dispatchctl policy reload`: the running daemon takes the policy files over now."""

from __future__ import annotations

import argparse
import json
from typing import Any

from appliance.app.control_commands import add_config, connect

WORDS = {
    "taken": "the new rules hold",
    "same": "nothing has changed",
    "rejected": "the edit does not hold, the rules before it stay",
    "unsettled": "a file is being written, the rules before it stay for now",
    "unrecorded": "the audit log cannot take it, the rules before it stay for now",
}


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser("reload", help="take edits over now; it does so by itself, too")
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Status 1 when the files as they are now do not hold afterwards."""
    with connect(arguments.config) as client:
        answer = client.ask("reload")
    if arguments.json:
        print(json.dumps({"v": 1, **answer}))
    else:
        print(f"{WORDS[answer['outcome']]}: {answer['policy']}")
        for mistake in answer["mistakes"]:
            print(f"  {mistake}")
    return int(answer["outcome"] not in ("taken", "same"))
