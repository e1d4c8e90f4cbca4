"""Who may open a session, and how many."""

from __future__ import annotations

import asyncio
import logging
import socket
from functools import partial

from appliance.egress.connection import MAX_CONNECTIONS, Shared
from appliance.egress.opening import read_open
from appliance.egress.session import Session
from appliance.egress.wire import MAX_LINE, BadLine, Limits, NotServed, encode
from appliance.local_sockets import peer_uid

MAX_SESSIONS = 32
OPEN_SECONDS = 10.0

DESCRIPTORS = 64 + 2 * MAX_CONNECTIONS + MAX_SESSIONS * (2 + Limits().connections)
"""What the program may have open when it is as busy as it can be."""

log = logging.getLogger(__name__)


class Server:
    """Serves sessions on a listening socket, to the user id `daemon` and nobody else."""

    def __init__(self, listener: socket.socket, daemon: int, shared: Shared) -> None:
        self._listener = listener
        self._daemon = daemon
        self._shared = shared

    async def run(self) -> None:
        """Until cancelled; all sessions end with it. Who comes when it is full waits."""
        self._listener.setblocking(False)
        loop = asyncio.get_running_loop()
        seats = asyncio.Semaphore(MAX_SESSIONS)
        async with asyncio.TaskGroup() as sessions:
            while True:
                await seats.acquire()
                connection, _ = await loop.sock_accept(self._listener)
                session = sessions.create_task(self._serve(connection))
                session.add_done_callback(partial(_release, connection, seats))

    async def _serve(self, connection: socket.socket) -> None:
        uid = peer_uid(connection)
        if uid != self._daemon:
            log.warning("user id %d may not open a session here", uid)
            _refuse(connection, f"user id {uid} of this machine may not use this proxy")
            return
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                opened = await read_open(connection)
        except (BadLine, OSError) as error:
            reason = str(error) or f"nothing came within {OPEN_SECONDS:g} s"
            log.warning("a session was not opened: %s", reason)
            _refuse(connection, reason)
            return
        if opened is None:
            return
        (first, channel) = opened
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=MAX_LINE)
        await Session(first.job, first.limits, channel, reader, writer, self._shared).run()


def _refuse(connection: socket.socket, reason: str) -> None:
    try:
        connection.send(encode(NotServed(reason)), socket.MSG_DONTWAIT)
    except OSError:  # it has left, or does not read
        return


def _release(connection: socket.socket, seats: asyncio.Semaphore, _: asyncio.Task[None]) -> None:
    connection.close()
    seats.release()
