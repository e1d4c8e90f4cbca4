"""`dispatchctl policy import-patterns FILE`: lists of regular expressions to rules."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.audit_commands.shared import printable
from appliance.app.policy_commands.shared import print_json

if TYPE_CHECKING:
    from appliance.policy.patterns_import import Imported

_COLUMNS = 78


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "import-patterns",
        help="turn allow and block lists of regular expressions into rules",
        description='Read FILE, JSON such as {"allow": ["^git\\\\s(status|log)"], "block": '
        '["rm\\\\s+-rf"]} or text with one expression a line below [allow] and [block], and print '
        "rules. What is allowed becomes no more, what is blocked no less; what no rule can say is "
        "named in a comment.",
        epilog="Exit status: 0 everything was carried over, 1 something was not, or FILE "
        "cannot be read.",
    )
    parser.set_defaults(run=run_import)
    parser.add_argument("file", type=Path, metavar="FILE", help="the lists")
    parser.add_argument("--role", default="owner", help="whose rules; default: %(default)s")
    parser.add_argument("--project", default="*", help="where; default: everywhere")
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_import(arguments: argparse.Namespace) -> int:
    from appliance.errors import ApplianceError
    from appliance.policy.patterns_import import LIMITS, MAX_BYTES, read, translated

    try:
        with arguments.file.open(encoding="utf-8") as stream:
            text = stream.read(MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ApplianceError(f"cannot read {arguments.file}: {error}") from error
    imported = translated(read(text))
    left = sum(1 for one in imported if not one.patterns)
    if arguments.json:
        rows = [_as_json(one, arguments) for one in imported]
        print_json({"imported": rows, "limits": LIMITS})
    else:
        print("\n".join(f"# {line}" for line in textwrap.wrap(LIMITS, _COLUMNS)) + "\n")
        for one in imported:
            print("\n".join(map(printable, _as_text(one, arguments))))
        print(f"# {len(imported) - left} of {len(imported)} expressions carried over")
    return 1 if left else 0


def _rules(one: Imported, arguments: argparse.Namespace) -> list[str]:
    role = "*" if one.effect == "deny" else arguments.role
    return [f"p, {role}, {arguments.project}, bash, {p}, {one.effect}" for p in one.patterns]


def _as_text(one: Imported, arguments: argparse.Namespace) -> list[str]:
    if not one.patterns:
        return [
            f"# NOT CARRIED OVER ({one.effect}): {one.expression}",
            f"#   because: {one.note}",
            "",
        ]
    note = [f"#   {one.note}"] if one.note else []
    return [f"# {one.effect}: {one.expression}", *note, *_rules(one, arguments), ""]


def _as_json(one: Imported, arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "effect": one.effect,
        "expression": one.expression,
        "rules": _rules(one, arguments),
        "note": one.note,
    }
