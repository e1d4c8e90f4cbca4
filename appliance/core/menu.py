"""The commands that a chat offers when somebody types "/": by audience and language.

A menu hides nothing and allows nothing: what may be done is for the policy, whoever types it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.commands import BUILTINS
from appliance.core.hidden import shown
from appliance.core.model import Catalogue, Recipe, filled

MAX_ENTRIES = 100
MAX_SUMMARY_CHARACTERS = 256
_WORD = re.compile(r"[a-z0-9_]{1,32}")


class Audience(StrEnum):
    """Who is offered a menu."""

    PRIVATE = "private"
    GROUP = "group"
    GROUP_ADMINS = "group_admins"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    word: str
    summary: str


NOT_IN_PRIVATE = frozenset(("pair",))
NOT_IN_GROUPS = frozenset(("pair", "unpair", "awake", "wake", "users", "grant", "revoke", "audit"))
ONLY_GROUP_ADMINS = frozenset(("pair", "unpair"))
"""Of what groups are not offered, this is for those who run them."""


def menu(
    audience: Audience, recipes: Sequence[Recipe], catalogue: Catalogue
) -> tuple[MenuEntry, ...]:
    """The builtin commands of an audience, then the recipes, by the first word of each."""
    entries = {
        builtin.word: filled(builtin.summary, catalogue)
        for builtin in BUILTINS
        if _is_for(audience, builtin.word)
    }
    for recipe in recipes:
        word = recipe.words[0]
        if _WORD.fullmatch(word):
            entries.setdefault(word, _summary(word, recipes))
    listed = list(entries.items())[:MAX_ENTRIES]
    return tuple(MenuEntry(word, shown(text, MAX_SUMMARY_CHARACTERS)) for word, text in listed)


def _is_for(audience: Audience, word: str) -> bool:
    match audience:
        case Audience.PRIVATE:
            return word not in NOT_IN_PRIVATE
        case Audience.GROUP:
            return word not in NOT_IN_GROUPS
        case Audience.GROUP_ADMINS:
            return word not in NOT_IN_GROUPS or word in ONLY_GROUP_ADMINS


def _summary(word: str, recipes: Sequence[Recipe]) -> str:
    """The administrator's words for one recipe; for several that begin alike, what follows."""
    alike = [recipe for recipe in recipes if recipe.words[0] == word]
    if len(alike) == 1:
        return alike[0].summary or alike[0].name
    return f"{word} " + " | ".join(" ".join(recipe.words[1:]) or recipe.name for recipe in alike)
