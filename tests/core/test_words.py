"""Numbers, money and times as a language and a place's clocks have them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.languages import SENTENCES
from appliance.core.model import (
    ENGLISH,
    Button,
    Catalogue,
    Day,
    Millis,
    Reply,
    Rich,
    TimeOfDay,
    Value,
    Wording,
    filled,
)
from appliance.core.preferences import Language
from appliance.core.words import (
    Words,
    dollars,
    duration,
    either,
    in_language,
    number,
    one_below_the_other,
    phrase,
    plural,
)

GERMAN = Catalogue(SENTENCES[Language.GERMAN], ZoneInfo("Europe/Berlin"))
MOMENT = Millis(1_798_753_500_000)  # the last evening of 2026, UTC


@pytest.mark.parametrize(
    ("said", "english", "german"),
    [
        (number(1_234_567), "1,234,567", "1.234.567"),
        (number(-1_000), "-1,000", "-1.000"),
        (number(999), "999", "999"),
        (dollars(1_234_560_000), "$1,234.56", "1.234,56 $"),
        (dollars(120_000), "$0.12", "0,12 $"),
        (duration(65_000), "1 min 5 s", "1 min 5 s"),
        (either(["a", "b", "c"]), "a or b or c", "a oder b oder c"),
        (plural(1, "{count} record", "{count} records"), "1 record", "1 Eintrag"),
        (plural(1204, "{count} record", "{count} records"), "1,204 records", "1.204 Einträge"),
        (TimeOfDay(MOMENT), "21:45", "22:45"),
        (Day(MOMENT), "31 Dec", "31. Dez."),
        (phrase("no such {thing}", thing="x"), "no such x", "no such x"),
    ],
)
def test_as_a_language_has_it(said: Value, english: str, german: str) -> None:
    assert filled(said, ENGLISH) == english
    assert filled(said, GERMAN) == german


@given(st.integers(-(10**12), 10**12))
def test_numbers_are_grouped_as_python_does_it(count: int) -> None:
    assert str(number(count)) == f"{count:,}"


def test_words_buttons_and_footer_are_in_one_language() -> None:
    words = Words().bold("Job {job}", job=7).line("Stopping job {job}.", job=7)
    reply = words.reply([Button(phrase("Stop"), "s:7"), Button("demo", "p:demo")])
    said = in_language(
        Reply(reply.body, reply.buttons, footer=Words().plain("Denied.").wording()), GERMAN
    )
    assert said.body.text == "Auftrag 7\nAuftrag 7 wird angehalten."
    assert [button.label for button in said.buttons[0]] == ["Anhalten", "demo"]
    assert said.footer == Rich("Abgelehnt.")


def test_two_footers_stand_below_each_other() -> None:
    first, second = Words().plain("a").wording(), Words().plain("b").wording()
    assert one_below_the_other(first, second).text == "a\nb"
    assert one_below_the_other(first, None) == first
    assert isinstance(first, Wording)
