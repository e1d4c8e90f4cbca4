"""What an agent asks is shown as the agent's, and what becomes of it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.model import Asks, JobId, Millis, Rule, UserName
from appliance.core.questions import Asking, Option, Question, QuestionId, QuestionState
from appliance.core.replies import about_questions
from tests.examples import NOW, job

ASKED = Question(
    QuestionId("k7m2p9qd"),
    JobId(1),
    "toolu_1",
    UserName("alice"),
    Asking("Which {colour}?", "Colour", (Option("Red", "warm"), Option("Blue")), False),
    Asks(Rule("rules.csv", 1, "")),
    asked_at=NOW,
    expires_at=Millis(NOW + 3_600_000),
)


def test_a_question_shows_its_choices_and_who_may_answer_until_when() -> None:
    reply = about_questions.question(ASKED, job(), ["alice", "olga"])
    text = reply.body.text
    for part in ("Which {colour}?", "1. Red — warm", "2. Blue", "alice, olga", "k7m2p9qd"):
        assert part in text
    assert [[b.token for b in row] for row in reply.buttons] == [["q:k7m2p9qd:0"], ["q:k7m2p9qd:1"]]


def test_what_is_marked_can_be_seen() -> None:
    several = replace(ASKED, asking=replace(ASKED.asking, is_multiple=True), chosen=(1,))
    labels = [str(row[0].label) for row in about_questions.question(several, job(), []).buttons]
    assert labels == ["☐ Red", "☑ Blue", "Done"]


def test_hidden_characters_of_an_agent_are_visible() -> None:
    sly = replace(ASKED, asking=replace(ASKED.asking, text="Delete\u202e?"))
    text = about_questions.question(sly, job(), []).body.text
    assert "\\u202e" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (QuestionState.ANSWERED, "✓ Answered by bob at "),
        (QuestionState.EXPIRED, "Nobody answered in time"),
        (QuestionState.WITHDRAWN, "Withdrawn"),
    ],
)
def test_the_outcome_is_said_where_it_was_asked(state: QuestionState, words: str) -> None:
    over = replace(ASKED, state=state, answer="Blue", answered_by="bob", answered_at=NOW)
    reply = about_questions.settled(over, job())
    assert reply.body.text.startswith(words)
    assert not reply.buttons
    assert ("→ Blue" in reply.body.text) is (state is QuestionState.ANSWERED)
    assert str(about_questions.late_answer(over))
