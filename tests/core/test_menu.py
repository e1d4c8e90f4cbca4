"""Menus fit into what Telegram takes, in every language."""

from __future__ import annotations

import re

import pytest

from appliance.core.languages import SENTENCES
from appliance.core.menu import MAX_ENTRIES, MAX_SUMMARY_CHARACTERS, Audience, menu
from appliance.core.model import Catalogue, Recipe
from appliance.core.preferences import Language

RECIPES = (
    Recipe(("git", "status"), "what has changed", ("git", "status")),
    Recipe(("git", "log"), "the latest commits", ("git", "log")),
    Recipe(("deploy",), "x" * 300, ("./deploy",)),
    Recipe(("no-menu",), "has a dash", ("true",)),
    Recipe(("help",), "never in place of ours", ("true",)),
)


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("language", Language)
def test_a_menu_is_one_that_telegram_takes(audience: Audience, language: Language) -> None:
    entries = menu(audience, RECIPES, Catalogue(SENTENCES[language]))
    assert 0 < len(entries) <= MAX_ENTRIES
    assert len({entry.word for entry in entries}) == len(entries)
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9_]{1,32}", entry.word)
        assert 0 < len(entry.summary) <= MAX_SUMMARY_CHARACTERS


def test_who_is_offered_what() -> None:
    words = {a: {e.word: e.summary for e in menu(a, RECIPES, Catalogue())} for a in Audience}
    assert "unpair" in words[Audience.PRIVATE]
    assert "pair" not in words[Audience.PRIVATE]
    assert "pair" not in words[Audience.GROUP]
    assert {"pair", "unpair"} <= words[Audience.GROUP_ADMINS].keys()
    assert words[Audience.GROUP]["git"] == "git status | log"
    assert "no-menu" not in words[Audience.GROUP]
    assert words[Audience.GROUP]["help"] != "never in place of ours"
