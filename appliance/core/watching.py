"""What has been seen of a running job: what it does now, how long, at what cost.

`seen(sight, event, at)` returns the next sight; nobody else makes one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
from appliance.core.tested import result_line, runs_tests

MAX_OPEN_CALLS = 16
"""At the same time, of one agent; an older one is forgotten."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call on its way; `at`: since when."""

    call: ToolCall
    at: Millis


@dataclass(frozen=True, slots=True)
class Sight:
    """Since `since`. `heard_at`: when something happened last.

    `open`: calls on their way; `last`: the one that began last, on its way or not. `said`: what
    the agent said after that. `tests`: the last result line of the tests it ran.
    """

    since: Millis
    heard_at: Millis
    open: tuple[Call, ...] = ()
    last: Call | None = None
    said: str = ""
    trouble: str = ""
    steps: int = 0
    tests: str = ""
    answers: tuple[tuple[str, int], ...] = ()

    @property
    def tokens(self) -> int:
        """What the model has read and written so far, as far as the agent tells."""
        return sum(count for _, count in self.answers)

    @property
    def doing(self) -> Call | None:
        """The call that is on its way, the latest of several."""
        return self.open[-1] if self.open else None


def begin(at: Millis) -> Sight:
    return Sight(at, at)


def stirred(sight: Sight, at: Millis) -> Sight:
    """Something happened that is no event of the agent's: it is not silent."""
    return replace(sight, heard_at=at)


def seen(sight: Sight, event: TaskEvent, at: Millis) -> Sight:
    """After one more event."""
    sight = replace(sight, heard_at=at, trouble="")
    match event:
        case ToolStarted(call=call):
            begun = Call(call, at)
            calls = (*sight.open, begun)[-MAX_OPEN_CALLS:]
            return replace(sight, open=calls, last=begun, said="", steps=sight.steps + 1)
        case ToolFinished():
            return _finished(sight, event)
        case Said(text=text):
            return replace(sight, said=text)
        case Used(id=answer, usage=usage):
            return replace(sight, answers=_counted(sight.answers, answer, usage))
        case Retrying(reason=reason):
            return replace(sight, trouble=reason)
        case _:
            return sight


def _finished(sight: Sight, event: ToolFinished) -> Sight:
    ended = [call for call in sight.open if call.call.id == event.call_id]
    tests = sight.tests
    if any(_is_test(call.call) for call in ended):
        tests = result_line(event.output) or tests
    left = tuple(call for call in sight.open if call not in ended)
    return replace(sight, open=left, tests=tests)


def _is_test(call: ToolCall) -> bool:
    command = call.input.get("command")
    return isinstance(command, str) and runs_tests(command)


def _counted(
    answers: tuple[tuple[str, int], ...], answer: str, usage: Usage
) -> tuple[tuple[str, int], ...]:
    """The latest of each answer counts; those before the last are summed up."""
    count = usage.input_tokens + usage.output_tokens
    if answers and answers[-1][0] == answer:
        return (*answers[:-1], (answer, count))
    before = sum(number for _, number in answers)
    return (("", before), (answer, count))


def tick_seconds(elapsed_seconds: float) -> int:
    """How often the elapsed time of a job is shown anew while nothing else changes."""
    if elapsed_seconds < 60:
        return 10
    return 30 if elapsed_seconds < 600 else 60
