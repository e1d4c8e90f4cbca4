"""What every agent promises, kept by the scripted one, Claude Code, and the runner of recipes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest

from appliance.agent.recipes import RecipeAgent
from appliance.core.model import (
    Ended,
    Ending,
    Proceed,
    Program,
    Said,
    SessionStarted,
    Task,
    TaskEvent,
    TaskStarted,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Verdict,
)
from appliance.errors import AgentFailed
from appliance.ports import Agent, Judge
from tests.emulators.anthropic import Anthropic, ApiError, Call, Turn
from tests.fakes_agent import Fail, ScriptedAgent, Step, Try
from tests.grounds import KEY, Grounds, allow, marked_processes, refuse

NOTE = Try("Bash", {"command": "echo noted"}, output="noted")


class Bench(Protocol):
    """Makes agents that follow steps, and tasks for them."""

    async def agent(self, *steps: Step, answer: str = "done") -> Agent: ...

    def task(self, *, timeout_seconds: int = 20) -> Task: ...


class ScriptedBench:
    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds

    async def agent(self, *steps: Step, answer: str = "done") -> Agent:
        return ScriptedAgent(*steps, answer=answer)

    def task(self, *, timeout_seconds: int = 20) -> Task:
        return self._grounds.task("please", timeout_seconds=timeout_seconds)


class ClaudeBench:
    """The model follows the steps; the program is the real one."""

    def __init__(self, grounds: Grounds, program: Path, stack: AsyncExitStack) -> None:
        self._grounds = grounds
        self._program = program
        self._stack = stack

    async def agent(self, *steps: Step, answer: str = "done") -> Agent:
        turns = (*turns_of(steps), Turn(answer))
        api = await self._stack.enter_async_context(Anthropic(*turns, key=KEY))
        agent = self._grounds.claude(self._program, api.url)
        await agent.ready()
        return agent

    def task(self, *, timeout_seconds: int = 20) -> Task:
        return self._grounds.task("please", timeout_seconds=timeout_seconds)


class RecipeBench:
    """The steps are lines of a shell; nothing is judged."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._script = ""

    async def agent(self, *steps: Step, answer: str = "done") -> Agent:
        self._script = "; ".join((*map(_line, steps), f"echo {answer}"))
        return RecipeAgent(self._grounds.link())

    def task(self, *, timeout_seconds: int = 20) -> Task:
        work = Program("test", ("sh", "-c", self._script), "")
        return self._grounds.task(work, timeout_seconds=timeout_seconds)


def turns_of(steps: Sequence[Step]) -> list[Turn]:
    turns: list[Turn] = []
    for step in steps:
        match step:
            case Try(tool=tool, input=call_input):
                turns.append(Turn(calls=(Call(tool, dict(call_input)),)))
            case Fail(reason=reason):
                # always: the CLI tries some errors again in another form
                turns.append(Turn(error=ApiError(403, "permission_error", reason), times=99))
            case _:
                raise NotImplementedError(f"{step} is not part of the contract")
    return turns


def _line(step: Step) -> str:
    match step:
        case Try(input=call_input):
            return str(call_input["command"])
        case Fail():
            return "exit 1"
        case _:
            raise NotImplementedError(f"{step} is not part of the contract")


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def bench_of(kind: str, request: pytest.FixtureRequest, path: Path, stack: AsyncExitStack) -> Bench:
    match kind:
        case "scripted":
            return ScriptedBench(Grounds.make(path))
        case "recipe":
            return RecipeBench(Grounds.make(path))
        case _:
            program: Path = request.getfixturevalue("claude_program")
            return ClaudeBench(Grounds.make(path, readable=(program.parent,)), program, stack)


CLAUDE = pytest.param("claude", marks=pytest.mark.real_cli)


@pytest.fixture(params=["scripted", CLAUDE, "recipe"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, stack: AsyncExitStack) -> Bench:
    return bench_of(request.param, request, tmp_path, stack)


@pytest.fixture(params=["scripted", CLAUDE])
def judged_bench(request: pytest.FixtureRequest, tmp_path: Path, stack: AsyncExitStack) -> Bench:
    """Of agents that have calls to be judged."""
    return bench_of(request.param, request, tmp_path, stack)


async def heard(agent: Agent, task: Task, judge: Judge = allow) -> list[TaskEvent]:
    async with agent.start(task, judge) as session:
        return [event async for event in session.events()]


def ended(events: list[TaskEvent]) -> Ended:
    assert [isinstance(event, Ended) for event in events].count(True) == 1
    last = events[-1]
    assert isinstance(last, Ended)
    return last


class PatientJudge:
    """A human who takes for ever."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.was_cancelled = asyncio.Event()

    async def __call__(self, _call: ToolCall) -> Verdict:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        raise AssertionError


async def test_it_tells_that_it_started_and_ends_with_its_answer(bench: Bench) -> None:
    agent = await bench.agent(answer="hello")
    await agent.ready()
    events = await heard(agent, bench.task())
    assert isinstance(events[0], TaskStarted)
    assert ended(events).ending is Ending.SUCCEEDED
    assert "hello" in ended(events).text


async def test_a_failure_is_the_last_event_and_not_an_error(bench: Bench) -> None:
    agent = await bench.agent(Fail("no idea"))
    assert ended(await heard(agent, bench.task())).ending is Ending.FAILED


async def test_time_that_is_over_ends_it(bench: Bench) -> None:
    agent = await bench.agent(Try("Bash", {"command": "sleep 600"}))
    judge = PatientJudge()
    events = await heard(agent, bench.task(timeout_seconds=1), judge)
    assert ended(events).ending is Ending.TIMED_OUT
    assert judge.was_cancelled.is_set() == judge.asked.is_set()


async def test_an_interrupt_ends_it_as_cancelled(bench: Bench) -> None:
    agent = await bench.agent(Try("Bash", {"command": "sleep 600"}))
    async with agent.start(bench.task(), PatientJudge()) as session:
        events = session.events()
        first = [await anext(events)]
        await session.interrupt()
        rest = [event async for event in events]
        assert not await session.steer("hello?")
    assert ended(first + rest).ending is Ending.CANCELLED


async def test_leaving_early_leaves_nothing_behind(bench: Bench, tmp_path: Path) -> None:
    agent = await bench.agent(Try("Bash", {"command": "sleep 600"}))
    async with agent.start(bench.task(), PatientJudge()) as session:
        await anext(session.events())
    assert marked_processes(str(tmp_path / "project")) == []


async def test_what_the_body_raises_comes_out_as_it_is(bench: Bench) -> None:
    agent = await bench.agent()
    with pytest.raises(AgentFailed, match="from the body"):
        async with agent.start(bench.task(), allow):
            raise AgentFailed("from the body")


async def test_an_allowed_call_starts_and_finishes_after_its_verdict(judged_bench: Bench) -> None:
    agent = await judged_bench.agent(NOTE)
    judged: list[ToolCall] = []

    async def judge(call: ToolCall) -> Verdict:
        judged.append(call)
        return await allow(call)

    task = judged_bench.task()
    events = await heard(agent, task, judge)
    (call,) = judged
    assert (call.tool, call.cwd) == ("Bash", task.project.path)
    assert call.input["command"] == "echo noted"
    (started,) = [event for event in events if isinstance(event, ToolStarted)]
    (finished,) = [event for event in events if isinstance(event, ToolFinished)]
    assert started.call == call
    assert finished == ToolFinished(call.id, False, "noted")
    assert events.index(started) < events.index(finished)


async def test_a_refused_call_never_starts_and_the_agent_goes_on(judged_bench: Bench) -> None:
    agent = await judged_bench.agent(NOTE, answer="without it then")
    events = await heard(agent, judged_bench.task(), refuse)
    assert not any(isinstance(event, ToolStarted | ToolFinished) for event in events)
    assert ended(events).text == "without it then"


async def test_a_call_runs_with_the_input_its_verdict_says(judged_bench: Bench) -> None:
    agent = await judged_bench.agent(NOTE)

    async def judge(_call: ToolCall) -> Verdict:
        return Proceed({"command": "echo changed"})

    events = await heard(agent, judged_bench.task(), judge)
    (started,) = [event for event in events if isinstance(event, ToolStarted)]
    assert started.call.input == {"command": "echo changed"}


async def test_an_interrupt_cancels_the_judge(judged_bench: Bench) -> None:
    agent, judge = await judged_bench.agent(NOTE), PatientJudge()
    async with agent.start(judged_bench.task(), judge) as session:
        await judge.asked.wait()
        await session.interrupt()
        events = [event async for event in session.events()]
    assert judge.was_cancelled.is_set()
    assert ended(events).ending is Ending.CANCELLED


async def test_leaving_early_cancels_the_judge(judged_bench: Bench) -> None:
    agent, judge = await judged_bench.agent(NOTE), PatientJudge()
    async with agent.start(judged_bench.task(), judge):
        await judge.asked.wait()
    assert judge.was_cancelled.is_set()


async def test_a_message_is_taken_while_it_runs_and_not_afterwards(judged_bench: Bench) -> None:
    agent = await judged_bench.agent(NOTE)
    told = asyncio.Event()

    async def judge(call: ToolCall) -> Verdict:
        await told.wait()
        return await allow(call)

    async with agent.start(judged_bench.task(), judge) as session:
        assert await session.steer("be quick")
        told.set()
        events = [event async for event in session.events()]
        assert not await session.steer("too late")
    assert ended(events).ending is Ending.SUCCEEDED


async def test_a_session_is_named_before_anything_is_said(judged_bench: Bench) -> None:
    agent = await judged_bench.agent(NOTE)
    kinds = [type(event) for event in await heard(agent, judged_bench.task())]
    assert kinds[:2] == [TaskStarted, SessionStarted]
    assert Said not in kinds[:2]


async def test_an_agent_that_is_not_ready_starts_nothing(tmp_path: Path) -> None:
    grounds = Grounds.make(tmp_path)
    agents: list[Agent] = [
        ScriptedAgent(failure=AgentFailed("not today")),
        grounds.claude(tmp_path / "absent", "http://127.0.0.1:9"),
    ]
    for agent in agents:
        with pytest.raises(AgentFailed):
            await agent.ready()
        with pytest.raises(AgentFailed):
            await heard(agent, grounds.task("x"))
