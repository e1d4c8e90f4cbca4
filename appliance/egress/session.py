"""One task: its connections, what is asked about them, their common end."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import ExitStack
from functools import partial
from itertools import count

from appliance.egress import sockets
from appliance.egress.channel import BadChannel, next_connection
from appliance.egress.connection import Connection, Gone, Shared
from appliance.egress.pace import Pace
from appliance.egress.replies import Refused
from appliance.egress.wire import (
    Answer,
    Ask,
    Closed,
    Limits,
    Message,
    NotServed,
    Opened,
    Serving,
    decode,
    encode,
)

FLUSH_SECONDS = 1.0
"""How long dispatchd may take to read the last words of a session."""

log = logging.getLogger(__name__)


class _Over(Exception):
    """One of the two ends is gone, or cannot be understood; the text says why, if that is news."""


class Session:
    """The session of a job, over a connection of dispatchd and the channel of the task's bridge.

    Both are closed at its end.
    """

    def __init__(
        self,
        job: int,
        limits: Limits,
        channel: socket.socket,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        shared: Shared,
    ) -> None:
        self._job = job
        self._limits = limits
        self._channel = channel
        self._reader = reader
        self._writer = writer
        self._shared = shared
        self._waiting: dict[int, asyncio.Future[Answer | None]] = {}

    async def run(self) -> None:
        """Until dispatchd or the bridge is gone; then every connection is closed."""
        self._say(Serving())
        try:
            async with asyncio.TaskGroup() as connections:
                connections.create_task(self._take(connections))
                await self._hear()
        except* _Over as over:
            self._take_leave(str(over.exceptions[0]))
        finally:
            self._channel.close()
            await self._flush()

    # --- what connections want: `connection.Dispatchd`

    async def ask(self, question: Ask, watched: socket.socket | None) -> None:
        answer = asyncio.get_running_loop().create_future()
        self._waiting[question.id] = answer
        self._say(question)
        try:
            with ExitStack() as watching:
                if watched is not None:
                    withdraw = partial(_settle, answer, None)
                    watching.enter_context(sockets.hang_up_calls(watched, withdraw))
                found: Answer | None = await answer
        finally:
            del self._waiting[question.id]
        if found is None:
            raise Gone
        if not found.allowed:
            raise Refused(403, found.reason)

    def tell(self, message: Opened | Closed) -> None:
        self._say(message)

    async def caught_up(self) -> None:
        try:
            await self._writer.drain()
        except ConnectionError:  # it has hung up: `_hear` knows
            return

    # --- the two ends

    async def _take(self, connections: asyncio.TaskGroup) -> None:
        """What does not fit yet is left where it is: those who connect wait."""
        clock = asyncio.get_running_loop().time
        free = asyncio.Semaphore(self._limits.connections)
        pace = Pace(self._limits.burst, self._limits.per_second)
        for number in count(1):
            await free.acquire()
            await asyncio.sleep(pace.wait_seconds(clock()))
            task = await self._next_connection()
            connection = Connection(number, task, self, self._limits, self._shared)
            running = connections.create_task(connection.run())
            running.add_done_callback(partial(_release, task, free))

    async def _next_connection(self) -> socket.socket:
        try:
            task = await next_connection(self._channel)
        except (BadChannel, OSError) as error:
            raise _Over(f"the channel of the task cannot be used: {error}") from error
        if task is None:
            raise _Over("")
        return task

    async def _hear(self) -> None:
        while True:
            try:
                line = await self._reader.readline()
                if not line:
                    raise _Over("")
                answer = decode(line)
            except (ValueError, OSError) as error:  # BadLine is one, as is a line without end
                raise _Over(f"the session cannot be understood: {error}") from error
            if not isinstance(answer, Answer):
                raise _Over(f"the session cannot be understood: {type(answer).__name__}")
            if answer.id in self._waiting:  # else it was withdrawn meanwhile
                _settle(self._waiting[answer.id], answer)

    def _say(self, message: Message) -> None:
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    def _take_leave(self, reason: str) -> None:
        if reason:
            log.warning("job %d: %s", self._job, reason, extra={"job": self._job})
            self._say(NotServed(reason))

    async def _flush(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._writer.wait_closed()
        except OSError:  # a time-out is one
            self._writer.transport.abort()


def _settle(answer: asyncio.Future[Answer | None], found: Answer | None) -> None:
    if not answer.done():
        answer.set_result(found)


def _release(task: socket.socket, free: asyncio.Semaphore, _: asyncio.Task[None]) -> None:
    sockets.close(task)
    free.release()
