"""Gate 2 lets a call go on only once and only as gate 1 approved it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent.gates import StrictGates
from appliance.agent.stream import PermissionAsked
from appliance.core.model import ASK_PEOPLE, Json, Proceed, Refuse, ToolCall

inputs: st.SearchStrategy[dict[str, Json]] = st.dictionaries(
    st.text(max_size=6),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=5,
    ),
    max_size=4,
)
CALL = ToolCall("1", "Bash", {"command": "ls"}, "/srv")
ASKED = PermissionAsked("r1", "1", "Bash", {"command": "ls"})


@given(inputs)
@settings(max_examples=50)
def test_the_very_call_that_was_approved_goes_on_once(call_input: dict[str, Json]) -> None:
    gates = StrictGates()
    gates.remember(CALL, Proceed(call_input))
    asked = replace(ASKED, input=dict(reversed(call_input.items())))
    assert gates.confirm(asked) == replace(CALL, input=call_input)
    assert gates.confirm(asked) is None


@pytest.mark.parametrize(
    "asked",
    [
        replace(ASKED, call_id="2"),
        replace(ASKED, tool="Write"),
        replace(ASKED, input={"command": "ls "}),
        replace(ASKED, input={"command": "ls", "run_in_background": True}),
        replace(ASKED, input={}),
    ],
    ids=str,
)
def test_any_other_call_does_not_go_on(asked: PermissionAsked) -> None:
    gates = StrictGates()
    gates.remember(CALL, Proceed(CALL.input))
    assert gates.confirm(asked) is None


@pytest.mark.parametrize(("approved", "asked"), [(1, 1.0), (1, True), (0, False), ("1", 1)])
def test_equal_for_python_is_not_equal_enough(approved: Json, asked: Json) -> None:
    gates = StrictGates()
    gates.remember(CALL, Proceed({"count": approved}))
    assert gates.confirm(replace(ASKED, input={"count": asked})) is None


def test_a_refused_call_does_not_go_on() -> None:
    gates = StrictGates()
    gates.remember(CALL, Refuse("no"))
    assert gates.confirm(ASKED) is None


def test_a_call_gate_one_never_saw_does_not_go_on() -> None:
    assert StrictGates().confirm(ASKED) is None


QUESTIONS: dict[str, Json] = {"questions": [{"question": "Which?"}]}
QUESTION = ToolCall("1", ASK_PEOPLE, QUESTIONS, "/srv")
QUESTION_ASKED = PermissionAsked("r1", "1", ASK_PEOPLE, QUESTIONS)


def test_what_people_answered_is_added_after_the_call_was_compared() -> None:
    gates = StrictGates()
    gates.remember(QUESTION, Proceed(QUESTIONS, {"Which?": "this"}))
    confirmed = gates.confirm(QUESTION_ASKED)
    assert confirmed == replace(QUESTION, input={**QUESTIONS, "answers": {"Which?": "this"}})


@pytest.mark.parametrize(
    ("call", "verdict", "asked"),
    [
        # questions changed between the gates
        (
            QUESTION,
            Proceed(QUESTIONS, {"Which?": "this"}),
            replace(QUESTION_ASKED, input={"questions": [{"question": "Other?"}]}),
        ),
        # nobody was asked
        (QUESTION, Proceed(QUESTIONS), QUESTION_ASKED),
        # the agent answers for the person
        (
            QUESTION,
            Proceed({**QUESTIONS, "answers": {"Which?": "mine"}}, {"Which?": "this"}),
            replace(QUESTION_ASKED, input={**QUESTIONS, "answers": {"Which?": "mine"}}),
        ),
        # answers to what is no question
        (CALL, Proceed(CALL.input, {"Which?": "this"}), ASKED),
    ],
)
def test_answers_go_only_with_the_questions_that_people_saw(
    call: ToolCall, verdict: Proceed, asked: PermissionAsked
) -> None:
    gates = StrictGates()
    gates.remember(call, verdict)
    assert gates.confirm(asked) is None
