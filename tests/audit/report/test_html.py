from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.report.html import NOTHING, element, joined, one_line, shortened, visible
from tests.audit.report.happenings import HOSTILE


def test_text_is_escaped_and_markup_is_not() -> None:
    made = element("p", {"class": "a"}, "1 < 2 & ", element("b", {}, "bold"), NOTHING)
    assert made.text == '<p class="a">1 &lt; 2 &amp; <b>bold</b></p>'


def test_an_attribute_cannot_be_left() -> None:
    made = element("a", {"title": "\"'> onclick=alert(1) <"}).text
    assert made == '<a title="&quot;&#x27;&gt; onclick=alert(1) &lt;"></a>'


def test_void_elements_have_no_end() -> None:
    assert element("meta", {"charset": "utf-8"}).text == '<meta charset="utf-8">'


def test_what_hides_moves_or_turns_is_shown_by_its_escape() -> None:
    shown = visible(HOSTILE)
    assert shown.isprintable()
    for escape in (r"\x1b[2J", r"\u202e", r"\u200b", r"\x00", r"\ud800", r"\u2028", r"\ufeff"):
        assert escape in shown


def test_lines_and_tabs_stay() -> None:
    assert visible("a\n\tb\r\n") == "a\n\tb\\r\n"


@given(st.text(st.characters()))
def test_text_comes_out_as_visible_text_and_nothing_else(text: str) -> None:
    made = joined([text]).text
    assert html.unescape(made) == html.unescape(html.escape(visible(text)))
    assert "<" not in made
    made.encode()


@given(st.text(max_size=400), st.integers(10, 100))
def test_a_long_text_keeps_its_beginning_and_its_end(text: str, limit: int) -> None:
    short = shortened(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        assert f"{len(text) - limit:,} characters" in short
        assert short.startswith(text[: limit - limit // 4])
        assert short.endswith(text[-(limit // 4) :])


def test_one_line_is_one_line_and_not_long() -> None:
    assert one_line(" a\n\n b\tc ") == "a b c"
    assert len(one_line("word " * 10_000)) == 160
