"""Requests as people type them, and as lines of JSON: what `why`, `who-can` and --batch judge."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.core.model import (
    AdminRequest,
    CommandRequest,
    Json,
    Millis,
    Platform,
    Project,
    ProjectName,
    Request,
    ToolRequest,
    UserName,
)
from appliance.errors import ApplianceError
from appliance.policy.paths import is_within
from appliance.policy.sources import hidden_in
from appliance.policy.tools import call_of

MAX_LINE_BYTES = 1_000_000

_NEEDED = ("sub", "dir", "tool", "input")
_KNOWN = (*_NEEDED, "via", "at")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, when and from which chat."""

    user: UserName
    at: Millis
    via: Platform

    def chat(self, project: Project | None, words: str) -> CommandRequest:
        name = None if project is None else project.name
        return CommandRequest(self.user, name, words, self.via, self.at)

    def admin(self, words: str) -> AdminRequest:
        return AdminRequest(self.user, words, self.via, self.at)

    def tool(self, project: Project, cwd: str, name: str, given: Mapping[str, Json]) -> ToolRequest:
        return ToolRequest(
            self.user, project.name, project.path, cwd, name, given, self.via, self.at
        )


class NowhereError(Exception):
    """The directory lies in no project, so that there is nothing to ask a policy."""


def tool_input(tool: str, given: str) -> Mapping[str, Json]:
    """A tool's input from a JSON object, or from its one telling value."""
    if not given.lstrip().startswith("{"):
        return call_of(tool, given)
    try:
        value = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ApplianceError(f"the input of {tool} is no JSON: {error}") from error
    assert isinstance(value, dict)  # it begins with a brace
    return value


def from_line(raw: bytes, projects: Mapping[ProjectName, Project], now: Millis) -> Request:
    """The request of one line. Raises ApplianceError, or NowhereError for an unknown directory."""
    found = _fields(raw)
    asker = Asker(UserName(_text(found, "sub")), _at(found, now), _via(found))
    tool, given = _text(found, "tool"), found["input"]
    if tool == "admin":
        return asker.admin(_text(found, "input"))
    project = _project(found["dir"], projects)
    if tool == "chat":
        return asker.chat(project, _text(found, "input"))
    if project is None:
        raise ApplianceError('"dir" must be a directory; only chat and admin go without')
    if not isinstance(given, str | dict):
        raise ApplianceError('"input" must be a text or an object')
    value = call_of(tool, given) if isinstance(given, str) else given
    return asker.tool(project, _text(found, "dir"), tool, value)


def _fields(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_LINE_BYTES:
        raise ApplianceError(f"the line has more than {MAX_LINE_BYTES} bytes")
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ApplianceError(f"the line is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ApplianceError('the line is no JSON object such as {"sub": …, "dir": …, …}')
    if missing := [name for name in _NEEDED if name not in found]:
        raise ApplianceError(f'the line lacks "{missing[0]}"')
    if unknown := [name for name in found if name not in _KNOWN]:
        raise ApplianceError(f'the line has the unknown field "{unknown[0]}"')
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str):
        raise ApplianceError(f'"{name}" must be a text')
    return value


def _at(found: Mapping[str, Any], now: Millis) -> Millis:
    value = found.get("at", now)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ApplianceError('"at" is a time in milliseconds since 1970')
    return Millis(value)


def _via(found: Mapping[str, Any]) -> Platform:
    value = found.get("via", Platform.TERMINAL)
    if value not in list(Platform):  # which may be no text at all
        raise ApplianceError(f'"via" is one of: {", ".join(Platform)}')
    return Platform(value)


def _project(directory: object, projects: Mapping[ProjectName, Project]) -> Project | None:
    """The project that the directory lies in; None for no directory."""
    if directory in (None, ""):
        return None
    if not isinstance(directory, str) or not directory.startswith("/") or hidden_in(directory):
        raise ApplianceError('"dir" must be an absolute path')
    real = os.path.realpath(directory)
    for project in projects.values():
        if is_within(real, project.path):
            return project
    raise NowhereError(f"no project holds {directory}")
