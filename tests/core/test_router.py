"""What goes to the project and what to the workspace: in doubt the project."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.router import RouterRules, needs_no_project

RULES = RouterRules()


@pytest.mark.parametrize(
    "text",
    [
        "What is the difference between TCP and QUIC?",
        "who wrote Dune",
        "Explain zero-knowledge proofs in three sentences",
        "translate 'good morning' into Japanese",
        "Wie wird das Wetter morgen in Bern?",
        "Erkläre Monaden",
        "how many bytes are in a mebibyte?",
    ],
)
def test_a_question_that_speaks_of_nothing_here_needs_no_project(text: str) -> None:
    assert needs_no_project(text, RULES)


@pytest.mark.parametrize(
    "text",
    [
        "fix the login",
        "What does parse_date in src/dates.py return?",
        "why is this so slow?",
        "How do we deploy?",
        "what changed in the last commit?",
        "Was macht `foo`?",
        "Wo ist hier die Konfiguration?",
        "is README.md up to date?",
        "which tests fail?",
        "add a button",
        "make it faster",
        "",
        "?",
    ],
)
def test_work_and_questions_about_what_is_here_go_to_the_project(text: str) -> None:
    assert not needs_no_project(text, RULES)


def test_the_administrators_words_come_first_and_the_project_before_the_workspace() -> None:
    rules = RouterRules(project=("invoice",), workspace=("recipe for",))
    assert not needs_no_project("what is an invoice?", rules)
    assert needs_no_project("find a recipe for bread", rules)
    assert not needs_no_project("find a recipe for an invoice", rules)
    assert not needs_no_project("invoices? fix them", RouterRules(workspace=("invoice",)))


def test_a_router_that_is_off_sends_everything_to_the_project() -> None:
    assert not needs_no_project("who wrote Dune", RouterRules(is_on=False))


def test_a_long_text_is_work() -> None:
    assert not needs_no_project("what does that mean: " + "word " * 200, RULES)


@given(st.text(max_size=300))
def test_a_text_that_does_not_begin_like_a_question_stays_with_the_project(text: str) -> None:
    assert not needs_no_project("Rename " + text, RULES)
