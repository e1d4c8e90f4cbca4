"""Each way to end has one clear sentence."""

from __future__ import annotations

import pytest

from appliance.agent import endings
from appliance.agent.stream import Result
from appliance.agent.task_link import Exceeded, TaskExited
from appliance.core.model import Ceiling, Ending, Isolation, Limits, Usage
from appliance.errors import AgentFailed

USAGE = Usage(turns=3)
LIMITS = Limits(60, Isolation.NONE, Ceiling(memory_bytes=1536 * 1024**2))


def result(text: str, *, subtype: str = "success", is_error: bool = True) -> Result:
    return Result(subtype, is_error, text, None, USAGE)


def test_an_answer_is_a_success() -> None:
    ended = endings.of_result(result("done", is_error=False), USAGE)
    assert (ended.ending, ended.text, ended.usage) == (Ending.SUCCEEDED, "done", USAGE)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (result("", is_error=False), "ended without an answer; start afresh with /new"),
        (result("Not logged in · Please run /login"), "not logged in: run `claude`"),
        (result("No conversation found with session ID: 1"), "start afresh with /new"),
        (result("", subtype="error_max_turns"), "used up its 3 turns"),
        (Result("success", True, "Invalid API key", 401, USAGE), "refuses the agent's login"),
        (result("API Error: 529 Overloaded"), "the agent failed: API Error: 529 Overloaded"),
        (result("", subtype="error_during_execution"), "the agent failed: error_during_execution"),
        (result("fine", subtype="error_new", is_error=False), "the agent failed: fine"),
    ],
)
def test_everything_else_is_a_failure_that_says_what_to_do(found: Result, words: str) -> None:
    ended = endings.of_result(found, USAGE)
    assert ended.ending is Ending.FAILED
    assert words in ended.text


@pytest.mark.parametrize(
    ("exited", "ending", "words"),
    [
        (TaskExited(-1, 15, Exceeded.TIME), Ending.TIMED_OUT, "stopped after 60 s"),
        (TaskExited(-1, 9, Exceeded.MEMORY), Ending.FAILED, "used more than 1.5 GiB of memory"),
        (TaskExited(-1, 9, Exceeded.PROCESSES), Ending.FAILED, "had more than 512 processes"),
        (TaskExited(-1, 24), Ending.FAILED, "it computed for 120 minutes"),
        (TaskExited(-1, 9), Ending.FAILED, "the agent was killed (signal 9)"),
        (TaskExited(1, 0), Ending.FAILED, "(exit status 1): no such option"),
    ],
)
def test_going_away_without_a_result_is_explained(
    exited: TaskExited, ending: Ending, words: str
) -> None:
    ended = endings.of_exit(exited, "no such option", LIMITS)
    assert ended.ending is ending
    assert words in ended.text


def test_an_error_is_told_with_its_hint() -> None:
    ended = endings.of_error(AgentFailed("too old", hint="update it"), USAGE)
    assert ended.text == "too old; update it"


def test_a_further_turn_adds_tokens_while_the_cost_is_a_total_already() -> None:
    total = endings.total(Usage(5, 10, 1, 1, 100), Usage(8, 20, 2, 1, 50))
    assert total == Usage(8, 30, 3, 2, 150)
