"""A task's connections come to who holds the other end of its channel, whatever its wall."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.agent.task_link import Launch, Running
from appliance.core.model import Isolation
from appliance.task.bridge import CONNECTION, channel
from appliance.task.processes import descendants
from appliance.task.way_out import WayOut
from tests.grounds import LEVELS, WALLS, Grounds

ASK = """
import os, socket, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["https_proxy"])
for _ in range({times}):
    with socket.create_connection((proxy.hostname, proxy.port), timeout=10) as way_out:
        way_out.sendall(b"CONNECT example.org:443 HTTP/1.1")
        print(way_out.recv(100).decode(), flush=True)
"""


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours, where connections come out, and the task's."""
    theirs, ours = channel()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def python(grounds: Grounds, text: str, network: int) -> Launch:
    script = Path(grounds.project.path, "script.py")
    script.write_text(text)
    return Launch(("python3", str(script)), {}, network=network)


async def answered(ours: socket.socket, answer: bytes) -> bytes:
    """Take one connection, say this there; what was asked."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(ours, arrived.set)
    async with asyncio.timeout(10):
        await arrived.wait()
    loop.remove_reader(ours)
    said, descriptors, *_ = socket.recv_fds(ours, 10, 4)
    assert said == CONNECTION
    with socket.socket(fileno=descriptors[0]) as connection:
        connection.setblocking(False)
        asked = await loop.sock_recv(connection, 100)
        await loop.sock_sendall(connection, answer)
    return asked


async def said(running: Running) -> list[str]:
    return (await running.stdout.read()).decode().split()


@pytest.mark.parametrize("level", LEVELS)
async def test_every_connection_arrives_with_its_own_descriptor(
    grounds: Grounds, level: Isolation, ends: tuple[socket.socket, socket.socket]
) -> None:
    grounds = grounds.at(level)
    ours, theirs = ends
    launch = python(grounds, ASK.format(times=3), theirs.fileno())
    async with grounds.link().start(grounds.task("x"), launch) as running:
        for number in range(3):
            asked = await answered(ours, f"answer-{number}".encode())
            assert asked == b"CONNECT example.org:443 HTTP/1.1"
        assert await said(running) == ["answer-0", "answer-1", "answer-2"]
        assert (await running.exited()).status == 0


@pytest.mark.parametrize("level", WALLS)
async def test_nothing_but_the_way_out_can_be_reached(
    grounds: Grounds, level: Isolation, ends: tuple[socket.socket, socket.socket]
) -> None:
    grounds = grounds.at(level)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        attempts = (
            "import socket\n"
            "def tried(act):\n"
            "    try: act(); return 'reached'\n"
            "    except OSError: return 'refused'\n"
            f"print(tried(lambda: socket.create_connection(('127.0.0.1', {port}), 2)))\n"
            "print(tried(lambda: socket.create_connection(('192.0.2.1', 80), 2)))\n"
            "print(tried(lambda: socket.socket().sendto(b'x', 0x20000000, "
            f"('127.0.0.1', {port}))))\n"
        )
        launch = python(grounds, attempts, ends[1].fileno())
        async with grounds.link().start(grounds.task("x"), launch) as running:
            assert await said(running) == ["refused"] * 3


@pytest.mark.parametrize("level", LEVELS)
async def test_nobody_listens_any_more_when_the_task_is_over(
    grounds: Grounds, level: Isolation, ends: tuple[socket.socket, socket.socket]
) -> None:
    grounds = grounds.at(level)
    ours, theirs = ends
    left_by_others = set(descendants(os.getpid()))  # a daemon in this process adopts orphans
    launch = Launch(("cat",), {}, network=theirs.fileno())
    async with grounds.link().start(grounds.task("x"), launch):
        theirs.close()
    assert ours.recv(1) == b""  # the bridge had the last other end
    assert set(descendants(os.getpid())) <= left_by_others


async def test_a_task_without_a_channel_is_told_of_no_proxy(grounds: Grounds) -> None:
    async with grounds.link().start(grounds.task("x"), Launch(("env",), {})) as running:
        assert "proxy" not in (await running.stdout.read()).decode().lower()


async def test_where_nobody_can_listen_the_task_is_not_started(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        closing(WayOut()) as way_out,
        pytest.raises(OSError, match="nobody can listen"),
    ):
        way_out.open(ends[1].fileno(), taken.getsockname()[1])


@pytest.mark.parametrize("level", WALLS)
async def test_without_a_channel_there_is_no_network(grounds: Grounds, level: Isolation) -> None:
    grounds = grounds.at(level).with_projects(unsafe_host_network=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = f"exec 3<>/dev/tcp/127.0.0.1/{listener.getsockname()[1]} && echo reached"
        launch = Launch(("bash", "-c", script), {})
        async with grounds.link().start(grounds.task("x"), launch) as running:
            assert "reached" not in (await running.stdout.read()).decode()


@pytest.mark.parametrize("level", WALLS)
async def test_the_hosts_network_is_there_only_where_the_list_says_so(
    grounds: Grounds, level: Isolation
) -> None:
    grounds = grounds.at(level)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = f"exec 3<>/dev/tcp/127.0.0.1/{listener.getsockname()[1]} && echo reached"
        launch = Launch(("bash", "-c", script), {})
        async with grounds.link().start(grounds.task("x"), launch) as running:
            assert await said(running) == ["reached"]
