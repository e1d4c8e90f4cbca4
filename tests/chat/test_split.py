from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.split import cut, split, utf16_units
from appliance.core.model import Rich, Span, Style


@st.composite
def rich_texts(draw: st.DrawFn) -> Rich:
    text = draw(st.text(st.sampled_from("ab \n\U0001f600é"), max_size=80))
    spans = []
    for style in draw(st.lists(st.sampled_from(Style), max_size=4)):
        start = draw(st.integers(0, len(text)))
        spans.append(Span(style, start, draw(st.integers(0, len(text) - start)), "v"))
    return Rich(text, tuple(spans))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_units_are_those_of_utf16(text: str) -> None:
    assert utf16_units(text) == len(text.encode("utf-16-le")) // 2


@settings(deadline=None)
@given(rich_texts(), st.integers(2, 20))
def test_the_parts_joined_are_the_whole_and_each_fits(body: Rich, limit: int) -> None:
    parts = split(body, limit)
    assert "".join(part.text for part in parts) == body.text
    assert all(utf16_units(part.text) <= limit for part in parts)


@settings(deadline=None)
@given(rich_texts(), st.integers(2, 20))
def test_every_character_keeps_its_styles(body: Rich, limit: int) -> None:
    parts = split(body, limit)
    assert [styles for part in parts for styles in looks(part)] == looks(body)


def looks(body: Rich) -> list[list[tuple[Style, str]]]:
    return [
        [(s.style, s.value) for s in body.spans if s.start <= index < s.start + s.length]
        for index in range(len(body.text))
    ]


@settings(deadline=None)
@given(rich_texts(), st.integers(2, 20))
def test_spans_stay_within_their_part(body: Rich, limit: int) -> None:
    for part in split(body, limit):
        assert all(s.start >= 0 and s.length > 0 for s in part.spans)
        assert all(s.start + s.length <= len(part.text) for s in part.spans)


def test_paragraphs_are_kept_together_rather_than_lines_and_words() -> None:
    parts = split(Rich("one two\n\nthree\nfour five six"), 15)
    assert [part.text for part in parts] == ["one two\n\n", "three\nfour ", "five six"]


def test_a_border_too_far_ahead_is_no_reason_for_a_short_part() -> None:
    parts = split(Rich("a " + "b" * 30), 20)
    assert [len(part.text) for part in parts] == [20, 12]


def test_a_pair_of_surrogates_is_never_cut() -> None:
    parts = split(Rich("a" + "\U0001f600" * 3), 4)
    assert [part.text for part in parts] == ["a\U0001f600", "\U0001f600\U0001f600"]


def test_an_empty_text_is_one_empty_part() -> None:
    assert split(Rich(""), 10) == (Rich(""),)


def test_a_cut_keeps_what_spans_have_inside() -> None:
    body = Rich("0123456789", (Span(Style.PRE, 2, 6, "py"), Span(Style.BOLD, 8, 2)))
    assert cut(body, 4, 8) == Rich("4567", (Span(Style.PRE, 0, 4, "py"),))
