"""Which project a conversation is about."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.commands import shown
from appliance.core.model import (
    Button,
    Project,
    Reply,
)
from appliance.core.words import Words, phrase, say


def projects(current: str | None, names: Sequence[str]) -> Reply:
    words = Words().bold("Project: ")
    if current:
        words.verbatim(f"{current}\n")
    else:
        words.plain("none chosen").verbatim("\n")
    for name in names:
        words.verbatim("\n").code(f"/project {name}")
    return words.reply([Button(name, f"p:{name}") for name in names[:6]])


def project_chosen(project: Project) -> Reply:
    words = Words().plain("Project is now ").bold(phrase("{project}", project=project.name))
    return words.verbatim(".").reply()


def no_such_project(name: str, near: str | None) -> Reply:
    if near is None:
        return say("There is no project called “{name}”. /project lists them.", name=shown(name))
    return say(
        "There is no project called “{name}”. Did you mean {near}?", name=shown(name), near=near
    )


def no_project() -> Reply:
    return say("Choose a project first: /project")
