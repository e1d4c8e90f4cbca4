from __future__ import annotations

from appliance.chat.excerpt import with_excerpt
from appliance.chat.footer import with_footer
from appliance.chat.telegram.parts import MAX_TEXT_UNITS, parts_of
from appliance.core.model import Markdown, Reply, Rich, Span, Style

FOOTER = Rich("1 min · 3 passed", (Span(Style.CODE, 8, 8),))


def test_spans_of_both_stay_where_they_belong() -> None:
    whole = with_footer(Rich("a b", (Span(Style.BOLD, 2, 1),)), FOOTER)
    assert whole.text == "a b\n\n1 min · 3 passed"
    styled = [whole.text[span.start : span.start + span.length] for span in whole.spans]
    assert styled == ["b", "3 passed"]


def test_without_a_footer_the_body_is_itself() -> None:
    assert with_footer(Rich("a"), None) == Rich("a")


def test_the_footer_of_a_long_answer_is_in_its_last_part_and_fits() -> None:
    for length in (MAX_TEXT_UNITS - 10, MAX_TEXT_UNITS * 2, MAX_TEXT_UNITS * 40):
        parts = parts_of(Reply(Markdown("word " * (length // 5)), footer=FOOTER))
        texts = [part.body.text for part in parts]
        assert sum("3 passed" in text for text in texts) == 1
        assert all(len(text) <= MAX_TEXT_UNITS for text in texts)


def test_only_the_last_part_rings() -> None:
    parts = parts_of(Reply(Markdown("word " * 2500)))
    assert [part.silent for part in parts] == [True] * (len(parts) - 1) + [False]


def test_other_chats_show_it_below_a_beginning_too() -> None:
    for length in (10, 10_000):
        first = with_excerpt(Reply(Rich("x" * length), footer=FOOTER), 5000)[0]
        assert first.body.text.endswith("\n\n1 min · 3 passed")
        assert first.footer is None
