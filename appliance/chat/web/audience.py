"""The open pages: who is looking, and how they hear of news."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import WSCloseCode

from appliance.chat.web.connection import Connection
from appliance.core.model import UserName

MAX_CONNECTIONS = 32
MAX_CONNECTIONS_PER_USER = 8


class Audience:
    """All connections. Telling them something never waits and never fails."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()

    def has_room_for(self, user: UserName) -> bool:
        own = sum(1 for _ in self._of(user))
        return own < MAX_CONNECTIONS_PER_USER and len(self._connections) < MAX_CONNECTIONS

    async def serve(self, connection: Connection) -> None:
        """Run a connection to its end, as one of the audience."""
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def wake(self, user: UserName) -> None:
        """There is something new in this user's transcript."""
        for connection in self._of(user):
            connection.wake()

    def tell(self, user: UserName, frame: str) -> None:
        for connection in self._of(user):
            connection.tell(frame)

    def tell_all(self, frame: str) -> None:
        for connection in self._connections:
            connection.tell(frame)

    async def dismiss(self) -> None:
        """Close every page's connection; each will try to come back."""
        async with asyncio.TaskGroup() as closing:
            for connection in self._connections:
                closing.create_task(connection.close(WSCloseCode.GOING_AWAY))

    def _of(self, user: UserName) -> Iterable[Connection]:
        return (connection for connection in self._connections if connection.user == user)
