from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.wellformed import is_blank, well_formed


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_becomes_fit_for_utf8_and_keeps_its_length(text: str) -> None:
    fit = well_formed(text)
    assert len(fit) == len(text)
    assert "\x00" not in fit
    assert fit.encode().decode() == fit


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_fit_text_stays_as_it_is(text: str) -> None:
    assert well_formed(text) == text


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\u202e\u2066", "\xa0"])
def test_what_nobody_can_see_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "\U0001f600", " 漢 "])
def test_what_can_be_seen_is_not_blank(text: str) -> None:
    assert not is_blank(text)
