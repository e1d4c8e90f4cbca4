"""What the real Claude Code asks people, and how their answers reach it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import (
    ASK_PEOPLE,
    END_PLANNING,
    PLAN_FILE,
    Ended,
    Ending,
    Json,
    Proceed,
    Prompt,
    Refuse,
    ToolCall,
    ToolStarted,
    Verdict,
)
from tests.agent.test_claude import Desk, ended
from tests.emulators.anthropic import Asked, Call, Turn
from tests.grounds import Grounds, allow

pytestmark = pytest.mark.real_cli

QUESTIONS: dict[str, Json] = {
    "questions": [
        {
            "question": "Which colour?",
            "header": "Colour",
            "multiSelect": False,
            "options": [
                {"label": "Red", "description": "warm"},
                {"label": "Blue", "description": "cold"},
            ],
        }
    ]
}
PLAN_PATH = re.compile(r"/[^ \"]*/plans/[A-Za-z-]+\.md")


@pytest.fixture
async def desk(tmp_path: Path, claude_program: Path) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        yield Desk(Grounds.make(tmp_path), claude_program, stack)


def plan_written(text: str) -> Turn:
    """The model writes its plan where the program told it to."""

    def made(asked: Asked) -> tuple[Call, ...]:
        found = PLAN_PATH.search(asked.text)
        assert found is not None
        return (Call("Write", {"file_path": found[0], "content": text}),)

    return Turn(made=made)


async def test_peoples_answers_are_what_the_agent_reads(desk: Desk) -> None:
    agent, api = await desk.agent(Turn(calls=(Call(ASK_PEOPLE, QUESTIONS),)), Turn("Blue then."))

    async def judge(call: ToolCall) -> Verdict:
        assert call.input == QUESTIONS
        return Proceed(call.input, {"Which colour?": 'dark "blue", please'})

    events = await desk.heard(agent, desk.grounds.task("paint it"), judge)
    assert '"Which colour?"="dark "blue", please"' in api.requests[-1].result_text
    (started,) = [event for event in events if isinstance(event, ToolStarted)]
    assert started.call.input["answers"] == {"Which colour?": 'dark "blue", please'}
    assert ended(events).text == "Blue then."


async def test_an_agent_that_answers_itself_is_stopped(desk: Desk) -> None:
    own = {**QUESTIONS, "answers": {"Which colour?": "Red"}}
    agent, api = await desk.agent(Turn(calls=(Call(ASK_PEOPLE, own),)), Turn("Red then."))

    async def judge(call: ToolCall) -> Verdict:
        return Proceed(call.input, {"Which colour?": "Blue"})

    events = await desk.heard(agent, desk.grounds.task("paint it"), judge)
    assert not any(isinstance(event, ToolStarted) for event in events)
    assert "Red" not in api.requests[-1].result_text
    assert ended(events).ending is Ending.FAILED


async def test_a_plan_is_shown_as_it_is_in_its_file_and_a_no_continues_planning(
    desk: Desk,
) -> None:
    agent, api = await desk.agent(
        plan_written("1. all of it\n"),
        Turn(calls=(Call(END_PLANNING, {"plan": "something else"}),)),
        plan_written("1. half of it\n"),
        Turn(calls=(Call(END_PLANNING, {}),)),
        Turn(calls=(Call("Bash", {"command": "touch done"}),)),
        Turn("Done."),
    )
    judged: list[tuple[str, Json]] = []

    async def judge(call: ToolCall) -> Verdict:
        judged.append((call.tool, call.input.get("plan")))
        is_too_much = call.input.get("plan") == "1. all of it\n"
        return Refuse("half of it will do") if is_too_much else await allow(call)

    task = desk.grounds.task("do it")
    assert isinstance(task.work, Prompt)
    events = await desk.heard(agent, replace(task, work=replace(task.work, is_plan=True)), judge)
    assert judged == [
        (PLAN_FILE, None),
        (END_PLANNING, "1. all of it\n"),
        (PLAN_FILE, None),
        (END_PLANNING, "1. half of it\n"),
        ("Bash", None),
    ]
    assert "half of it will do" in api.requests[2].result_text
    assert "User has approved your plan" in api.requests[4].result_text
    assert Path(desk.grounds.project.path, "done").exists()
    last = events[-1]
    assert isinstance(last, Ended)
    assert last.text == "Done."
