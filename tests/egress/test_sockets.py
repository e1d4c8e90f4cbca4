"""A socket that somebody else owns as well never makes us wait."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from appliance.egress import sockets

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    with client, accepted:
        yield client, accepted


async def test_a_socket_made_blocking_by_another_owner_does_not_block_us(ends: Ends) -> None:
    far, ours = ends
    ours.setblocking(False)
    with ours.dup() as theirs:
        theirs.setblocking(True)  # the flag is shared
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(sockets.receive(ours, 10))
            sending = group.create_task(sockets.send_all(ours, bytes(32 << 20)))
            await asyncio.sleep(0)
            assert not waiting.done()
            far.send(b"hello")
            assert await waiting == b"hello"
            assert not sending.done()
            sending.cancel()


async def test_bytes_that_another_owner_takes_are_waited_for_no_longer(ends: Ends) -> None:
    far, ours = ends
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(sockets.receive(ours, 10))
        await asyncio.sleep(0)
        far.send(b"first")
        await asyncio.sleep(0)  # the loop has seen it, and wakes who waits next
        with ours.dup() as theirs:
            assert theirs.recv(10) == b"first"
        for _ in range(3):
            await asyncio.sleep(0)
        far.send(b"second")
        assert await waiting == b"second"


def test_a_time_to_linger_set_by_another_owner_does_not_hold_us_up(ends: Ends) -> None:
    _far, ours = ends
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            ours.send(bytes(1 << 20))
    with ours.dup() as theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\x3c\0\0\0")
    began = time.monotonic()
    sockets.close(ours)
    assert time.monotonic() - began < 1


async def test_everything_is_sent_to_who_reads_slowly(ends: Ends) -> None:
    far, ours = ends
    data = bytes(range(256)) * 40_000

    def read() -> bytes:
        received = b""
        while len(received) < len(data):
            received += far.recv(100_000)
        return received

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(asyncio.to_thread(read))
        await sockets.send_all(ours, data)
    assert reading.result() == data


async def test_a_hang_up_is_told_only_when_nothing_is_left_to_read(ends: Ends) -> None:
    far, ours = ends
    hung_up = asyncio.Event()
    with sockets.hang_up_calls(ours, hung_up.set):
        far.close()
        await hung_up.wait()


async def test_who_sends_before_hanging_up_is_not_gone_yet(ends: Ends) -> None:
    far, ours = ends
    hung_up = asyncio.Event()
    with sockets.hang_up_calls(ours, hung_up.set):
        far.send(b"x")
        far.close()
        await sockets.readable(ours)
    assert not hung_up.is_set()
    assert await sockets.receive(ours, 2) == b"x"
    assert await sockets.receive(ours, 2) == b""
