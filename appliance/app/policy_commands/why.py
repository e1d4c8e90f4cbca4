"""`dispatchctl policy why`: judge a request without making it, and say why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.policy_commands.shared import add_options, policy_of, print_json, settings_of

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings
    from appliance.core.model import Millis, Project, ProjectName, Request
    from appliance.policy.loaded import LoadedPolicy


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    why = actions.add_parser(
        "why",
        help="judge a request without making it, and say why",
        usage="dispatchctl policy why [--as USER] [--project PROJECT] [--via CHAT]\n"
        "         (--chat COMMAND | --admin WORDS | --tool TOOL INPUT | --batch)\n"
        "         [--config CONFIG] [--policies DIR] [--json]",
    )
    why.set_defaults(run=run_why)
    why.add_argument("--as", dest="user", metavar="USER", help="a user's name")
    why.add_argument("--project", metavar="PROJECT", help="default: the only one there is")
    why.add_argument("--via", metavar="CHAT", default="terminal", help="where it is asked")
    request = why.add_mutually_exclusive_group(required=True)
    request.add_argument("--chat", metavar="COMMAND", help='such as "/deploy prod"')
    request.add_argument("--admin", metavar="WORDS", help='such as "pair telegram"')
    request.add_argument(
        "--tool",
        nargs=2,
        metavar=("TOOL", "INPUT"),
        help="INPUT: JSON, or the command of Bash, the path of Read, the address of WebFetch",
    )
    request.add_argument(
        "--batch",
        action="store_true",
        help='lines {"sub": USER, "dir": …, "tool": …, "input": …} in, one JSON verdict each out',
    )
    add_options(why)


def run_why(arguments: argparse.Namespace) -> int:
    """Status 0 whatever the verdict: the question was answered. --json is for scripts."""
    from appliance.app.audit_commands.screen import screen_of
    from appliance.app.policy_commands.verdicts import as_json, as_text
    from appliance.host.clock import SystemClock
    from appliance.policy.explain import why

    now = SystemClock().now()
    if arguments.batch:
        return _batch(arguments, now)
    settings = settings_of(arguments)
    policy = policy_of(arguments, settings)
    explanation = why(policy, _request(arguments, settings, now))
    if arguments.json:
        print_json(as_json(explanation))
    else:
        print("\n".join(as_text(explanation, screen_of(sys.stdout))))
    return 0


def _batch(arguments: argparse.Namespace, now: Millis) -> int:
    from appliance.app.policy_commands.batch import judged

    policy, projects = _world(arguments)
    for line in judged(sys.stdin.buffer, policy, projects, now):
        print(line, flush=True)
    return 0


def _world(arguments: argparse.Namespace) -> tuple[LoadedPolicy, Mapping[ProjectName, Project]]:
    """A policy and its projects; those that it speaks of itself where nothing is installed."""
    from appliance.app.policy_commands.spoken_of import spoken_of
    from appliance.policy.loader import load

    directory, config = arguments.policies, arguments.config
    if directory is not None and config == DEFAULT_FILE and not config.exists():
        found = spoken_of(directory)
        return load(directory, found.users, found.projects), found.projects
    settings = settings_of(arguments)
    return policy_of(arguments, settings), settings.workplaces


def _request(arguments: argparse.Namespace, settings: Settings, now: Millis) -> Request:
    from appliance.app.policy_commands.requests import Asker, tool_input
    from appliance.core.model import Platform, UserName
    from appliance.errors import ApplianceError

    if arguments.user is None:
        raise ApplianceError("whose request? name somebody with --as USER")
    if arguments.via not in set(Platform):
        raise ApplianceError(f"--via is one of: {', '.join(Platform)}")
    asker = Asker(UserName(arguments.user), now, Platform(arguments.via))
    if arguments.admin is not None:
        return asker.admin(arguments.admin)
    if arguments.chat is not None:
        project = project_of(arguments, settings) if _names_one(arguments, settings) else None
        return asker.chat(project, arguments.chat)
    project = project_of(arguments, settings)
    tool, given = arguments.tool
    return asker.tool(project, project.path, tool, tool_input(tool, given))


def _names_one(arguments: argparse.Namespace, settings: Settings) -> bool:
    return arguments.project is not None or len(settings.projects) == 1


def project_of(arguments: argparse.Namespace, settings: Settings) -> Project:
    """The project that --project names, or the only one there is. Raises ApplianceError."""
    from appliance.core.model import ProjectName
    from appliance.errors import ApplianceError

    if arguments.project is None and len(settings.projects) == 1:
        return next(iter(settings.projects.values()))
    project = settings.workplaces.get(ProjectName(arguments.project or ""))
    if project is None:
        known = ", ".join(settings.workplaces)
        raise ApplianceError(f"a tool call is about a project: --project with one of {known}")
    return project
