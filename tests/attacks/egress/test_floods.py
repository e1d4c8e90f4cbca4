"""A hostile task tries to bring the proxy down, or to keep it from others."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from appliance.agent.egress_link import LOST
from appliance.egress.wire import Limits
from appliance.task import bridge
from tests.attacks.egress.conftest import Machine
from tests.egress.real import program
from tests.egress.rig import Daemon, connect_head, echo, far_side, hung_up, status, way_out

CROWD = (sys.executable, str(Path(__file__).with_name("crowd.py")))
NO_PACE = Limits(burst=10_000)
MAX_RESIDENT = 64 << 20


@pytest.fixture
async def egress(tmp_path: Path) -> AsyncIterator[tuple[Path, psutil.Process]]:
    """The real program, without a world around it."""
    async with program(tmp_path) as (path, process):
        yield path, psutil.Process(process.pid)


Egress = tuple[Path, psutil.Process]


async def test_a_thousand_connections_are_all_served_and_leave_nothing_behind(
    machine: Machine,
) -> None:
    daemon = Daemon(allowed={"public.example:80"})
    async with machine.task(daemon, NO_PACE) as task:
        found = await task.run(*CROWD, "1000", "public.example:80")
        assert found.output == "Counter({'HTTP/1.1 200 OK': 1000})\n"
        await daemon.has(1000)
        assert machine.egress.memory_info().rss < MAX_RESIDENT
        assert machine.egress.num_fds() < 100
    assert {event.reason for event in daemon.recorded} == {""}


async def test_a_thousand_refusals_are_all_told(machine: Machine) -> None:
    daemon = Daemon()
    async with machine.task(daemon, NO_PACE) as task:
        found = await task.run(*CROWD, "1000", "other.example:80")
    assert found.output == "Counter({'HTTP/1.1 403 refused: nothing allows that': 1000})\n"
    assert len(daemon.asked) == 1000


async def test_one_task_that_holds_all_its_connections_does_not_stop_another(
    egress: Egress,
) -> None:
    path, _ = egress
    hostile, other = Daemon(), Daemon()
    async with (
        far_side(echo) as host,
        way_out(path, hostile, NO_PACE) as theirs,
        way_out(path, other) as ours,
    ):
        # heads that never end, from as many connections as there can be
        loris = [await theirs.connect() for _ in range(200)]
        for _, writer in loris:
            writer.write(b"CONNECT ")
        other.allowed.add(host)
        reader, writer = await ours.tunnel(host)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        for _, one in (*loris, (reader, writer)):
            await hung_up(one)


async def test_a_session_that_ends_closes_its_connections_within_a_second(egress: Egress) -> None:
    path, _ = egress
    daemon = Daemon()
    async with far_side(echo) as host:
        daemon.allowed.add(host)
        async with way_out(path, daemon) as way:
            tunnels = [await way.tunnel(host) for _ in range(60)]
            loop = asyncio.get_running_loop()
            began = loop.time()
        for reader, writer in tunnels:
            assert await reader.read() == b""
            await hung_up(writer)
        assert loop.time() - began < 1
    assert len(daemon.recorded) == 60


async def test_a_daemon_that_is_killed_takes_its_tasks_connections_with_it(
    egress: Egress,
) -> None:
    path, proxy = egress
    async with far_side(echo) as host:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            daemon = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", DAEMON, str(path), str(listener.fileno())),
                pass_fds=[listener.fileno()],
                stdout=asyncio.subprocess.PIPE,
            )
            assert daemon.stdout is not None
            assert await daemon.stdout.readline() == b"open\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(connect_head(host))
            assert status(await reader.readuntil(b"\r\n\r\n")) == 200
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            began = asyncio.get_running_loop().time()
            daemon.kill()
            assert await reader.read() == b""
            assert asyncio.get_running_loop().time() - began < 1
            await hung_up(writer)
            await daemon.wait()
    assert proxy.is_running()


DAEMON = """
import asyncio, os, socket, sys
from pathlib import Path
from appliance.agent.egress_link import EgressLink
from appliance.core.model import Proceed
from tests.egress.rig import TASK, bridge_on

async def judge(call):
    return Proceed(call.input)

async def main():
    link = EgressLink(Path(sys.argv[1]), {os.getuid()})
    async with link.session(TASK, judge, print) as egress:
        bridge_on(socket.socket(fileno=int(sys.argv[2])), egress.channel)
        print("open", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_proxy_that_is_killed_is_noticed_and_nothing_goes_out(tmp_path: Path) -> None:
    daemon = Daemon()
    async with far_side(echo) as host, program(tmp_path) as (path, process):
        daemon.allowed.add(host)
        async with way_out(path, daemon) as way:
            reader, writer = await way.tunnel(host)
            process.send_signal(signal.SIGKILL)
            (event,) = await daemon.has(1)
            assert event.reason == LOST
            assert way.egress.trouble == "dispatch-egress hung up"
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            await hung_up(writer)


async def test_who_keeps_copies_of_its_sockets_stops_nobody(egress: Egress) -> None:
    """Blocking mode, a time to linger and reading along are set behind the proxy's back."""
    path, proxy = egress
    hostile, other = Daemon(), Daemon()
    async with (
        far_side(echo) as host,
        way_out(path, hostile) as theirs,
        way_out(path, other) as ours,
    ):
        hostile.allowed.add(host)
        other.allowed.add(host)
        copies = []
        for _ in range(20):
            client, accepted = connected_pair()
            # what the bridge would do; the task keeps both ends
            socket.send_fds(theirs.egress.channel, [bridge.CONNECTION], [accepted.fileno()])
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\x10\x0e\0\0")
            client.sendall(connect_head(host) + bytes(100_000))
            copies += [client, accepted]
        await hostile.was_asked(20)
        for _ in range(50):
            for copy in copies:
                copy.setblocking(True)
            reader, writer = await ours.tunnel(host)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            await hung_up(writer)
        for copy in copies:
            copy.close()
        await hostile.has(20)
    assert proxy.is_running()


def connected_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    return client, accepted


async def test_what_is_forged_ends_the_forgers_session_and_no_other(egress: Egress) -> None:
    path, proxy = egress
    hostile, other = Daemon(), Daemon()
    async with far_side(echo) as host, way_out(path, other) as ours:
        other.allowed.add(host)
        reader, writer = await ours.tunnel(host)
        for forged in ([0], [0, 0], []):
            async with way_out(path, hostile) as theirs:
                with open(os.devnull) as null:  # noqa: PTH123
                    numbers = [null.fileno() for _ in forged]
                    socket.send_fds(theirs.egress.channel, [bridge.CONNECTION], numbers)
                    while not theirs.egress.trouble:
                        await asyncio.sleep(0)
            assert "channel of the task cannot be used" in theirs.egress.trouble
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        await hung_up(writer)
    assert proxy.is_running()
