"""Reading and writing sockets whose other owner may be hostile.

The agent can keep a copy of each socket that it hands over, and flags of an open file belong to
all its owners: it could make it blocking again while we use it. So no call here relies on a flag;
each says itself that it must not wait. `asyncio` is only asked when there is something to do.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_NO_LINGER = struct.pack("ii", 0, 0)


async def readable(sock: socket.socket) -> None:
    """Return when there is something to read, or an end, or an error."""
    loop = asyncio.get_running_loop()
    await _called(loop.add_reader, loop.remove_reader, sock)


async def writable(sock: socket.socket) -> None:
    """Return when something can be written, or when trying will raise."""
    loop = asyncio.get_running_loop()
    await _called(loop.add_writer, loop.remove_writer, sock)


async def receive(sock: socket.socket, size: int) -> bytes:
    """Some bytes; none at the end. Raises OSError."""
    while True:
        await readable(sock)
        try:
            return sock.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:  # another owner was faster
            continue


async def send_all(sock: socket.socket, data: bytes) -> None:
    """Return when the kernel has all of it. Raises OSError."""
    rest = memoryview(data)
    while rest := rest[_send(sock, rest) :]:
        await writable(sock)


@contextmanager
def hang_up_calls(sock: socket.socket, call: Callable[[], None]) -> Iterator[None]:
    """Call when the other end closes, unless it has sent something before: that is left to read."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        loop.remove_reader(sock)
        if _is_at_end(sock):
            call()

    loop.add_reader(sock, look)
    try:
        yield
    finally:
        loop.remove_reader(sock)


def close(sock: socket.socket) -> None:
    """Close without waiting: a time to linger, set by another owner, would stop all of us."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    sock.close()


def _is_at_end(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _send(sock: socket.socket, data: memoryview) -> int:
    try:
        return sock.send(data, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return 0


async def _called(
    add: Callable[[socket.socket, Callable[[], None]], object],
    remove: Callable[[socket.socket], object],
    sock: socket.socket,
) -> None:
    # whoever waits here takes the descriptor out of the loop again before it can be closed: what
    # another owner keeps open would otherwise stay in epoll for ever
    is_ready = asyncio.Event()
    add(sock, is_ready.set)
    try:
        await is_ready.wait()
    finally:
        remove(sock)
