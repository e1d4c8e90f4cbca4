"""`dispatchctl policy check|why`: is the policy right, and why is a request judged as it is?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.config_commands import DEFAULT_FILE

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings
    from appliance.core.model import Request
    from appliance.policy.explain import Explanation, Part
    from appliance.policy.loaded import LoadedPolicy


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `policy …` into dispatchctl; the chosen function is in `arguments.run`."""
    policy = commands.add_parser("policy", help="check the policy, or ask why it says what it says")
    actions = policy.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say everything that is wrong with the policy")
    check.set_defaults(run=run_check)
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
    for parser in (check, why):
        parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="the settings file")
        parser.add_argument("--policies", type=Path, help="another directory than the settings say")
        parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_check(arguments: argparse.Namespace) -> int:
    """Status 0 when the policy can be used; a PolicyError is left to dispatchctl, or is JSON."""
    from appliance.errors import PolicyError
    from appliance.policy.explain import selftest

    try:
        policy = _load(arguments, _settings(arguments))
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


def run_why(arguments: argparse.Namespace) -> int:
    """Status 0 whatever the verdict: the question was answered. --json is for scripts."""
    from appliance.policy.explain import why

    settings = _settings(arguments)
    explanation = why(_load(arguments, settings), _request(arguments, settings))
    if arguments.json:
        print(json.dumps(_as_json(explanation)))
    else:
        print(_as_text(explanation))
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    from appliance.config import load

    return load(arguments.config)


def _load(arguments: argparse.Namespace, settings: Settings) -> LoadedPolicy:
    from appliance.policy.loader import load

    directory = arguments.policies or Path(settings.daemon.policies)
    ours = (settings.daemon.state, settings.daemon.credentials)
    return load(directory, settings.users.keys(), settings.projects, ours=ours)


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
