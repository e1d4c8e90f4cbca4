"""What comes over a task's channel is a connection, or ends the session."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.egress.channel import BadChannel, next_connection
from appliance.task import bridge
from tests.egress.rig import descriptors


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The task's and ours."""
    theirs, ours = bridge.channel()
    ours.setblocking(False)
    with theirs, ours:
        yield theirs, ours


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection: who connected, and what was accepted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    with client, accepted:
        yield client, accepted


Ends = tuple[socket.socket, socket.socket]


async def test_a_connection_arrives_as_the_socket_itself(ends: Ends, pair: Ends) -> None:
    client, accepted = pair
    socket.send_fds(ends[0], [bridge.CONNECTION], [accepted.fileno()])
    found = await next_connection(ends[1])
    assert found is not None
    with found:
        found.send(b"hello")
        assert client.recv(5) == b"hello"
        assert found.gettimeout() == 0


async def test_the_end_of_the_bridge_is_no_connection(ends: Ends) -> None:
    ends[0].close()
    assert await next_connection(ends[1]) is None


Forge = Callable[[ExitStack, Path], Sequence[int]]


def _a_file(stack: ExitStack, home: Path) -> Sequence[int]:
    return [stack.enter_context((home / "file").open("w")).fileno()]


def _a_pipe(stack: ExitStack, _home: Path) -> Sequence[int]:
    both = os.pipe()
    for end in both:
        stack.callback(os.close, end)
    return both[:1]


def _sockets(*kinds: tuple[int, int]) -> Forge:
    def made(stack: ExitStack, _home: Path) -> Sequence[int]:
        return [stack.enter_context(socket.socket(*kind)).fileno() for kind in kinds]

    return made


def _a_listener(stack: ExitStack, _home: Path) -> Sequence[int]:
    return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).fileno()]


def _a_local_pair(stack: ExitStack, _home: Path) -> Sequence[int]:
    one, other = socket.socketpair()
    stack.enter_context(other)
    return [stack.enter_context(one).fileno()]


TCP = (socket.AF_INET, socket.SOCK_STREAM)


@pytest.mark.parametrize(
    ("message", "forge", "why"),
    [
        (b"1", lambda *_: [], "0 descriptors"),
        (b"2", _sockets(TCP), "1 descriptors"),
        (b"11", _sockets(TCP), "1 descriptors"),
        (b"1" * 10_000, _sockets(TCP), "1 descriptors"),
        (b"1", _sockets(TCP, TCP), "2 descriptors"),
        (b"1", _sockets(*[TCP] * 200), "2 descriptors"),
        (b"1", _a_file, "no socket"),
        (b"1", _a_pipe, "no socket"),
        (b"1", _sockets((socket.AF_INET, socket.SOCK_DGRAM)), "not TCP"),
        (b"1", _a_local_pair, "not TCP"),
        (b"1", _sockets(TCP), "connected to nothing"),
        (b"1", _a_listener, "connected to nothing"),
    ],
)
async def test_anything_else_is_refused_and_closed(
    ends: Ends, tmp_path: Path, message: bytes, forge: Forge, why: str
) -> None:
    with ExitStack() as stack:
        forged = forge(stack, tmp_path)
        before = descriptors()
        socket.send_fds(ends[0], [message], list(forged))
        with pytest.raises(BadChannel, match=why):
            await next_connection(ends[1])
        while descriptors() > before:  # a file is closed by a thread
            os.sched_yield()


async def test_an_empty_message_with_a_descriptor_is_no_connection(ends: Ends, pair: Ends) -> None:
    socket.send_fds(ends[0], [b""], [pair[1].fileno()])
    with pytest.raises(BadChannel):
        await next_connection(ends[1])
