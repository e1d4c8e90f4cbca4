"""`dispatchctl policy show`: all that the policy says about one user."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from appliance.app.policy_commands.shared import add_options, policy_of, print_json, settings_of

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.app.audit_commands.screen import Screen
    from appliance.core.model import Quota, Rule, UserName
    from appliance.policy.loaded import LoadedPolicy
    from appliance.policy.rules import PolicyRule

_INDENT, _EFFECT = 2, 9


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    show = actions.add_parser(
        "show",
        help="show every rule and quota that is about a user",
        epilog="Exit status: 0 shown, 1 there is no such user, 78 the policy cannot be used.",
    )
    show.set_defaults(run=run_show)
    show.add_argument("--as", dest="user", required=True, metavar="USER", help="a user's name")
    add_options(show)


def run_show(arguments: argparse.Namespace) -> int:
    from appliance.app.audit_commands.screen import screen_of
    from appliance.core.model import UserName
    from appliance.core.toml import nearest
    from appliance.errors import ApplianceError

    settings = settings_of(arguments)
    user = UserName(arguments.user)
    if user not in settings.users:
        near = nearest(user, settings.users) or "; users are in dispatch.toml"
        raise ApplianceError(f'no user is called "{user}"{near}')
    policy = policy_of(arguments, settings)
    rules, quotas = _rules(policy, user), _quotas(policy, user)
    if arguments.json:
        print_json(_as_json(policy, user, rules, quotas))
    else:
        print("\n".join(_as_text(policy, user, rules, quotas, screen_of(sys.stdout))))
    return 0


def _rules(policy: LoadedPolicy, user: UserName) -> list[PolicyRule]:
    """The rules that a user's roles give him, a line of several projects once."""
    from appliance.policy.rules import EVERYBODY

    held = {EVERYBODY, *policy.roles(user)}
    own = (rule for rule in policy.engine.rules if rule.role in held)
    return list({rule.rule: rule for rule in own}.values())


def _quotas(policy: LoadedPolicy, user: UserName) -> list[Quota]:
    """How much a user may use, in which projects."""
    everywhere = (None, *policy.names.projects)
    found = (quota for project in everywhere for quota in policy.quotas(user, project))
    return list(dict.fromkeys(found))


def _as_text(
    policy: LoadedPolicy,
    user: UserName,
    rules: Sequence[PolicyRule],
    quotas: Sequence[Quota],
    screen: Screen,
) -> Iterator[str]:
    from appliance.app.audit_commands.screen import Ink, wrapped
    from appliance.core.model import Act

    kind = "an automation; " if user in policy.names.automations else ""
    roles = ", ".join(policy.roles(user)) or "none"
    yield f"{screen.ink(Ink.BOLD, user)} ({kind}roles: {roles})"
    spoken_of = [act for act in Act if any(rule.act is act for rule in rules)]
    for act in spoken_of:
        yield ""
        yield screen.ink(Ink.BOLD, act)
        for rule in rules:
            if rule.act is act:
                yield from _rule_as_text(rule, screen)
    if quotas:
        yield ""
        yield screen.ink(Ink.BOLD, "quotas")
        for line in dict.fromkeys(quota.rule for quota in quotas):
            yield from _quota_as_text(line, screen)
    if unsaid := ", ".join(act for act in Act if act not in spoken_of):
        yield ""
        yield from wrapped(f"No rule speaks of {unsaid}: all of that is denied.", screen.width)


def _rule_as_text(rule: PolicyRule, screen: Screen) -> Iterator[str]:
    """The effect, what it is about, where it stands."""
    from appliance.app.policy_commands.verdicts import INKS

    _, _, where, _, pattern, effect, *options = (part.strip() for part in rule.rule.text.split(","))
    said = " ".join([pattern, *([f"in {where}"] if where != "*" else []), *_options(options)])
    first, *more = _beside(said, str(rule.rule), screen.width - _INDENT - _EFFECT)
    yield " " * _INDENT + screen.ink(INKS[effect], effect.ljust(_EFFECT)) + first
    yield from (" " * (_INDENT + _EFFECT) + line for line in more)


def _quota_as_text(line: Rule, screen: Screen) -> Iterator[str]:
    _, _, where, limits = (part.strip() for part in line.text.split(","))
    said = " ".join([limits, *([f"in {where}"] if where != "*" else [])])
    for shown in _beside(said, str(line), screen.width - _INDENT):
        yield " " * _INDENT + shown


def _beside(said: str, place: str, room: int) -> list[str]:
    """Both on one line where there is room for them."""
    from appliance.app.audit_commands.screen import wrapped

    lines = [*wrapped(said, room), *wrapped(place, room)]
    if len(lines) == 2 and sum(map(len, lines)) + 2 <= room:
        return [lines[0].ljust(room - len(lines[1])) + lines[1]]
    return lines


def _options(options: Sequence[str]) -> list[str]:
    return [f"({', '.join(option for option in options)})"] if any(options) else []


def _as_json(
    policy: LoadedPolicy, user: UserName, rules: Sequence[PolicyRule], quotas: Sequence[Quota]
) -> dict[str, Any]:
    return {
        "user": user,
        "automation": user in policy.names.automations,
        "roles": list(policy.roles(user)),
        "rules": [
            {
                "at": str(rule.rule),
                "role": rule.role,
                "act": rule.act,
                "effect": rule.effect,
                "text": rule.rule.text,
            }
            for rule in rules
        ],
        "quotas": [
            {
                "at": str(quota.rule),
                "measure": quota.measure,
                "limit": quota.limit,
                "seconds": quota.seconds,
                "project": quota.project,
                "text": quota.rule.text,
            }
            for quota in quotas
        ],
    }
