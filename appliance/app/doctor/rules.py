"""The policy, and whether it lets the agent reach its model."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from appliance.app.doctor.check import Check, passed, warned
from appliance.app.policy_files import PolicyDirectory
from appliance.config import Settings
from appliance.core.model import (
    CONNECT,
    CommandRequest,
    Denied,
    Json,
    Platform,
    Project,
    Request,
    ToolRequest,
    UserName,
)
from appliance.policy.loaded import LoadedPolicy

DEFAULT_API = "https://api.anthropic.com"
"""Where Claude Code goes when the settings do not say."""

A_TASK = "/run"
"""How the policy calls a message that is work for the agent."""


def checks(settings: Settings) -> Iterator[Check]:
    policy = PolicyDirectory(settings).load()
    yield passed("policy", f"{policy.rules} rules in {settings.daemon.policies}")
    if settings.claude is not None:
        yield _model(settings, policy, settings.claude.api or DEFAULT_API)


def _model(settings: Settings, policy: LoadedPolicy, api: str) -> Check:
    """A task of somebody who may start one, and whose agent then reaches nobody."""
    url = urlsplit(api)
    host, port = url.hostname or "", url.port or {"http": 80}.get(url.scheme, 443)
    cut_off = [
        f"{user} in {project.name}"
        for project in settings.projects.values()
        for user in settings.users
        if _may_ask(policy, user, project)
        and isinstance(policy.decide(_connection(user, project, host, port)), Denied)
    ]
    if cut_off:
        found = f"no rule lets the agent reach {host}:{port} in a task of {', '.join(cut_off)}"
        fix = f"add to {settings.daemon.policies}: p, *, *, net, {host}:{port}, allow"
        return warned("model", found, fix)
    return passed("model", f"{host}:{port} may be reached")


def _may_ask(policy: LoadedPolicy, user: UserName, project: Project) -> bool:
    request: Request = CommandRequest(user, project.name, A_TASK, Platform.TERMINAL)
    return not isinstance(policy.decide(request), Denied)


def _connection(user: UserName, project: Project, host: str, port: int) -> Request:
    where: dict[str, Json] = {"host": host, "port": port}
    path = project.path
    return ToolRequest(user, project.name, path, path, CONNECT, where, Platform.TERMINAL)
