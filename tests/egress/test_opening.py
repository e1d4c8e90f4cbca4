"""A session begins with one line and one channel, or not at all."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.egress.opening import read_open
from appliance.egress.wire import MAX_LINE, BadLine, Limits, Open, Serving, encode
from appliance.task import bridge
from tests.egress.rig import descriptors

OPEN = Open(7, Limits(connections=3))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Dispatchd's and ours."""
    theirs, ours = socket.socketpair()
    ours.setblocking(False)
    with theirs, ours:
        yield theirs, ours


Ends = tuple[socket.socket, socket.socket]


async def test_the_line_and_its_channel_are_received(ends: Ends) -> None:
    far, near = bridge.channel()
    with far:
        socket.send_fds(ends[0], [encode(OPEN)], [near.fileno()])
        near.close()
        found = await read_open(ends[1])
        assert found is not None
        opened, channel = found
        with channel:
            assert opened == OPEN
            assert channel.gettimeout() == 0
            far.send(b"x")
            assert channel.recv(1) == b"x"


async def test_a_line_may_come_in_pieces(ends: Ends) -> None:
    far, near = bridge.channel()
    with far, near:
        line = encode(OPEN)
        socket.send_fds(ends[0], [line[:10]], [near.fileno()])
        ends[0].sendall(line[10:])
        found = await read_open(ends[1])
        assert found is not None
        found[1].close()


async def test_who_leaves_without_a_word_opens_nothing(ends: Ends) -> None:
    ends[0].close()
    assert await read_open(ends[1]) is None


Forge = Callable[[ExitStack, Path], Sequence[int]]


def _channels(number: int) -> Forge:
    def made(stack: ExitStack, _home: Path) -> Sequence[int]:
        pairs = [bridge.channel() for _ in range(number)]
        return [stack.enter_context(end).fileno() for pair in pairs for end in pair][:number]

    return made


def _a_file(stack: ExitStack, home: Path) -> Sequence[int]:
    return [stack.enter_context((home / "file").open("w")).fileno()]


def _tcp(stack: ExitStack, _home: Path) -> Sequence[int]:
    return [stack.enter_context(socket.socket()).fileno()]


def _datagrams(stack: ExitStack, _home: Path) -> Sequence[int]:
    return [stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)).fileno()]


@pytest.mark.parametrize(
    ("line", "forge"),
    [
        (encode(OPEN), _channels(0)),
        (encode(OPEN), _channels(2)),
        (encode(OPEN), _channels(50)),
        (encode(OPEN), _a_file),
        (encode(OPEN), _tcp),
        (encode(OPEN), _datagrams),
        (encode(Serving()), _channels(1)),
        (encode(OPEN) * 2, _channels(1)),
        (encode(OPEN)[:-1], _channels(1)),
        (b"\n", _channels(1)),
        (b"\xff\xff\n", _channels(1)),
        (b"GET / HTTP/1.1\r\n\r\n", _channels(1)),
        (b"x" * (MAX_LINE + 1), _channels(1)),
        (b"x" * (3 * MAX_LINE), _channels(1)),
    ],
)
async def test_anything_else_is_refused_and_closed(
    ends: Ends, tmp_path: Path, line: bytes, forge: Forge
) -> None:
    with ExitStack() as stack:
        forged = forge(stack, tmp_path)
        before = descriptors()
        socket.send_fds(ends[0], [line], list(forged))
        ends[0].shutdown(socket.SHUT_WR)
        with pytest.raises(BadLine):
            await read_open(ends[1])
        assert descriptors() == before


def test_descriptors_are_counted() -> None:
    before = descriptors()
    number = os.dup(0)
    assert descriptors() == before + 1
    os.close(number)
