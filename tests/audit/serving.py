"""A log on a socket: turned by hand, or hosted by the event loop of the test."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.audit import wire
from appliance.audit.hosted import HostedServer
from appliance.audit.rights import Rights
from appliance.audit.server import AuditServer
from appliance.audit.writer import Writer
from appliance.local_sockets import listen
from tests.audit.logs import BOOT, FailingConnection
from tests.fakes import FakeClock

ME = os.getuid()
EVERYTHING = Rights(writers=frozenset((ME,)), administrators=frozenset((ME,)))


@dataclass
class Served:
    """The log in `directory`, which one can talk to on `path`; nothing happens but in `turn`."""

    directory: Path
    path: Path
    clock: FakeClock
    writer: Writer
    server: AuditServer

    def connect(self) -> Client:
        """A client that the server has not heard of before its next turn."""
        return Client(self)

    def ask(self, question: wire.Question) -> wire.Answer:
        """Ask one thing on a connection of its own."""
        with self.connect() as client:
            return client.ask(question)


@contextmanager
def served(directory: Path, rights: Rights = EVERYTHING) -> Iterator[Served]:
    """Commits fail as `FailingConnection.broken` says."""
    clock, path = FakeClock(), directory / "socket"
    with closing(Writer(directory / "log", clock, BOOT, factory=FailingConnection)) as writer:
        server = AuditServer(writer, listen(path), rights, clock)
        with closing(server):
            yield Served(directory / "log", path, clock, writer, server)


@asynccontextmanager
async def hosted(writer: Writer, path: Path, rights: Rights = EVERYTHING) -> AsyncIterator[None]:
    """The writer is served on `path`, until the end of the block."""
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        server = HostedServer(writer, path, rights, FakeClock())
        task = group.create_task(server.run(ready.set))
        await ready.wait()
        yield
        task.cancel()


class Client:
    """One end of a connection."""

    def __init__(self, served: Served) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(str(served.path))
        self._served = served
        self._unread = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, *lines: bytes) -> None:
        self.socket.sendall(b"".join(lines))

    def ask(self, question: wire.Question) -> wire.Answer:
        self.say(wire.write(1, question))
        self._served.server.turn()
        (answer,) = self.answers().values()
        return answer

    def answers(self) -> dict[int, wire.Answer]:
        """What has been said to us so far, by id."""
        *lines, self._unread = (self._unread + self._received()).split(b"\n")
        return dict(map(wire.read_answer, lines))

    def is_hung_up_on(self) -> bool:
        """And everything that was said has been read."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except BlockingIOError:
            return False

    def _received(self) -> bytes:
        self.socket.setblocking(False)
        received = b""
        try:
            while more := self.socket.recv(1 << 20):
                received += more
        except (BlockingIOError, ConnectionResetError):
            pass
        self.socket.settimeout(5)
        return received
