"""The port `Agent` for recipes: a command of the administrator's, without AI.

The same launcher, the same sandbox; no input, no judge. Its output is the answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from appliance.agent.beside import Beside
from appliance.agent.endings import beyond
from appliance.agent.task_link import Exceeded, Launch, Running, TaskExited, TaskLink
from appliance.core.model import Ended, Ending, Limits, Program, Task, TaskEvent, TaskStarted, Usage
from appliance.errors import AgentFailed
from appliance.ports import Judge

MAX_OUTPUT = 1024 * 1024
"""Bytes kept of an output, the last ones; the rest is read and dropped."""

CHUNK = 64 * 1024
SLACK_SECONDS = 5.0
"""The launcher keeps the time limit; we only see to it that a stuck launcher does not keep us."""

ENVIRONMENT = {
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",  # nobody is there to answer
}


class RecipeAgent:
    """Runs `Program` work through `link`."""

    def __init__(self, link: TaskLink) -> None:
        self._link = link

    @property
    def is_ready(self) -> bool:
        return True

    async def ready(self) -> None:
        """Always: what a recipe needs is found out when it is started."""

    @asynccontextmanager
    async def start(self, task: Task, judge: Judge) -> AsyncIterator[RecipeSession]:
        """See `appliance.ports.Agent`; a recipe was decided as a whole, but for its connections."""
        program = task.work
        if not isinstance(program, Program):
            raise AgentFailed("a recipe is needed here, not a prompt")
        launch = Launch(program.argv, ENVIRONMENT, program.directory)
        async with self._link.connected(task, launch, judge) as running:
            session = RecipeSession(running, program, task.limits)
            async with Beside(session.run()):
                yield session


class RecipeSession:
    """A running recipe."""

    def __init__(self, running: Running, program: Program, limits: Limits) -> None:
        self._running = running
        self._program = program
        self._limits = limits
        self._events: asyncio.Queue[TaskEvent] = asyncio.Queue()
        self._is_interrupted = False

    async def events(self) -> AsyncIterator[TaskEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Ended):
                return

    async def steer(self, text: str) -> bool:
        return False

    def unread(self) -> Sequence[str]:
        return ()

    async def interrupt(self) -> None:
        self._is_interrupted = True
        self._running.stop()

    async def run(self) -> None:
        """Collect the output until the end."""
        self._running.stdin.close()
        self._events.put_nowait(TaskStarted(self._running.isolation, self._running.pid))
        self._events.put_nowait(await self._ended())

    async def _ended(self) -> Ended:
        started = asyncio.get_running_loop().time()
        output = b""
        try:
            async with asyncio.timeout(self._limits.timeout_seconds + SLACK_SECONDS):
                while chunk := await self._running.stdout.read(CHUNK):
                    output = (output + chunk)[-MAX_OUTPUT:]
                exited = await self._running.exited()
        except TimeoutError:
            exited = TaskExited(status=-1, signal=0, exceeded=Exceeded.TIME)
        except AgentFailed as error:
            return Ended(Ending.FAILED, error.message)
        took = Usage(duration_ms=round((asyncio.get_running_loop().time() - started) * 1000))
        ending, words = self._verdict(exited)
        return Ended(ending, as_answer(output, self._program.tail_lines, words), took)

    def _verdict(self, exited: TaskExited) -> tuple[Ending, str]:
        if self._is_interrupted:
            return Ending.CANCELLED, "stopped"
        if (why := beyond(exited, self._limits)) is not None:
            return (Ending.TIMED_OUT if exited.timed_out else Ending.FAILED), why
        if exited.signal:
            return Ending.FAILED, f"killed (signal {exited.signal})"
        if exited.status not in self._program.ok_statuses:
            return Ending.FAILED, f"exit status {exited.status}"
        return Ending.SUCCEEDED, f"exit status {exited.status}" if exited.status else ""


def as_answer(output: bytes, tail_lines: int, words: str) -> str:
    """Markdown: the output's last lines as a block of code, then how it ended, if in `words`."""
    lines = output.decode(errors="replace").rstrip().splitlines()
    shown = lines[-tail_lines:] if tail_lines > 0 else []
    if not shown:
        return words
    if len(lines) > len(shown):
        cut = f"the last {len(shown)} lines of {len(lines)}"
        words = f"{words}, {cut}" if words else cut
    # a fence ends at the first one as long as itself: it must be longer than any in the output
    ticks = max((len(run) for run in re.findall(r"`+", "\n".join(shown))), default=0)
    fence = "`" * max(3, ticks + 1)
    return "\n".join((fence, *shown, fence, *([words] if words else [])))
