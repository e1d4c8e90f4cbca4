"""`dispatchctl policy check`: everything that is wrong with the policy, and what is doubtful."""

from __future__ import annotations

import argparse
import textwrap
from datetime import date
from typing import TYPE_CHECKING, Any

from appliance.app.policy_commands.shared import add_options, policy_of, print_json, settings_of

if TYPE_CHECKING:
    from appliance.policy.lint import Finding
    from appliance.policy.loaded import LoadedPolicy

OK, DOUBTFUL, WRONG = 0, 1, 2
_COLUMNS = 80


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "check",
        help="say everything that is wrong with the policy",
        description="Load the policy, run its tests, fire every denial once, and look for lines "
        "that have no effect or allow too much.",
        epilog="Exit status: 0 nothing to say, 1 it can be used but look at the warnings, 2 it "
        "cannot be used, 78 the settings are wrong.",
    )
    parser.set_defaults(run=run_check)
    add_options(parser)


def run_check(arguments: argparse.Namespace) -> int:
    from appliance.errors import PolicyError
    from appliance.policy.explain import selftest
    from appliance.policy.lint import lint

    try:
        policy = policy_of(arguments, settings_of(arguments))
        denials = selftest(policy)
    except PolicyError as error:
        tell_mistakes(error.message.splitlines(), as_json=arguments.json)
        return WRONG
    found = lint(policy, date.today())  # noqa: DTZ011 - a day as people here count it
    if arguments.json:
        print_json(_as_json(policy, denials, found))
    else:
        print(_as_text(policy, denials, found))
    return DOUBTFUL if found else OK


def tell_mistakes(mistakes: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": False, "mistakes": mistakes, "warnings": []})
        return
    for mistake in mistakes:
        print(mistake)
    print(f"\n{_count(len(mistakes), 'mistake')}: the policy cannot be used")


def _as_text(policy: LoadedPolicy, denials: int, found: list[Finding]) -> str:
    lines = [line for finding in found for line in _finding(finding)]
    summary = (
        f"{_count(policy.rules, 'rule')}, {_count(denials, 'denial')} tried out, "
        f"{_count(len(policy.trials), 'test')} passed, "
        f"{_count(len(policy.recipes()), 'command')}"
    )
    if not found:
        return f"ok: {summary}"
    return "\n".join([*lines, f"{_count(len(found), 'warning')}; {summary}"])


def _finding(finding: Finding) -> list[str]:
    said = f"{finding.what}; {finding.advice}"
    wrapped = textwrap.wrap(said, _COLUMNS, initial_indent="  ", subsequent_indent="  ")
    return [f"{finding.rule}: {finding.kind}: {finding.rule.text}", *wrapped, ""]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _as_json(policy: LoadedPolicy, denials: int, found: list[Finding]) -> dict[str, Any]:
    return {
        "ok": True,
        "mistakes": [],
        "warnings": [
            {
                "kind": one.kind,
                "at": str(one.rule),
                "text": one.rule.text,
                "other": str(one.other) if one.other else None,
                "what": one.what,
                "advice": one.advice,
            }
            for one in found
        ],
        "rules": policy.rules,
        "denials": denials,
        "tests": len(policy.trials),
        "commands": len(policy.recipes()),
        "sha256": policy.sha256,
    }
