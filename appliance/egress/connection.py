"""One connection of a task, from its head to its last byte.

    read the head → ask → look the name up → connect → say so → relay → tell how it ended

Whatever goes wrong before the relay is told to the agent in one sentence.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol

from appliance.egress.relay import Relay
from appliance.egress.replies import ESTABLISHED, Refused, refusal
from appliance.egress.request import END, MAX_HEAD, Request, read_request
from appliance.egress.resolver import Resolver
from appliance.egress.sockets import receive, send_all
from appliance.egress.target import Address, Target, plain_address
from appliance.egress.upstream import connect
from appliance.egress.wire import Ask, Closed, Limits, Opened

MAX_CONNECTIONS = 512
HEAD_SECONDS = 10.0
LINGER_SECONDS = 2.0
"""How long what the agent still sends is thrown away, so that it reads why it was refused."""

CUT_OFF = "the task's session ended"


class Gone(Exception):
    """The agent has hung up before anything was done for it."""


class Dispatchd(Protocol):
    """Who decides, and is told."""

    async def ask(self, question: Ask, watched: socket.socket | None) -> None:
        """Returns when it is allowed. Raises Refused, and Gone when `watched` ends before."""

    def tell(self, message: Opened | Closed) -> None:
        """Never waits, so that it can be done while being cancelled."""

    async def caught_up(self) -> None:
        """Return when what was told is being read: who does not read is not told more."""


class Places:
    """So many connections to hosts there may be at a time, of all tasks together."""

    def __init__(self, number: int) -> None:
        self._free = number

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises Refused when there is none."""
        if not self._free:
            raise Refused(503, "the proxy has as many connections as it may have; try again later")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of all tasks use together."""

    resolver: Resolver = field(default_factory=Resolver)
    places: Places = field(default_factory=lambda: Places(MAX_CONNECTIONS))
    head_seconds: float = HEAD_SECONDS


class Connection:
    """Connection `number` of a task, over the socket `task`."""

    def __init__(
        self, number: int, task: socket.socket, dispatchd: Dispatchd, limits: Limits, shared: Shared
    ) -> None:
        self._number = number
        self._task = task
        self._dispatchd = dispatchd
        self._shared = shared
        self._relay = Relay(limits)
        self._is_asked = False
        self._reason = CUT_OFF

    async def run(self) -> None:
        """Returns when it is over; raises nothing for what the agent or a host does."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            await self._serve()
        finally:
            if self._is_asked:
                self._dispatchd.tell(self._closed(clock() - began))
        await self._dispatchd.caught_up()

    def _closed(self, seconds: float) -> Closed:
        sent, received = self._relay.sent, self._relay.received
        return Closed(self._number, sent, received, int(seconds * 1000), self._reason)

    async def _serve(self) -> None:
        try:
            request, early = await self._request()
            addresses = await self._permitted(request)
            with self._shared.places.one():
                self._reason = await self._through(request, early, addresses)
        except Gone:
            self._reason = "the task hung up"
        except Refused as refused:
            self._reason = refused.reason
            await self._refuse(refused)
        except OSError as error:
            self._reason = f"the connection was lost: {error.strerror or error}"

    async def _request(self) -> tuple[Request, bytes]:
        """The request, and what the agent has sent behind its head."""
        received = b""
        try:
            async with asyncio.timeout(self._shared.head_seconds):
                while END not in received:
                    received += await self._more(MAX_HEAD - len(received))
        except TimeoutError as error:
            raise Refused(408, "the head of the request did not come in time") from error
        head, _, early = received.partition(END)
        return read_request(head + END), early

    async def _more(self, room: int) -> bytes:
        if not room:
            raise Refused(431, f"the head of the request is longer than {MAX_HEAD} bytes")
        if received := await receive(self._task, room):
            return received
        raise Gone

    async def _permitted(self, request: Request) -> Sequence[Address]:
        """Where to connect to, once that is allowed. Nothing is looked up before."""
        target = request.target
        self._is_asked = True
        # who has sent a plain request may have nothing more to say and still wait for its answer
        watched = self._task if request.is_tunnel else None
        await self._dispatchd.ask(Ask(self._number, target.host, target.port), watched)
        if target == _own_target(self._task):
            raise Refused(403, f"{target} is this proxy itself")
        return await self._shared.resolver.addresses(target)

    async def _through(self, request: Request, early: bytes, addresses: Sequence[Address]) -> str:
        host, address = await connect(request.target, addresses)
        with host:
            self._dispatchd.tell(Opened(self._number, str(address)))
            return await self._relay.run(
                self._task,
                host,
                to_host=request.head + early,
                to_task=ESTABLISHED if request.is_tunnel else b"",
            )

    async def _refuse(self, refused: Refused) -> None:
        """Say why, and hear the agent out: closing with something unread would lose our word."""
        with suppress(OSError):
            async with asyncio.timeout(LINGER_SECONDS):
                await send_all(self._task, refusal(refused))
                self._task.shutdown(socket.SHUT_WR)
                while await receive(self._task, MAX_HEAD):
                    pass


def _own_target(task: socket.socket) -> Target:
    """The address at which the agent finds this proxy."""
    host, port, *_ = task.getsockname()
    return Target(str(plain_address(ip_address(host.partition("%")[0]))), port)
