"""`dispatchctl policy why`: judge a request without making it, and say why."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from appliance.app.policy_commands.shared import add_options, policy_of, settings_of

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings
    from appliance.core.model import Request
    from appliance.policy.explain import Explanation, Part


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    why = actions.add_parser("why", help="judge a request without making it, and say why")
    why.set_defaults(run=run_why)
    why.add_argument("--as", dest="user", required=True, metavar="USER", help="a user's name")
    why.add_argument("--project", metavar="PROJECT", help="default: the only one there is")
    request = why.add_mutually_exclusive_group(required=True)
    request.add_argument("--chat", metavar="COMMAND", help='such as "/deploy prod"')
    request.add_argument(
        "--tool",
        nargs=2,
        metavar=("TOOL", "INPUT"),
        help="INPUT: JSON, or the command of Bash, the path of Read, the address of WebFetch",
    )
    add_options(why)


def run_why(arguments: argparse.Namespace) -> int:
    """Status 0 whatever the verdict: the question was answered. --json is for scripts."""
    from appliance.policy.explain import why

    settings = settings_of(arguments)
    explanation = why(policy_of(arguments, settings), _request(arguments, settings))
    if arguments.json:
        print(json.dumps(_as_json(explanation)))
    else:
        print(_as_text(explanation))
    return 0


def _request(arguments: argparse.Namespace, settings: Settings) -> Request:
    from appliance.core.model import CommandRequest, Platform, ToolRequest, UserName
    from appliance.errors import ApplianceError

    user = UserName(arguments.user)
    name = arguments.project
    if name is None and len(settings.projects) == 1:
        name = next(iter(settings.projects))
    if arguments.chat is not None:
        return CommandRequest(user, name, arguments.chat, Platform.TERMINAL)
    if name not in settings.projects:
        known = ", ".join(settings.projects)
        raise ApplianceError(f"a tool call is about a project: --project with one of {known}")
    tool, given = arguments.tool
    root = settings.projects[name].path
    return ToolRequest(user, name, root, root, tool, _input(tool, given), Platform.TERMINAL)


_FIELDS = {"Bash": "command", "Read": "file_path", "WebFetch": "url", "WebSearch": "query"}


def _input(tool: str, given: str) -> dict[str, Any]:
    """A tool's input from JSON, or from its one telling value."""
    from appliance.errors import ApplianceError

    if tool in _FIELDS and not given.lstrip().startswith("{"):
        return {_FIELDS[tool]: given}
    try:
        value = json.loads(given)
    except json.JSONDecodeError as error:
        raise ApplianceError(f"the input of {tool} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApplianceError(f'the input of {tool} is a JSON object, such as {{"file_path": "a"}}')
    return value


# --- answers


def _verdict(explanation: Explanation) -> str:
    return type(explanation.decision).__name__.lower()


def _as_text(explanation: Explanation) -> str:
    decision = explanation.decision
    lines = [_verdict(explanation)]
    reason = getattr(decision, "reason", "")
    if reason:
        lines[0] += f": {reason}"
    if by := getattr(decision, "by", ()):
        lines.append(f"  approved by: {', '.join(by)}")
    for part in explanation.parts:
        lines += _part_as_text(part)
    return "\n".join(lines)


def _part_as_text(part: Part) -> list[str]:
    lines = [
        f"  {part.verdict:8} {part.act} {part.text}" + (f"  ({part.note})" if part.note else "")
    ]
    lines += [f"    {rule.rule}: {rule.rule.text}" for rule in part.rules]
    if part.advice:
        lines.append(f"    to allow it: {part.advice}")
    return lines


def _as_json(explanation: Explanation) -> dict[str, Any]:
    rule = explanation.decision.rule
    return {
        "verdict": _verdict(explanation),
        "rule": None if rule is None else {"at": str(rule), "text": rule.text},
        "reason": getattr(explanation.decision, "reason", ""),
        "by": list(getattr(explanation.decision, "by", ())),
        "parts": [
            {
                "act": part.act,
                "text": part.text,
                "verdict": part.verdict,
                "rules": [{"at": str(r.rule), "text": r.rule.text} for r in part.rules],
                "note": part.note,
                "advice": part.advice,
            }
            for part in explanation.parts
        ],
    }
