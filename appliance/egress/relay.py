"""Bytes both ways between a task and a host, until both have ended or a limit is reached.

One direction's end is passed on and the other goes on, as TCP means it. A piece that was read is
sent before the next one is read, so no more than one piece per direction is ever held.
"""

from __future__ import annotations

import asyncio
import socket

from appliance.egress.sockets import receive, send_all
from appliance.egress.wire import Limits

PIECE_BYTES = 64 * 1024


class _TooMuch(Exception):
    """More bytes than the connection may have, both directions together."""


class Relay:
    """One connection's bytes: `sent` by the task, `received` by it, also while it runs."""

    def __init__(self, limits: Limits) -> None:
        self.sent = 0
        self.received = 0
        self._limits = limits

    async def run(
        self, task: socket.socket, host: socket.socket, *, to_host: bytes, to_task: bytes
    ) -> str:
        """Send both what they get first, then what they send each other.

        Returns why it ended before both had, "" when they had. Neither socket is closed.
        """
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + self._limits.max_seconds
        try:
            async with asyncio.timeout(None) as self._timer:
                self._is_alive()
                return await self._both_ways(task, host, to_host, to_task)
        except TimeoutError:
            if loop.time() >= self._ends_at:
                return f"open for {self._limits.max_seconds:g} s"
            return f"idle for {self._limits.idle_seconds:g} s"

    async def _both_ways(
        self, task: socket.socket, host: socket.socket, to_host: bytes, to_task: bytes
    ) -> str:
        reason = ""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._up(task, host, to_host))
                both.create_task(self._down(host, task, to_task))
        except* _TooMuch:
            reason = f"more than {self._limits.max_bytes:,} bytes"
        except* OSError as lost:
            error = lost.exceptions[0]
            reason = f"the connection was lost: {getattr(error, 'strerror', error)}"
        return reason

    async def _up(self, task: socket.socket, host: socket.socket, first: bytes) -> None:
        await send_all(host, first)
        self.sent += len(first)
        while piece := await receive(task, PIECE_BYTES):
            self.sent += len(piece)
            self._count()
            await send_all(host, piece)
        host.shutdown(socket.SHUT_WR)

    async def _down(self, host: socket.socket, task: socket.socket, first: bytes) -> None:
        await send_all(task, first)  # our own words: not the host's
        while piece := await receive(host, PIECE_BYTES):
            self.received += len(piece)
            self._count()
            await send_all(task, piece)
        task.shutdown(socket.SHUT_WR)

    def _count(self) -> None:
        if self.sent + self.received > self._limits.max_bytes:
            raise _TooMuch
        self._is_alive()

    def _is_alive(self) -> None:
        idle_at = asyncio.get_running_loop().time() + self._limits.idle_seconds
        self._timer.reschedule(min(idle_at, self._ends_at))
