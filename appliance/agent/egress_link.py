"""The daemon's end of the socket to `dispatch-egress`: one session for each task.

Each connection that a task wants becomes a call of the tool `Connect`, judged like any other: by
the policy, with its record, and by a human where the policy asks one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from appliance.agent.beside import Beside
from appliance.core.events import ConnectionClosed, Event, Who
from appliance.core.model import CONNECT, Proceed, Task, ToolCall, Verdict
from appliance.egress.wire import (
    MAX_LINE,
    Answer,
    Ask,
    BadLine,
    Closed,
    Limits,
    Message,
    NotServed,
    Open,
    Opened,
    Serving,
    decode,
    encode,
)
from appliance.errors import AgentFailed, AuditUnavailable
from appliance.local_sockets import peer_uid
from appliance.ports import Judge
from appliance.task import bridge

OPEN_SECONDS = 10.0
LAST_WORDS_SECONDS = 3.0
"""How long dispatch-egress may take to say how the connections of an ended task went."""

LOST = "dispatch-egress is gone; what was sent is not known"
_SEE_WHY = "see why: journalctl -u dispatch-egress"

Record = Callable[[Event], Awaitable[object]]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Egress:
    """A task's way out: `channel` is the launcher's end, for `task.bridge.serve`.

    `trouble` says why nothing goes out any more, "" while all is well.
    """

    channel: socket.socket
    trouble: str = ""


class EgressLink:
    """Opens sessions at `path`. `server_uids` are believed at the other end, nobody else."""

    def __init__(
        self, path: Path, server_uids: Collection[int], limits: Limits | None = None
    ) -> None:
        self._path = path
        self._server_uids = frozenset(server_uids)
        self._limits = limits or Limits()

    @asynccontextmanager
    async def session(self, task: Task, judge: Judge, record: Record) -> AsyncIterator[Egress]:
        """While it is entered, the connections of the task's bridge are judged and made.

        Leaving closes them all, and has them recorded. Entering raises AgentFailed.
        """
        ours, theirs = bridge.channel()
        with theirs:
            with ours:
                connection = await self._opened(Open(task.job, self._limits), ours)
            reader, writer = await asyncio.open_unix_connection(sock=connection, limit=MAX_LINE)
            try:
                await _expect_serving(reader)
                egress = Egress(theirs)
                session = _Session(task, judge, record, self._limits, reader, writer, egress)
                async with Beside(session.run()) as running:
                    try:
                        yield egress
                    finally:
                        theirs.close()
                        await session.end(running)
            finally:
                writer.close()

    async def _opened(self, opening: Open, channel: socket.socket) -> socket.socket:
        """A connection on which the session has been asked for."""
        loop = asyncio.get_running_loop()
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await loop.sock_connect(connection, str(self._path))
            self._check(peer_uid(connection))
            socket.send_fds(connection, [encode(opening)], [channel.fileno()])
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):
                raise AgentFailed(
                    f"the task would have no network: dispatch-egress does not answer at "
                    f"{self._path} ({error})",
                    hint=_SEE_WHY,
                ) from error
            raise
        return connection

    def _check(self, uid: int) -> None:
        if uid not in self._server_uids:
            raise AgentFailed(
                f"{self._path} is served by user id {uid}, who is not dispatch-egress",
                hint="find out who that is",
            )


async def _expect_serving(reader: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            line = await reader.readline()
        found = decode(line)
    except (ValueError, OSError) as error:
        raise AgentFailed(
            f"dispatch-egress does not open a session: {error}", hint=_SEE_WHY
        ) from error
    if not isinstance(found, Serving):
        reason = found.reason if isinstance(found, NotServed) else type(found).__name__
        raise AgentFailed(f"dispatch-egress does not open a session: {reason}", hint=_SEE_WHY)


@dataclass(slots=True)
class _Permitted:
    """A connection that was allowed and is not closed yet."""

    call: ToolCall
    address: str = ""


class _Session:
    """What dispatch-egress asks and tells about one task."""

    def __init__(
        self,
        task: Task,
        judge: Judge,
        record: Record,
        limits: Limits,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        egress: Egress,
    ) -> None:
        self._task = task
        self._judge = judge
        self._record = record
        self._limits = limits
        self._reader = reader
        self._writer = writer
        self._egress = egress
        self._judged: dict[int, asyncio.Task[None]] = {}
        self._permitted: dict[int, _Permitted] = {}
        self._is_ending = False

    async def run(self) -> None:
        """Until dispatch-egress hangs up. What it leaves open is recorded as lost."""
        async with asyncio.TaskGroup() as group:
            await self._hear_out(group)
            for question in self._judged.values():
                question.cancel()
        for number in list(self._permitted):
            await self._note(Closed(number, 0, 0, 0, LOST))

    async def end(self, running: asyncio.Task[None]) -> None:
        """Hang up, and hear how the open connections went."""
        self._is_ending = True
        with suppress(OSError):
            self._writer.write_eof()
        await asyncio.wait([running], timeout=LAST_WORDS_SECONDS)

    async def _hear_out(self, group: asyncio.TaskGroup) -> None:
        try:
            while line := await self._reader.readline():
                await self._hear(decode(line), group)
            self._note_trouble("dispatch-egress hung up")
        except (ValueError, OSError) as error:  # BadLine is one, as is a line without end
            self._note_trouble(f"dispatch-egress cannot be understood: {error}")

    async def _hear(self, message: Message, group: asyncio.TaskGroup) -> None:
        match message:
            case Ask():
                self._expect_room(message)
                self._judged[message.id] = group.create_task(self._answer(message))
            case Opened(id=number, address=address) if number in self._permitted:
                self._permitted[number].address = address
            case Closed():
                await self._note(message)
            case NotServed(reason=reason):
                self._note_trouble(f"dispatch-egress serves the task no more: {reason}")
            case _:
                raise BadLine(f"{type(message).__name__} was not expected")

    def _expect_room(self, ask: Ask) -> None:
        open_ones = len(self._judged.keys() | self._permitted.keys())
        if open_ones >= self._limits.connections or ask.id in chain(self._judged, self._permitted):
            raise BadLine("it asks for more connections than it may have")

    async def _answer(self, ask: Ask) -> None:
        call = ToolCall(
            id=f"connect-{ask.id}",
            tool=CONNECT,
            input={"host": ask.host, "port": ask.port},
            cwd=self._task.directory or self._task.project.path,
        )
        verdict = await self._judge(call)
        allowed = isinstance(verdict, Proceed) and verdict.input == call.input
        if self._judged.pop(ask.id, None) is None:  # withdrawn while it was being answered
            return
        if allowed:
            self._permitted[ask.id] = _Permitted(call)
        with suppress(ConnectionError):  # it hung up: nothing was connected to
            self._writer.write(encode(Answer(ask.id, allowed, _reason(verdict))))
            await self._writer.drain()

    async def _note(self, closed: Closed) -> None:
        question = self._judged.pop(closed.id, None)
        if question is not None:
            question.cancel()  # the agent did not wait for the answer
        permitted = self._permitted.pop(closed.id, None)
        if permitted is None:  # it was refused, and that is on record
            return
        event = self._event(closed, permitted)
        try:
            await self._record(event)
        except AuditUnavailable as error:
            log.error("%s not recorded: %s", event.name, error.message)  # it is over all the same

    def _event(self, closed: Closed, permitted: _Permitted) -> ConnectionClosed:
        job, call = self._task.job, permitted.call
        return ConnectionClosed(
            who=Who.agent(job),
            cause=(f"job:{job}", call.id),
            job=job,
            request=call.id,
            host=str(call.input["host"]),
            port=int(str(call.input["port"])),
            address=permitted.address,
            sent_bytes=closed.sent,
            received_bytes=closed.received,
            duration_ms=closed.milliseconds,
            reason=closed.reason,
        )

    def _note_trouble(self, reason: str) -> None:
        if not self._is_ending and not self._egress.trouble:
            job = self._task.job
            log.error("job %d has no network any more: %s", job, reason, extra={"job": job})
            self._egress.trouble = reason


def _reason(verdict: Verdict) -> str:
    return "" if isinstance(verdict, Proceed) else verdict.reason
