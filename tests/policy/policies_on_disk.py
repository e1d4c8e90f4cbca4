"""Policies written to disk for one test, and requests to hold against them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from appliance.core.model import (
    CommandRequest,
    Json,
    Platform,
    Project,
    ProjectName,
    ToolRequest,
    UserName,
)
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.loader import load

SHIPPED = Path(__file__).parents[2] / "policies"

ME = UserName("me")


def write(directory: Path, *lines: str, commands: str = "") -> Path:
    """A policy directory with these rule lines and the shipped model."""
    directory.mkdir(exist_ok=True)
    shutil.copy(SHIPPED / "model.conf", directory)
    (directory / "rules.csv").write_text("\n".join(lines) + "\n")
    (directory / "commands.toml").write_text(commands)
    return directory


def projects(tmp_path: Path, *names: str) -> dict[ProjectName, Project]:
    """Empty directories as projects."""
    found = {}
    for name in names:
        path = (tmp_path / name).resolve()
        path.mkdir(exist_ok=True)
        found[ProjectName(name)] = Project(ProjectName(name), str(path))
    return found


def policy(
    tmp_path: Path, *lines: str, users: Sequence[str] = ("me",), names: Sequence[str] = ("demo",)
) -> LoadedPolicy:
    """A policy of these lines; by default for one user "me" and one project "demo"."""
    directory = write(tmp_path / "policies", *lines)
    return load(directory, [UserName(u) for u in users], projects(tmp_path, *names))


def shipped(tmp_path: Path) -> LoadedPolicy:
    return load(SHIPPED, [ME], projects(tmp_path, "demo"))


def tool(
    tmp_path: Path, name: str, *, user: str = "me", project: str = "demo", **call: Json
) -> ToolRequest:
    """A tool call in the project's directory."""
    root = str((tmp_path / project).resolve())
    return ToolRequest(
        UserName(user), ProjectName(project), root, root, name, call, Platform.TERMINAL
    )


def bash(tmp_path: Path, line: str, *, user: str = "me") -> ToolRequest:
    return tool(tmp_path, "Bash", user=user, command=line)


def chat(words: str, *, user: str = "me", project: str | None = "demo") -> CommandRequest:
    name = None if project is None else ProjectName(project)
    return CommandRequest(UserName(user), name, words, Platform.TERMINAL)
