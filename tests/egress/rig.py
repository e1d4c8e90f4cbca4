"""Both ends of dispatch-egress around real sockets: a server, a bridge, a daemon, a far side."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.agent.egress_link import Egress, EgressLink
from appliance.core.events import ConnectionClosed, Event
from appliance.core.model import (
    Ceiling,
    Isolation,
    JobId,
    Limits,
    Proceed,
    Project,
    ProjectName,
    Prompt,
    Refuse,
    Task,
    ToolCall,
    Verdict,
)
from appliance.egress import wire
from appliance.egress.connection import Shared
from appliance.egress.resolver import LookUp
from appliance.egress.server import Server
from appliance.local_sockets import listen
from appliance.task import bridge

DENIED = "refused: nothing allows that"
TASK = Task(
    JobId(7),
    Project(ProjectName("demo"), "/srv/demo"),
    Prompt("hello"),
    Limits(60, Isolation.NONE, Ceiling()),
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Daemon:
    """What dispatchd does: judges by a list, and records. `asked` is in the order it came."""

    allowed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    recorded: list[ConnectionClosed] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def judge(self, call: ToolCall) -> Verdict:
        target = f"{call.input['host']}:{call.input['port']}"
        async with self.news:
            self.asked.append(target)
            self.news.notify_all()
        return Proceed(call.input) if target in self.allowed else Refuse(DENIED)

    async def record(self, event: Event) -> None:
        assert isinstance(event, ConnectionClosed)
        async with self.news:
            self.recorded.append(event)
            self.news.notify_all()

    async def has(self, number: int) -> Sequence[ConnectionClosed]:
        """So many records, once they are there."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.recorded) >= number)
        return self.recorded

    async def was_asked(self, number: int) -> None:
        async with self.news:
            await self.news.wait_for(lambda: len(self.asked) >= number)


def hosts(names: Mapping[str, Sequence[str]]) -> LookUp:
    """A resolver that knows these names and no other."""

    def look_up(name: str) -> Sequence[str]:
        if name not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return names[name]

    return look_up


@asynccontextmanager
async def served(
    home: Path, shared: Shared | None = None, daemon: int | None = None
) -> AsyncIterator[Path]:
    """A server in this event loop; where it listens."""
    path = home / "egress"
    uid = os.getuid() if daemon is None else daemon
    with listen(path) as listener:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(Server(listener, uid, shared or Shared()).run())
            try:
                yield path
            finally:
                running.cancel()


def bridge_on(listener: socket.socket, channel: socket.socket) -> threading.Thread:
    """A bridge without a namespace around it, which ends with the channel's other end."""

    def serve(own: socket.socket) -> None:
        with own:
            bridge.serve(listener, own)

    # a copy, as the launcher has one of its own
    serving = threading.Thread(target=serve, args=(channel.dup(),))
    serving.start()
    return serving


@dataclass(frozen=True, slots=True)
class Way:
    """A task's way out: through `port`."""

    port: int
    egress: Egress

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def say(self, data: bytes) -> bytes:
        """Send this and return all that comes back."""
        reader, writer = await self.connect()
        writer.write(data)
        try:
            return await reader.read()
        finally:
            await hung_up(writer)

    async def tunnel(self, target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """An open tunnel."""
        reader, writer = await self.connect()
        writer.write(connect_head(target))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
        return reader, writer


@asynccontextmanager
async def way_out(
    path: Path, daemon: Daemon, limits: wire.Limits | None = None
) -> AsyncIterator[Way]:
    """A session with a bridge."""
    link = EgressLink(path, {os.getuid()}, limits)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        async with link.session(TASK, daemon.judge, daemon.record) as egress:
            serving = bridge_on(listener, egress.channel)
            yield Way(listener.getsockname()[1], egress)
        await asyncio.to_thread(serving.join)


@asynccontextmanager
async def far_side(talk: Talk) -> AsyncIterator[str]:
    """A host on loopback; its `host:port`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # how the other end goes is for the tests to say
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything back, and the end only after the other's end."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b"<end>")
    writer.write_eof()


def connect_head(target: str) -> bytes:
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def hung_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


class Time:
    """The running event loop's clock, which can be moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: time.monotonic() + self._ahead)

    def passes(self, seconds: float) -> None:
        self._ahead += seconds


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
