"""`dispatchctl policy test`: what the test lines say, one by one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from appliance.app.policy_commands.shared import add_options, policy_of, print_json, settings_of

if TYPE_CHECKING:
    from appliance.policy.trials import Outcome


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "test",
        help="run the test lines of the policy",
        description='Run the lines "t, USER, PROJECT, ACT, INPUT, VERDICT". The same happens at '
        "every load: a policy with a failing test is not taken.",
        epilog="Exit status: 0 all came out right, 1 some did not, 78 the policy cannot be read.",
    )
    parser.set_defaults(run=run_test)
    add_options(parser)


def run_test(arguments: argparse.Namespace) -> int:
    from appliance.policy import trials

    policy = policy_of(arguments, settings_of(arguments), is_tried=False)
    outcomes = list(trials.run(policy.trials, policy.decide))
    wrong = [outcome for outcome in outcomes if not outcome.is_right]
    if arguments.json:
        print_json({"ok": not wrong, "tests": [_as_json(one) for one in outcomes]})
    else:
        for outcome in outcomes:
            print(_as_text(outcome))
        print(f"{len(outcomes) - len(wrong)} of {len(outcomes)} tests came out right")
    return 1 if wrong else 0


def _as_text(outcome: Outcome) -> str:
    line = f"{outcome.trial.rule}{_where(outcome)}: {outcome.trial.rule.text}"
    if outcome.is_right:
        return f"ok    {line}"
    by = f" by {outcome.by}" if outcome.by else ", no rule allows it"
    return f"WRONG {line}\n      the policy says {outcome.verdict}{by}"


def _where(outcome: Outcome) -> str:
    """One line is a test for each project that it speaks of, the workspace included."""
    project = outcome.trial.project
    return f" in {project}" if project else ""


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "at": str(outcome.trial.rule),
        "text": outcome.trial.rule.text,
        "project": outcome.trial.project,
        "wanted": outcome.trial.wanted,
        "verdict": outcome.verdict,
        "by": str(outcome.by) if outcome.by else None,
        "ok": outcome.is_right,
    }
