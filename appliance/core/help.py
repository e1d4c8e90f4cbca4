"""What /help shows at once, and what behind which button: a phone has room for fifteen lines."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from appliance.core.model import Phrase
from appliance.core.words import phrase

TOKEN = "help:"  # noqa: S105 (of a button)
"""A button for one group of commands."""


class Group(StrEnum):
    """What commands are about."""

    WORK = "work"
    WATCH = "watch"
    APPROVE = "approve"
    PLACE = "here"
    HOST = "host"
    RECIPES = "recipes"


FIRST = ("run", "status", "stop", "project", "diff")
"""What people use most, but for plain words."""

TITLES: Mapping[Group, Phrase] = {
    Group.WORK: phrase("Work"),
    Group.WATCH: phrase("Watch"),
    Group.APPROVE: phrase("Approve"),
    Group.PLACE: phrase("This conversation"),
    Group.HOST: phrase("The machine"),
    Group.RECIPES: phrase("Recipes"),
}

_GROUPS: Mapping[Group, tuple[str, ...]] = {
    Group.WORK: (
        *("run", "worktree", "tree", "plan", "ask", "after", "retry", "resume", "new"),
        *("sessions", "send", "move"),
    ),
    Group.WATCH: ("status", "jobs", "queue", "log", "diff", "revert", "stop"),
    Group.APPROVE: ("approve", "deny", "details", "again", "answer"),
    Group.PLACE: ("project", "settings", "why", "pair", "unpair", "help"),
}


def group_of(word: str) -> Group:
    """Where a builtin command is listed; what nobody has put anywhere is about the machine."""
    return next((group for group, words in _GROUPS.items() if word in words), Group.HOST)


def group_named(name: str) -> Group | None:
    return Group(name) if name in list(Group) else None
