"""An agent that follows a script: the port `Agent` without a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from appliance.agent.beside import Beside
from appliance.core.model import (
    Ended,
    Ending,
    Isolation,
    Json,
    Proceed,
    Prompt,
    Said,
    SessionStarted,
    Task,
    TaskEvent,
    TaskStarted,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Usage,
)
from appliance.errors import AgentFailed
from appliance.ports import Judge

SESSION = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Say:
    """The agent says something on the way."""

    text: str


@dataclass(frozen=True, slots=True)
class Try:
    """The agent wants to make a call; a refusal is what it says next."""

    tool: str
    input: Mapping[str, Json]
    output: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """The agent works until it is told something, or interrupted."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The agent gives up."""

    reason: str


Step = Say | Try | Wait | Fail


class ScriptedAgent:
    """Follows `steps` for every task and ends with `answer`.

    `tasks` keeps what it was asked to do; `live` counts the sessions that are open.
    """

    def __init__(self, *steps: Step, answer: str = "done", failure: AgentFailed | None = None):
        self.tasks: list[Task] = []
        self.live = 0
        self._steps = steps
        self._answer = answer
        self._failure = failure

    @property
    def is_ready(self) -> bool:
        return self._failure is None

    async def ready(self) -> None:
        if self._failure is not None:
            raise self._failure

    @asynccontextmanager
    async def start(self, task: Task, judge: Judge) -> AsyncIterator[ScriptedSession]:
        await self.ready()
        self.tasks.append(task)
        session = ScriptedSession(task, judge, self._steps, self._answer)
        self.live += 1
        try:
            async with Beside(session.run()):
                yield session
        finally:
            self.live -= 1


class ScriptedSession:
    """One run of the script."""

    def __init__(self, task: Task, judge: Judge, steps: tuple[Step, ...], answer: str) -> None:
        self._task = task
        self._judge = judge
        self._steps = steps
        self._answer = answer
        self._events: asyncio.Queue[TaskEvent] = asyncio.Queue()
        self._told: asyncio.Queue[str] = asyncio.Queue()
        self._following: asyncio.Task[None] | None = None
        self._is_interrupted = False
        self._is_over = False

    async def events(self) -> AsyncIterator[TaskEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Ended):
                return

    async def steer(self, text: str) -> bool:
        if self._is_over:
            return False
        self._told.put_nowait(text)
        return True

    def unread(self) -> tuple[str, ...]:
        return ()

    async def interrupt(self) -> None:
        self._is_interrupted = True
        if self._following is not None:
            self._following.cancel()

    async def run(self) -> None:
        self._tell(TaskStarted(Isolation.NONE, 1))
        work = self._task.work
        named = work.session if isinstance(work, Prompt) else None
        self._tell(SessionStarted(named or SESSION, "scripted"))
        async with asyncio.TaskGroup() as tasks:
            self._following = tasks.create_task(self._follow())
            if self._is_interrupted:
                self._following.cancel()
            try:
                async with asyncio.timeout(self._task.limits.timeout_seconds):
                    await asyncio.wait([self._following])
                ended = self._ended()
            except TimeoutError:
                self._following.cancel()
                ended = Ended(Ending.TIMED_OUT, "its time was over")
        self._is_over = True
        self._tell(ended)

    def _ended(self) -> Ended:
        if self._is_interrupted:
            return Ended(Ending.CANCELLED, "stopped")
        failures = [step.reason for step in self._steps if isinstance(step, Fail)]
        if failures:
            return Ended(Ending.FAILED, failures[0])
        return Ended(Ending.SUCCEEDED, self._answer, Usage(cost_microdollars=1, turns=1))

    async def _follow(self) -> None:
        for number, step in enumerate(self._steps):
            match step:
                case Say(text=text):
                    self._tell(Said(text))
                case Try():
                    await self._try(f"call-{number}", step)
                case Wait():
                    self._tell(Said(f"told: {await self._told.get()}"))
                case Fail():
                    return

    async def _try(self, call_id: str, step: Try) -> None:
        call = ToolCall(call_id, step.tool, step.input, self._task.project.path)
        verdict = await self._judge(call)
        if isinstance(verdict, Proceed):
            final = ToolCall(call_id, step.tool, verdict.input, call.cwd)
            self._tell(ToolStarted(final))
            self._tell(ToolFinished(call_id, is_error=False, output=step.output))
        else:
            self._tell(Said(f"I was refused: {verdict.reason}"))

    def _tell(self, event: TaskEvent) -> None:
        self._events.put_nowait(event)
