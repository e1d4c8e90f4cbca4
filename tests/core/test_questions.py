"""What an agent may ask, and how one answer comes of what people press and write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.model import Asks, JobId, Json, Millis, Rule, UserName
from appliance.core.questions import (
    Asking,
    Choice,
    Done,
    Option,
    OwnWords,
    Pick,
    Picks,
    Question,
    QuestionId,
    QuestionState,
    Unreadable,
    answer,
    asked,
    in_words,
)

COLOUR: dict[str, Json] = {
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [{"label": "Red", "description": "warm"}, {"label": "Blue"}],
}
SIZES = Asking("Which sizes?", "Sizes", (Option("S"), Option("M"), Option("L")), is_multiple=True)
ONE = Asking("Which colour?", "Colour", (Option("Red", "warm"), Option("Blue")))
ME, NOW = UserName("me"), Millis(1000)


def question(asking: Asking) -> Question:
    return Question(
        QuestionId("k7m2"),
        JobId(1),
        "toolu_1",
        ME,
        asking,
        Asks(Rule("rules.csv", 1, "")),
        asked_at=Millis(0),
        expires_at=Millis(5000),
    )


def after(asking: Asking, *choices: Choice, at: Millis = NOW) -> Question:
    current = question(asking)
    for choice in choices:
        current = answer(current, choice, by=ME, at=at)
    return current


def test_the_questions_of_a_call_are_read() -> None:
    assert asked({"questions": [COLOUR]}) == (ONE,)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"questions": []},
        {"questions": [COLOUR] * 2},
        {"questions": [{**COLOUR, "question": f"{n}?"} for n in range(5)]},
        {"questions": ["Which?"]},
        {"questions": [{**COLOUR, "question": " "}]},
        {"questions": [{**COLOUR, "question": "?" * 2001}]},
        {"questions": [{**COLOUR, "options": "Red"}]},
        {"questions": [{**COLOUR, "options": [{"label": "Red"}, {"label": "Red"}]}]},
        {"questions": [{**COLOUR, "options": [{"label": str(n)} for n in range(11)]}]},
        {"questions": [{**COLOUR, "options": [{"label": "x" * 201}]}]},
        {"questions": [{**COLOUR, "options": [{"description": "none"}]}]},
        {"questions": [{**COLOUR, "multiSelect": 1}]},
        {"questions": [{**COLOUR, "header": 1}]},
    ],
)
def test_what_nobody_could_be_asked_is_not_read(broken: dict[str, Json]) -> None:
    with pytest.raises(Unreadable):
        asked(broken)


def test_one_choice_is_the_answer() -> None:
    done = after(ONE, Pick(1))
    assert (done.state, done.answer, done.answered_by) == (QuestionState.ANSWERED, "Blue", "me")


def test_several_choices_are_marked_and_unmarked_until_done() -> None:
    marked = after(SIZES, Pick(2), Pick(0), Pick(1), Pick(2))
    assert (marked.state, marked.chosen) == (QuestionState.OPEN, (0, 1))
    assert answer(marked, Done(), by=ME, at=NOW).answer == "S, M"


def test_own_words_are_an_answer() -> None:
    assert after(SIZES, Pick(0), OwnWords(" none of these ")).answer == "none of these"


@pytest.mark.parametrize(
    ("asking", "choice"),
    [
        (ONE, Pick(2)),
        (ONE, Pick(-1)),
        (ONE, Picks((0, 1))),
        (ONE, Done()),
        (SIZES, Done()),
        (SIZES, Pick(3)),
        (SIZES, Picks(())),
        (SIZES, Picks((0, 7))),
        (SIZES, OwnWords("  ")),
    ],
)
def test_what_is_no_choice_changes_nothing(asking: Asking, choice: Choice) -> None:
    assert after(asking, choice) == question(asking)


def test_an_answer_counts_once_and_in_time() -> None:
    done = after(ONE, Pick(0))
    assert answer(done, Pick(1), by=UserName("bob"), at=NOW) is done
    assert after(ONE, Pick(0), at=Millis(5000)).state is QuestionState.EXPIRED
    gone = replace(question(ONE), state=QuestionState.WITHDRAWN)
    assert answer(gone, Pick(0), by=ME, at=NOW) is gone


@pytest.mark.parametrize(
    ("asking", "text", "choice"),
    [
        (ONE, "2", Picks((1,))),
        (ONE, "1,2", OwnWords("1,2")),
        (ONE, "3", OwnWords("3")),
        (ONE, "blue, but dark", OwnWords("blue, but dark")),
        (SIZES, "3, 1,1", Picks((0, 2))),
        (SIZES, "0", OwnWords("0")),
        (SIZES, "²", OwnWords("²")),
        (SIZES, ",", OwnWords(",")),
    ],
)
def test_numbers_that_were_typed_are_choices(asking: Asking, text: str, choice: Choice) -> None:
    assert in_words(text, asking) == choice
