"""Words from outside do nothing when they are touched, and addresses lead where they say."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.inert import active_words, leads_openly, still
from appliance.core.model import ENGLISH, Rich, Span, Style
from appliance.core.words import Words, in_language
from tests.emulators.telegram_entities import Entity, active_in, wrong_with


def active(text: str) -> list[str]:
    return [text[start:end] for start, end in active_words(text)]


@pytest.mark.parametrize(
    "word",
    [
        *("@bob", "/deploy", "/run@my_bot", "#urgent", "$AAPL", "me@example.org", "setup.py"),
        *("src/app.py:12", "@pytest.fixture", "git@github.com:org/repo.git", "192.168.0.1"),
        *("+49 30 901820", "t.me/durov", "https://t.me/durov?start=1", "tg://resolve?domain=x"),
        *("ftp://example.org", "javascript://x", "https://good.example@evil.example/", "./run.sh"),
        *("https://xn--80ak6aa92e.com", "https://аpple.com", "https://me.telegram.org"),
    ],
)
def test_a_word_that_would_do_something_is_found_whole(word: str) -> None:
    assert active(f"see {word}, please") == [word]
    assert active(f"({word})") == [word]
    assert active(word) == [word]


@pytest.mark.parametrize(
    "text",
    [
        *("https://example.org/a_b?c=d#e", "http://localhost:8080/x", "and/or 24/7", "/usr/bin"),
        *("snake_case", "x = 3.14", "z.B. e.g. v1.2.3", "#12 C# $5", "1 + 2", "a@b", "10.000"),
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert active(text) == []


def test_an_address_leads_openly_to_a_plain_host() -> None:
    assert leads_openly("https://example.org/x")
    assert leads_openly("http://127.0.0.1:8000")
    for address in ("example.org", "https://", "https://[", "https://x:y@z.org", "//x.org"):
        assert not leads_openly(address)


def test_other_styles_stand_beside_code_and_a_quote_around_it() -> None:
    spans = (Span(Style.QUOTE, 0, 12), Span(Style.BOLD, 0, 12))
    assert still(Rich("ask @bob now", spans)).spans == (
        Span(Style.QUOTE, 0, 12),
        Span(Style.BOLD, 0, 4),
        Span(Style.CODE, 4, 4),
        Span(Style.BOLD, 8, 4),
    )


def test_our_own_words_stay_active_and_what_fills_them_does_not() -> None:
    words = (
        Words().plain("/why tells more than {name}", name="@bob").verbatim(" #x ").plain("/help")
    )
    body = in_language(words.reply(), ENGLISH).body
    assert isinstance(body, Rich)
    assert [body.text[s.start : s.start + s.length] for s in body.spans] == ["@bob", "#x"]


@given(st.lists(st.sampled_from(["@ab", "/x", " ", "#", "a", ".", "b.co", "\U0001f600", "$A"])))
def test_nothing_telegram_knows_is_left_active(parts: list[str]) -> None:
    body = still(Rich("".join(parts)))
    marks = [_entity(body.text, span) for span in body.spans]
    assert wrong_with(body.text, marks) == []
    assert active_in(body.text, marks) == []


def _entity(text: str, span: Span) -> Entity:
    before, inside = text[: span.start], text[span.start : span.start + span.length]
    units = [len(each.encode("utf-16-le")) // 2 for each in (before, inside)]
    return {"type": str(span.style), "offset": units[0], "length": units[1]}


@pytest.mark.parametrize(
    "part", ["a.", "@", "a", "+1 ", "http://", "/a", "x@", "a.b", "_", "#_", "é.", "a.bc,", "$A"]
)
def test_long_texts_are_read_in_linear_time(part: str) -> None:
    began = time.process_time()
    still(Rich(part * (50_000 // len(part))))
    assert time.process_time() - began < 2
