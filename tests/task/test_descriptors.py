"""A header comes with exactly the descriptors it needs, or is refused with all of them closed."""

from __future__ import annotations

import gc
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.task.descriptors import receive
from appliance.task.header import MAX_LINE, BadMessage, TaskHeader, TaskStarted, encode
from tests.task.test_header import HEADER

WITH_SECRET = replace(HEADER, secret_variable="CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR")
WITH_NETWORK = replace(HEADER, has_network=True)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def open_descriptors() -> int:
    gc.collect()  # what an earlier test left for it
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_header_and_three_descriptors_are_received(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    socket.send_fds(ends[0], [encode(HEADER)], [0, 1, 2])
    received = receive(ends[1])
    assert received is not None
    header, descriptors = received
    assert header == HEADER
    assert descriptors.secret is None
    descriptors.close()


@pytest.mark.parametrize(
    ("header", "has_secret"),
    [(WITH_NETWORK, False), (replace(WITH_SECRET, has_network=True), True)],
)
def test_the_header_tells_which_descriptor_is_which(
    ends: tuple[socket.socket, socket.socket], header: TaskHeader, has_secret: bool
) -> None:
    with (tmp := tempfile.TemporaryFile()):
        numbers = [0, 1, 2, *([0] if has_secret else []), tmp.fileno()]
        socket.send_fds(ends[0], [encode(header)], numbers)
        received = receive(ends[1])
        assert received is not None
        _, descriptors = received
        assert (descriptors.secret is not None) == has_secret
        assert descriptors.channel is not None
        assert os.path.sameopenfile(descriptors.channel, tmp.fileno())
    descriptors.close()


def test_a_header_may_come_in_pieces(ends: tuple[socket.socket, socket.socket]) -> None:
    line = encode(WITH_SECRET)
    socket.send_fds(ends[0], [line[:10]], [0, 1, 2])
    socket.send_fds(ends[0], [line[10:]], [0])
    received = receive(ends[1])
    assert received is not None
    assert received[1].secret is not None
    received[1].close()


def test_a_closed_socket_before_the_header_means_nobody_needs_us(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ends[0].close()
    assert receive(ends[1]) is None


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (encode(HEADER), 2),
        (encode(HEADER), 4),
        (encode(WITH_SECRET), 3),
        (encode(WITH_NETWORK), 3),
        (encode(replace(WITH_SECRET, has_network=True)), 4),
        (encode(HEADER), 9),
        (encode(HEADER) * 2, 3),
        (encode(HEADER)[:-1], 3),
        (b"x" * (MAX_LINE + 1), 3),
        (encode(TaskStarted(1, HEADER.minimum_isolation)), 3),
    ],
    ids=[
        "too few",
        "too many",
        "no secret",
        "no channel",
        "one of two",
        "far too many",
        "twice",
        "cut",
        "long",
        "not one",
    ],
)
def test_anything_else_is_refused_and_no_descriptor_stays_open(
    ends: tuple[socket.socket, socket.socket], line: bytes, count: int
) -> None:
    socket.send_fds(ends[0], [line], [0] * count)
    ends[0].shutdown(socket.SHUT_WR)
    before = open_descriptors()
    with pytest.raises(BadMessage):
        receive(ends[1])
    assert open_descriptors() == before
