"""`dispatchctl policy check`: everything that is wrong with the policy."""

from __future__ import annotations

import argparse
import json
from typing import Any

from appliance.app.policy_commands.shared import add_options, policy_of, settings_of


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser("check", help="say everything that is wrong with the policy")
    parser.set_defaults(run=run_check)
    add_options(parser)


def run_check(arguments: argparse.Namespace) -> int:
    """Status 0 when the policy can be used; a PolicyError is left to dispatchctl, or is JSON."""
    from appliance.errors import PolicyError
    from appliance.policy.explain import selftest

    try:
        policy = policy_of(arguments, settings_of(arguments))
        denials = selftest(policy)
    except PolicyError as error:
        if not arguments.json:
            raise
        print(json.dumps({"ok": False, "mistakes": error.message.splitlines()}))
        return error.exit_status
    found = {
        "rules": policy.rules,
        "denials": denials,
        "commands": len(policy.recipes()),
        "sha256": policy.sha256,
    }
    if arguments.json:
        print(json.dumps({"ok": True, "mistakes": [], **found}))
    else:
        print(
            f"ok: {policy.rules} rules, {denials} of them denials that were tried out, "
            f"{len(policy.recipes())} commands"
        )
    return 0
