"""Every command is behind one button of /help, and what is shown at once fits a phone."""

from __future__ import annotations

import textwrap
from collections import Counter

from appliance.core.commands import BUILTINS, Help
from appliance.core.help import FIRST, TOKEN, Group, group_named, group_of
from appliance.core.model import Click, Millis, Recipe
from appliance.core.parsing import parse
from appliance.core.replies.about_requests import help_for
from appliance.core.requests import command_of
from tests.examples import ALICE, PLACE

ALL = frozenset(f"/{builtin.word}" for builtin in BUILTINS)
RECIPES = (Recipe(("test",), "run the tests", ("make", "test")),)


def test_at_once_it_shows_the_most_used_and_fits_a_phone() -> None:
    text = help_for(ALL, RECIPES, None).body.text
    assert [f"/{word}" in text for word in FIRST] == [True] * len(FIRST)
    assert sum(len(textwrap.wrap(line, 38)) or 1 for line in text.split("\n")) <= 15


def test_every_command_is_in_one_group_behind_its_button() -> None:
    shown = Counter[str]()
    for group in Group:
        text = help_for(ALL | {"/test"}, RECIPES, group).body.text
        shown.update(b.usage for b in BUILTINS if f"\n{b.usage}  " in text)
        assert ("run the tests" in text) == (group is Group.RECIPES)
    assert shown == Counter(builtin.usage for builtin in BUILTINS)


def test_who_may_little_sees_all_of_it_at_once() -> None:
    text = help_for(frozenset({"/status", "/test"}), RECIPES, None).body.text
    assert "/status" in text
    assert "run the tests" in text


def test_a_group_can_be_pressed_and_typed() -> None:
    click = Click("k", ALICE.sender, PLACE, f"{TOKEN}watch", Millis(1))
    assert command_of(click, ()) == Help(Group.WATCH) == parse("/help watch", ())
    assert parse("/help", ()) == Help() == parse("/help nonsense", ())
    assert group_of("nothing known") is Group.HOST
    assert group_named("") is None
