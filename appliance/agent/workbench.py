"""The port `Workbench`: short programs of ours in a project's sandbox, without AI.

The daemon is another user and cannot read a project: git and whatever else looks at its files
runs where its tasks run, behind the same wall, without a network. What such a program prints was
written by whoever wrote the project, and is to be read as that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from appliance.agent.beside import Beside
from appliance.agent.endings import beyond
from appliance.agent.task_link import Exceeded, Launch, Running, TaskExited, TaskLink
from appliance.core.model import Isolation, JobId, Limits, Program, Project, Task
from appliance.errors import AgentFailed
from appliance.ports import Output

TIMEOUT_SECONDS = 60
SLACK_SECONDS = 5.0
"""The launcher keeps the time limit; we only see to it that a stuck launcher does not keep us."""

LINGER_SECONDS = 2.0
CHUNK = 64 * 1024
MAX_WORDS = 16 * 1024
"""Bytes kept of what a program says about itself, the first ones."""

ENVIRONMENT = {"GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}
OURS = JobId(0)
"""No job's number: a program of ours is nobody's job."""


class TaskWorkbench:
    """Runs programs through `link`, behind a wall that is at least `minimum_isolation`."""

    def __init__(
        self,
        link: TaskLink,
        minimum_isolation: Isolation,
        timeout_seconds: int = TIMEOUT_SECONDS,
    ) -> None:
        self._link = link
        self._minimum_isolation = minimum_isolation
        self._timeout_seconds = timeout_seconds

    async def run(
        self,
        project: Project,
        argv: Sequence[str],
        *,
        directory: str = ".",
        limit_bytes: int = 1 << 20,
        stdin: bytes = b"",
    ) -> Output:
        """See `appliance.ports.Workbench`."""
        limits = Limits(self._timeout_seconds, self._minimum_isolation, project.ceiling)
        work = Program(argv[0], tuple(argv), directory, timeout_seconds=self._timeout_seconds)
        task = Task(OURS, project, work, limits)
        launch = Launch(work.argv, ENVIRONMENT, directory, has_own_stderr=True)
        async with self._link.start(task, launch) as running:
            words = _Words()
            # beside each other, so that neither of the two ends waits for the other
            async with Beside(_tell(running, stdin)), Beside(words.listen(running.stderr)):
                try:
                    async with asyncio.timeout(self._timeout_seconds + SLACK_SECONDS):
                        return await _output(running, words, limit_bytes, limits)
                except TimeoutError as error:
                    stuck = TaskExited(status=-1, signal=0, exceeded=Exceeded.TIME)
                    raise AgentFailed(f"{argv[0]}: {beyond(stuck, limits)}") from error


class _Words:
    """What a program says beside its output."""

    def __init__(self) -> None:
        self.text = ""
        self.ended = asyncio.Event()

    async def listen(self, stderr: asyncio.StreamReader) -> None:
        said = b""
        while chunk := await stderr.read(CHUNK):
            said = (said + chunk)[:MAX_WORDS]
        self.text = said.decode("utf-8", "replace")
        self.ended.set()


async def _tell(running: Running, stdin: bytes) -> None:
    with suppress(ConnectionError):  # it does not read, which is its right
        running.stdin.write(stdin)
        await running.stdin.drain()
    running.stdin.close()


async def _output(running: Running, words: _Words, limit_bytes: int, limits: Limits) -> Output:
    """What it printed until it ended, or until that was enough."""
    stdout = bytearray()
    reader = _read(running.stdout, stdout, limit_bytes)
    async with Beside(reader) as reading, Beside(_gone(running)) as going:
        await asyncio.wait({reading, going}, return_when=asyncio.FIRST_COMPLETED)
        if len(stdout) > limit_bytes:
            running.stop()
            await running.exited()
            return Output(-1, bytes(stdout[:limit_bytes]), "", is_cut=True)
        exited = await running.exited()
        if why := _broken_off(exited, limits):
            raise AgentFailed(why)
        # all of it has been written by now, if nothing that outlived it holds the other end
        await asyncio.wait({reading}, timeout=LINGER_SECONDS)
        if not reading.done():
            raise AgentFailed("something that it started holds its output")
    await words.ended.wait()
    return Output(exited.status, bytes(stdout), words.text, is_cut=False)


async def _gone(running: Running) -> None:
    with suppress(AgentFailed):
        await running.exited()


async def _read(stream: asyncio.StreamReader, into: bytearray, limit_bytes: int) -> None:
    while len(into) <= limit_bytes and (chunk := await stream.read(CHUNK)):
        into += chunk


def _broken_off(exited: TaskExited, limits: Limits) -> str:
    if (why := beyond(exited, limits)) is not None:
        return why
    return f"killed (signal {exited.signal})" if exited.signal else ""
