from __future__ import annotations

from appliance.core.model import (
    Millis,
    Retrying,
    Said,
    TaskEvent,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Usage,
    Used,
)
from appliance.core.watching import MAX_OPEN_CALLS, Sight, begin, seen, stirred, tick_seconds


def call(name: str, **values: str) -> ToolCall:
    return ToolCall(name, "Bash", values, "/srv/demo")


def after(*events: TaskEvent) -> Sight:
    """One event each second, from second 1 on."""
    sight = begin(Millis(0))
    for number, event in enumerate(events, 1):
        sight = seen(sight, event, Millis(number * 1000))
    return sight


def test_what_it_does_is_the_call_on_its_way_and_since_when() -> None:
    sight = after(ToolStarted(call("a")))
    assert sight.doing is not None
    assert (sight.doing.call.id, sight.doing.at, sight.steps) == ("a", 1000, 1)
    done = seen(sight, ToolFinished("a", False, ""), Millis(2000))
    assert done.doing is None
    assert done.last == sight.doing
    assert done.heard_at == 2000


def test_of_several_calls_the_latest_that_is_left_is_shown() -> None:
    sight = after(ToolStarted(call("a")), ToolStarted(call("b")), ToolFinished("b", False, ""))
    assert sight.doing is not None
    assert sight.doing.call.id == "a"
    assert sight.steps == 2


def test_calls_without_an_end_are_not_kept_for_ever() -> None:
    sight = after(*(ToolStarted(call(str(number))) for number in range(100)))
    assert len(sight.open) == MAX_OPEN_CALLS
    assert sight.steps == 100


def test_what_it_says_counts_until_it_does_something() -> None:
    assert after(Said("I will look.")).said == "I will look."
    assert after(Said("I will look."), ToolStarted(call("a"))).said == ""


def test_trouble_is_over_with_the_next_sign_of_life() -> None:
    assert after(Retrying("the API answers 529")).trouble == "the API answers 529"
    assert after(Retrying("the API answers 529"), Said("on")).trouble == ""


def test_the_result_of_the_last_tests_is_kept() -> None:
    sight = after(
        ToolStarted(call("a", command="pytest")),
        ToolFinished("a", True, "1 failed, 2 passed in 0.1s"),
        ToolStarted(call("b", command="git status")),
        ToolFinished("b", False, "7 tests"),
        ToolStarted(call("c", command="pytest -q")),
        ToolFinished("c", False, "3 passed in 0.1s"),
    )
    assert sight.tests == "3 passed in 0.1s"


def test_tests_that_print_nothing_leave_the_result_before() -> None:
    sight = after(
        ToolStarted(call("a", command="make test")),
        ToolFinished("a", False, "3 passed"),
        ToolStarted(call("b", command="make test")),
        ToolFinished("b", True, ""),
    )
    assert sight.tests == "3 passed"


def test_tokens_of_one_answer_replace_each_other_and_answers_add_up() -> None:
    sight = after(
        Used("m1", Usage(input_tokens=100, output_tokens=1)),
        Used("m1", Usage(input_tokens=100, output_tokens=20)),
        Used("m2", Usage(input_tokens=200, output_tokens=5)),
        Used("m2", Usage(input_tokens=200, output_tokens=7)),
        Used("m3", Usage(input_tokens=1)),
    )
    assert sight.tokens == 120 + 207 + 1
    assert len(sight.answers) == 2


def test_a_stir_is_a_sign_of_life_and_nothing_else() -> None:
    sight = after(Said("x"))
    assert stirred(sight, Millis(9000)).heard_at == 9000
    assert stirred(sight, Millis(9000)).said == "x"


def test_time_is_shown_less_often_the_longer_it_takes() -> None:
    ticks = [tick_seconds(elapsed) for elapsed in (0, 59, 60, 599, 600, 36_000)]
    assert ticks == [10, 10, 30, 30, 60, 60]
