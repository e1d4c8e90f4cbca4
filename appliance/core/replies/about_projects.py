"""Which project a conversation is about."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.commands import shown
from appliance.core.model import (
    Button,
    Project,
    Reply,
)
from appliance.core.words import Words, say


def projects(current: str | None, names: Sequence[str]) -> Reply:
    words = Words().bold("Project: ").plain(current or "none chosen").plain("\n")
    for name in names:
        words.plain("\n").code(f"/project {name}")
    return words.reply([Button(name, f"p:{name}") for name in names[:6]])


def project_chosen(project: Project) -> Reply:
    return Words().plain("Project is now ").bold(project.name).plain(".").reply()


def no_such_project(name: str, near: str | None) -> Reply:
    hint = f" Did you mean {near}?" if near else " /project lists them."
    return say(f"There is no project called “{shown(name)}”.{hint}")


def no_project() -> Reply:
    return say("Choose a project first: /project")
