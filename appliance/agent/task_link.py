"""The daemon's end of the socket to `dispatch-task`.

One launcher is always started ahead and waits for its header, because starting Python takes
longer than a person's message may wait. Taking it makes `run` start the next one. Where they come
from is the business of `launchers.py`; the socket is the only thing between us.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import dataclass, field, replace

from appliance.agent.beside import Beside
from appliance.agent.egress_link import Egress
from appliance.agent.launchers import Launcher, Launchers
from appliance.core.model import Isolation, Task
from appliance.errors import AgentFailed, SandboxRefused
from appliance.ports import Judge, Ready
from appliance.task.header import (
    MAX_LINE,
    BadMessage,
    Fault,
    TaskHeader,
    TaskRefused,
    TaskStarted,
    decode,
    encode,
)
from appliance.task.header import Exceeded as Exceeded
from appliance.task.header import TaskExited as TaskExited

log = logging.getLogger(__name__)

LONGEST_LINE = 64 * 1024 * 1024
"""An agent that reads a large image prints it in one line."""

LAUNCHER_SECONDS = 30.0
"""How long a launcher may take to start a task or refuse it."""

MAX_SECRET = 4096
"""A pipe takes this much without a reader, so that handing a key over never blocks."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that reaches the agent by a descriptor; `variable` tells it the number."""

    variable: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Launch:
    """A command to run for a task. `directory` is absolute, "" for the project itself.

    With `has_own_stderr` the two outputs are apart, otherwise they are one stream in their order.
    `network`: our end of a channel to who takes its connections; it stays the caller's to close.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str = ""
    secret: Secret | None = None
    has_own_stderr: bool = False
    network: int | None = None


class Running:
    """A started command."""

    def __init__(
        self,
        started: TaskStarted,
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
        control: asyncio.StreamWriter,
    ) -> None:
        self.pid: int = started.pid
        self.isolation: Isolation = started.isolation
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr  # at its end from the start, unless it was asked for
        self._control = control
        self._exited: asyncio.Future[TaskExited | None]
        self._exited = asyncio.get_running_loop().create_future()

    async def exited(self) -> TaskExited:
        """Wait until nothing of it is left. Raises AgentFailed if the launcher died before."""
        exited = await asyncio.shield(self._exited)
        if exited is None:
            raise AgentFailed("the task's launcher was killed; everything it ran is gone too")
        return exited

    def stop(self) -> None:
        """Have the launcher stop it: SIGTERM, a short grace, SIGKILL to all of it."""
        if self._control.can_write_eof() and not self._control.is_closing():
            with suppress(OSError):  # the launcher is gone already
                self._control.write_eof()

    def note_exit(self, exited: TaskExited | None) -> None:
        """Called once, by the link."""
        self._exited.set_result(exited)


WayOut = Callable[[Task, Judge], AbstractAsyncContextManager[Egress]]
"""Opens a task's way to the network, whose connections the judge judges. Raises AgentFailed."""


class TaskLink:
    """Starts tasks through launchers. `way_out`: by which they reach the network, if by any."""

    def __init__(self, launchers: Launchers, way_out: WayOut | None = None) -> None:
        self._launchers = launchers
        self._way_out = way_out
        self._standby: Launcher | None = None
        self._taken = asyncio.Event()

    async def run(self, ready: Ready) -> None:
        """Keep one launcher waiting, until cancelled. `start` works without it, only slower."""
        await self._stand_by()
        ready()
        try:
            while True:
                await self._taken.wait()
                self._taken.clear()
                await self._stand_by()
        finally:
            if (standby := self._take()) is not None:
                await standby.end()

    @asynccontextmanager
    async def connected(self, task: Task, launch: Launch, judge: Judge) -> AsyncIterator[Running]:
        """The same as `start`, with the way out, if there is one."""
        if self._way_out is None:
            async with self.start(task, launch) as running:
                yield running
            return
        async with self._way_out(task, judge) as egress:
            launch = replace(launch, network=egress.channel.fileno())
            async with self.start(task, launch) as running:
                yield running

    @asynccontextmanager
    async def start(self, task: Task, launch: Launch) -> AsyncIterator[Running]:
        """Run `launch` in the task's project, within its limits; leaving ends all of it.

        Raises SandboxRefused or AgentFailed when it could not be started.
        """
        line = _header(task, launch)
        async with AsyncExitStack() as stack:
            with ExitStack() as theirs:
                pipes = _Pipes(stack, theirs, launch)
                launcher = await self._send(line, pipes.descriptors)
                stack.push_async_callback(launcher.end)
            reader, control = await asyncio.open_unix_connection(
                sock=launcher.control, limit=MAX_LINE
            )
            stack.callback(control.close)
            started = await _answer(reader)
            self._taken.set()  # only now: starting the next one would have delayed this one
            running = Running(started, *await pipes.streams(), control)
            await stack.enter_async_context(Beside(self._watch(launcher, reader, running)))
            yield running

    async def _stand_by(self) -> None:
        if self._standby is None:
            try:
                self._standby = await self._launchers.launch()
            except AgentFailed as error:  # who starts a task is told, too
                log.error("%s", error.message)

    async def _send(self, line: bytes, descriptors: Sequence[int]) -> Launcher:
        """Give the header to the launcher in waiting, or to a fresh one if that one has died."""
        standby = self._take()
        if standby is not None:
            with suppress(OSError):
                socket.send_fds(standby.control, [line], descriptors)
                return standby
            await standby.end()
        launcher = await self._launchers.launch()
        try:
            socket.send_fds(launcher.control, [line], descriptors)
        except OSError as error:
            await launcher.end()
            raise AgentFailed("the task launcher does not start", hint=_HINT) from error
        return launcher

    def _take(self) -> Launcher | None:
        standby, self._standby = self._standby, None
        return standby

    async def _watch(
        self, launcher: Launcher, reader: asyncio.StreamReader, running: Running
    ) -> None:
        """Hear how the task ended. Runs beside it: an orphan may hold its output open for ever."""
        exited: TaskExited | None = None
        try:
            exited = await _exit(reader)
            if exited is None:
                await launcher.bury()
        finally:
            running.note_exit(exited)


_HINT = "run its command by hand to see why: python -m appliance.task --help"


class _Pipes:
    """The ends of a task's descriptors: `descriptors` for the launcher, `streams` for us."""

    def __init__(self, ours: AsyncExitStack, theirs: ExitStack, launch: Launch) -> None:
        self._stack = ours
        stdin, self._stdin = socket.socketpair()
        theirs.enter_context(stdin)
        self._stdin.setblocking(False)
        ours.callback(self._stdin.close)
        self._stdout, stdout = _pipe(ours, theirs)
        self._stderr: int | None = None
        stderr = stdout
        if launch.has_own_stderr:
            self._stderr, stderr = _pipe(ours, theirs)
        self.descriptors = [stdin.fileno(), stdout, stderr]
        if launch.secret is not None:
            self.descriptors.append(_secret_pipe(theirs, launch.secret))
        if launch.network is not None:
            self.descriptors.append(launch.network)

    async def streams(
        self,
    ) -> tuple[asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamReader]:
        _, stdin = await asyncio.open_unix_connection(sock=self._stdin)
        self._stack.callback(stdin.close)
        return stdin, await self._reader(self._stdout), await self._reader(self._stderr)

    async def _reader(self, descriptor: int | None) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        if descriptor is None:
            reader.feed_eof()
            return reader
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader),
            os.fdopen(os.dup(descriptor), "rb", buffering=0),
        )
        self._stack.callback(transport.close)
        return reader


def _pipe(ours: AsyncExitStack, theirs: ExitStack) -> tuple[int, int]:
    read_end, write_end = os.pipe()
    ours.callback(os.close, read_end)
    theirs.callback(os.close, write_end)
    return read_end, write_end


def _secret_pipe(theirs: ExitStack, secret: Secret) -> int:
    """A pipe, because it can be read only once: what the agent has read its children cannot."""
    if len(secret.value) > MAX_SECRET:
        raise AgentFailed(f"the agent's key is longer than {MAX_SECRET} bytes")
    read_end, write_end = os.pipe()
    theirs.callback(os.close, read_end)
    with os.fdopen(write_end, "wb") as file:
        file.write(secret.value)
    return read_end


def _header(task: Task, launch: Launch) -> bytes:
    try:
        return encode(
            TaskHeader(
                project=task.project.name,
                directory=launch.directory,
                argv=launch.argv,
                environment=launch.environment,
                secret_variable=launch.secret.variable if launch.secret else "",
                timeout_seconds=task.limits.timeout_seconds,
                minimum_isolation=task.limits.minimum_isolation,
                ceiling=task.limits.ceiling,
                has_network=launch.network is not None,
                inbox=task.inbox.job if task.inbox else 0,
            )
        )
    except BadMessage as error:
        raise AgentFailed(f"the task cannot be handed to its launcher: {error}") from error


async def _answer(reader: asyncio.StreamReader) -> TaskStarted:
    """Not tried again when it fails: the task may have been started before the launcher died."""
    try:
        async with asyncio.timeout(LAUNCHER_SECONDS):
            line = await reader.readline()
        if not line:
            raise AgentFailed("the task launcher died before it answered", hint=_HINT)
        message = decode(line)
    except TimeoutError as error:
        raise AgentFailed(
            f"the task launcher did not answer in {LAUNCHER_SECONDS:.0f} s"
        ) from error
    except ConnectionError as error:
        raise AgentFailed("the task launcher died before it answered", hint=_HINT) from error
    except ValueError as error:  # BadMessage is one, as is too long a line
        raise AgentFailed(f"the task launcher answered nonsense: {error}", hint=_HINT) from error
    match message:
        case TaskStarted():
            return message
        case TaskRefused(fault=Fault.SANDBOX, reason=reason):
            raise SandboxRefused(reason)
        case TaskRefused(reason=reason):
            raise AgentFailed(reason)
        case _:
            raise AgentFailed(f"the task launcher answered with a {type(message).__name__}")


async def _exit(reader: asyncio.StreamReader) -> TaskExited | None:
    """How the task ended; None when the launcher died without a word, or with a wrong one."""
    try:
        message = decode(await reader.readline())
    except (ValueError, OSError):
        return None
    return message if isinstance(message, TaskExited) else None
