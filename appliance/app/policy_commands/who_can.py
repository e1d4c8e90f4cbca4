"""`dispatchctl policy who-can`: everybody's verdict on one thing, and who may approve it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.app.policy_commands.shared import add_options, policy_of, print_json, settings_of

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.app.audit_commands.screen import Screen
    from appliance.app.policy_commands.requests import Asker
    from appliance.config import Settings
    from appliance.core.model import Act, Decision, Project, Request, UserName
    from appliance.policy.loaded import LoadedPolicy

_VERDICT = 9


@dataclass(frozen=True, slots=True)
class Answer:
    """What one user gets."""

    user: UserName
    roles: tuple[str, ...]
    decision: Decision
    approvers: tuple[UserName, ...]


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    who = actions.add_parser(
        "who-can",
        help="say who may do a thing, and who may approve it",
        epilog="Exit status: 0 somebody may, at least with an approval, 1 nobody may, 78 the "
        "policy cannot be used.",
    )
    who.set_defaults(run=run_who_can)
    who.add_argument("act", metavar="ACT", help="chat, bash, read, write, web, mcp, agent, tool, …")
    who.add_argument("input", metavar="INPUT", help='such as "git push", /deploy prod, src/a.py')
    who.add_argument("--project", metavar="PROJECT", help="default: the only one there is")
    add_options(who)


def run_who_can(arguments: argparse.Namespace) -> int:
    """Status 0 when somebody may, at least with an approval; 1 when nobody may."""
    from appliance.app.audit_commands.screen import screen_of

    settings = settings_of(arguments)
    policy = policy_of(arguments, settings)
    answers = list(_answers(arguments, settings, policy))
    if arguments.json:
        print_json({"users": [_as_json(answer) for answer in answers]})
    else:
        print("\n".join(_as_text(answers, screen_of(sys.stdout))))
    return int(all(_verdict(answer) == "deny" for answer in answers))


def _answers(
    arguments: argparse.Namespace, settings: Settings, policy: LoadedPolicy
) -> Iterator[Answer]:
    from appliance.app.policy_commands.requests import Asker
    from appliance.core.model import Asks, Platform
    from appliance.host.clock import SystemClock

    act, project = _act(arguments.act), _project(arguments, settings)
    now = SystemClock().now()
    for user in sorted(settings.users):
        asker = Asker(user, now, Platform.TERMINAL)
        decision = policy.decide(_request(asker, act, arguments.input, project))
        may = policy.approvers(user, decision) if isinstance(decision, Asks) else ()
        yield Answer(user, policy.roles(user), decision, may)


def _act(word: str) -> Act:
    from appliance.core.model import Act
    from appliance.core.toml import nearest
    from appliance.errors import ApplianceError

    if word not in set(Act):
        near = nearest(word, set(Act)) or f", there are: {', '.join(Act)}"
        raise ApplianceError(f'there is no act "{word}"{near}')
    return Act(word)


def _project(arguments: argparse.Namespace, settings: Settings) -> Project | None:
    from appliance.app.policy_commands.why import project_of

    if arguments.act == "admin" or (arguments.act == "chat" and arguments.project is None):
        return None if len(settings.projects) != 1 else project_of(arguments, settings)
    return project_of(arguments, settings)


def _request(asker: Asker, act: Act, text: str, project: Project | None) -> Request:
    from appliance.core.model import Act
    from appliance.policy.trials import tool_call

    if act is Act.ADMIN:
        return asker.admin(text)
    if act is Act.CHAT or project is None:
        return asker.chat(project, text)
    return asker.tool(project, project.path, *tool_call(act, text))


def _verdict(answer: Answer) -> str:
    from appliance.policy.trials import verdict_of

    return verdict_of(answer.decision)


def _as_text(answers: Sequence[Answer], screen: Screen) -> Iterator[str]:
    """Whoever may first; what the others lack in one line each."""
    from appliance.app.audit_commands.screen import fill, fit
    from appliance.app.policy_commands.verdicts import INKS

    names = min(max((len(answer.user) for answer in answers), default=0), 20)
    for verdict in INKS:
        for answer in answers:
            if _verdict(answer) == verdict:
                line = f"{fill(answer.user, names)}  {_roles(answer)}: {_because(answer)}"
                yield screen.ink(INKS[verdict], verdict.ljust(_VERDICT)) + fit(
                    line, screen.width - _VERDICT
                )


def _roles(answer: Answer) -> str:
    return ", ".join(answer.roles) or "no role"


def _because(answer: Answer) -> str:
    from appliance.core.model import Asks

    rule = str(answer.decision.rule or "no rule allows it")
    if not isinstance(answer.decision, Asks):
        return rule
    people = f"{answer.decision.people} of " if answer.decision.people > 1 else ""
    return f"{rule}, {people}{', '.join(answer.approvers) or 'nobody'} may approve"


def _as_json(answer: Answer) -> dict[str, Any]:
    from appliance.core.model import Asks

    decision = answer.decision
    return {
        "user": answer.user,
        "roles": list(answer.roles),
        "verdict": _verdict(answer),
        "rule": None if decision.rule is None else str(decision.rule),
        "approvers": list(answer.approvers),
        "people": decision.people if isinstance(decision, Asks) else 0,
    }
