"""Which project a conversation is about."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.hidden import shown
from appliance.core.model import Button, Project, Reply
from appliance.core.words import Words, phrase, say

PAGE = 6
"""Projects shown at a time, each with a button."""


def projects(current: str | None, names: Sequence[str], page: int = 0) -> Reply:
    last = max(0, len(names) - 1) // PAGE
    page = min(page, last)
    here = names[page * PAGE : (page + 1) * PAGE]
    words = Words().bold("Project: ")
    if current:
        words.verbatim(current)
    else:
        words.plain("none chosen")
    if last:
        words.line("page {page} of {count}", page=page + 1, count=last + 1)
    buttons = [Button(name, f"p:{name}") for name in here]
    rows = [buttons[start : start + 2] for start in range(0, len(buttons), 2)]
    turning = [Button(phrase("◀ Back"), f"tp:{page - 1}")] if page else []
    turning += [Button(phrase("More ▶"), f"tp:{page + 1}")] if page < last else []
    return words.reply(*rows, *([turning] if turning else []))


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
