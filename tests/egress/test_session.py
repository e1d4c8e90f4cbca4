"""A task's session: what its connections may do, and how they end."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from appliance.core.model import Proceed, ToolCall, Verdict
from appliance.egress.connection import CUT_OFF, Places, Shared
from appliance.egress.resolver import Resolver
from appliance.egress.wire import Limits
from tests.egress.rig import (
    DENIED,
    Daemon,
    Time,
    connect_head,
    echo,
    far_side,
    hosts,
    hung_up,
    served,
    status,
    way_out,
)


async def test_a_tunnel_carries_bytes_both_ways_and_is_recorded(tmp_path: Path) -> None:
    daemon = Daemon()
    async with (
        far_side(echo) as host,
        served(tmp_path) as path,
        way_out(path, daemon) as way,
    ):
        daemon.allowed.add(host)
        reader, writer = await way.tunnel(host)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.write_eof()
        assert await reader.read() == b"<end>", "one direction's end leaves the other open"
        await hung_up(writer)
        (event,) = await daemon.has(1)
    name, _, port = host.partition(":")
    assert (event.job, event.request, event.host, event.port) == (7, "connect-1", name, int(port))
    assert (event.address, event.sent_bytes, event.received_bytes) == ("127.0.0.1", 5, 10)
    assert event.reason == ""
    assert event.cause == ("job:7", "connect-1")


async def test_a_denied_connection_is_told_why_and_its_name_is_never_looked_up(
    tmp_path: Path,
) -> None:
    looked_up: list[str] = []

    def look_up(name: str) -> list[str]:
        looked_up.append(name)
        return ["93.184.216.34"]

    daemon = Daemon()
    async with (
        served(tmp_path, Shared(Resolver(look_up))) as path,
        way_out(path, daemon) as way,
    ):
        answer = await way.say(connect_head("secrets.evil.example:443"))
        assert status(answer) == 403
        assert answer.decode().count(DENIED) == 2
        assert status(await way.say(b"GET http://evil.example/ HTTP/1.1\r\n\r\n")) == 403
    assert looked_up == []
    assert daemon.asked == ["secrets.evil.example:443", "evil.example:80"]
    assert daemon.recorded == [], "the refusal is a record already"


async def test_what_is_sent_too_early_waits_for_the_answer(tmp_path: Path) -> None:
    daemon, allowed = Daemon(), asyncio.Event()

    async def later(call: ToolCall) -> Verdict:
        await daemon.judge(call)
        await allowed.wait()
        return Proceed(call.input)

    daemon_of_the_way = Daemon()
    daemon_of_the_way.judge = later  # type: ignore[method-assign]
    async with (
        far_side(echo) as host,
        served(tmp_path) as path,
        way_out(path, daemon_of_the_way) as way,
    ):
        reader, writer = await way.connect()
        writer.write(connect_head(host) + b"early")
        await daemon.was_asked(1)
        allowed.set()
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(5) == b"early"
        await hung_up(writer)


async def test_a_plain_request_is_passed_on_with_its_body(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(4)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + head + body)

    daemon = Daemon()
    async with far_side(answer) as host, served(tmp_path) as path, way_out(path, daemon) as way:
        daemon.allowed.add(host)
        head = f"POST http://{host}/a HTTP/1.1\r\nHost: other\r\nContent-Length: 4\r\n\r\n"
        found = await way.say(head.encode() + b"body")
        assert found.endswith(
            f"POST /a HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n"
            "Connection: close\r\n\r\nbody".encode()
        )


NAMES = {
    "inside.example": ["10.1.2.3"],
    "mixed.example": ["93.184.216.34", "10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "loop.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "zone.example": ["fe80::1%eth0"],
    "many.example": [f"93.184.216.{n}" for n in range(33)],
    "none.example": [],
}


@pytest.mark.parametrize(
    ("target", "code", "why"),
    [
        ("inside.example:443", 403, "resolves to 10.1.2.3, which is not on the public internet"),
        ("mixed.example:443", 403, "resolves to 10.1.2.3"),
        ("metadata.example:80", 403, "resolves to 169.254.169.254"),
        ("loop.example:443", 403, "resolves to 127.0.0.1"),
        ("six.example:443", 403, "resolves to ::1"),
        ("mapped.example:443", 403, "resolves to ::ffff:"),
        ("zone.example:443", 403, "resolves to fe80::1"),
        ("many.example:443", 502, "resolves to 33 addresses"),
        ("none.example:443", 502, "resolves to 0 addresses"),
        ("nowhere.example:443", 502, "does not resolve"),
        ("0.0.0.0:443", 403, "0.0.0.0 is not the address of a host"),
        ("[::]:443", 403, ":: is not the address of a host"),
        ("224.0.0.1:443", 403, "is not the address of a host"),
    ],
)
async def test_where_nobody_may_go_nobody_goes_whatever_the_policy_says(
    tmp_path: Path, target: str, code: int, why: str
) -> None:
    daemon = Daemon(allowed={target.replace("[", "").replace("]", "")})
    async with (
        served(tmp_path, Shared(Resolver(hosts(NAMES)))) as path,
        way_out(path, daemon) as way,
    ):
        answer = await way.say(connect_head(target))
        assert status(answer) == code
        assert why in answer.decode()
        (event,) = await daemon.has(1)
        assert why in event.reason
        assert (event.address, event.sent_bytes) == ("", 0)


async def test_the_proxy_is_no_target_of_its_own(tmp_path: Path) -> None:
    daemon = Daemon()
    async with served(tmp_path) as path, way_out(path, daemon) as way:
        daemon.allowed.add(f"127.0.0.1:{way.port}")
        for host in ("127.0.0.1", "[::ffff:127.0.0.1]"):
            answer = await way.say(connect_head(f"{host}:{way.port}"))
            assert b"is this proxy itself" in answer


async def test_inside_a_tunnel_a_second_connect_is_nothing_to_the_proxy(tmp_path: Path) -> None:
    daemon = Daemon()
    async with far_side(echo) as host, served(tmp_path) as path, way_out(path, daemon) as way:
        daemon.allowed.add(host)
        reader, writer = await way.tunnel(host)
        writer.write(connect_head("10.0.0.1:22"))
        assert await reader.readexactly(len(connect_head("10.0.0.1:22")))
        await hung_up(writer)
    assert daemon.asked == [host]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"CONNECT 127.1:80 HTTP/1.1\r\n\r\n", 400),
        (b"A" * 9000, 431),
        (b"CONNECT example.com:443 HTTP/1.1\r\nX: " + b"a" * 9000, 431),
        (b"CONNECT example.com:443 HTT", 408),
        (b"", 408),
    ],
)
async def test_a_head_that_is_wrong_long_or_slow_is_answered(
    tmp_path: Path, sent: bytes, code: int
) -> None:
    daemon = Daemon()
    async with (
        served(tmp_path, Shared(head_seconds=0.2)) as path,
        way_out(path, daemon) as way,
    ):
        assert status(await way.say(sent)) == code
    assert daemon.asked == []


async def test_a_host_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        target = f"127.0.0.1:{closed.getsockname()[1]}"
    daemon = Daemon(allowed={target})
    async with served(tmp_path) as path, way_out(path, daemon) as way:
        answer = await way.say(connect_head(target))
        assert status(answer) == 502
        assert b"Connection refused" in answer


async def test_a_connection_may_carry_so_many_bytes(tmp_path: Path) -> None:
    daemon = Daemon()
    async with (
        far_side(echo) as host,
        served(tmp_path) as path,
        way_out(path, daemon, Limits(max_bytes=1000)) as way,
    ):
        daemon.allowed.add(host)
        reader, writer = await way.tunnel(host)
        writer.write(b"x" * 900)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(900)
        await hung_up(writer)
        (event,) = await daemon.has(1)
    assert (event.reason, event.sent_bytes) == ("more than 1,000 bytes", 900)


async def test_a_connection_may_be_idle_for_so_long_and_what_moves_is_not_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, daemon = Time(monkeypatch), Daemon()
    async with far_side(echo) as host, served(tmp_path) as path, way_out(path, daemon) as way:
        daemon.allowed.add(host)
        reader, writer = await way.tunnel(host)
        for _ in range(3):
            time.passes(590)
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
        time.passes(600)
        assert await reader.read() == b""
        await hung_up(writer)
        (event,) = await daemon.has(1)
    assert (event.reason, event.sent_bytes) == ("idle for 600 s", 3)


async def test_a_connection_may_be_open_for_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, daemon = Time(monkeypatch), Daemon()
    async with (
        far_side(echo) as host,
        served(tmp_path) as path,
        way_out(path, daemon, Limits(max_seconds=900)) as way,
    ):
        daemon.allowed.add(host)
        reader, writer = await way.tunnel(host)
        time.passes(500)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        time.passes(500)
        assert await reader.read() == b""
        await hung_up(writer)
        (event,) = await daemon.has(1)
    assert event.reason == "open for 900 s"
    assert event.duration_ms >= 1_000_000


async def test_one_too_many_waits_until_another_is_closed(tmp_path: Path) -> None:
    daemon = Daemon()
    async with (
        far_side(echo) as host,
        served(tmp_path) as path,
        way_out(path, daemon, Limits(connections=2)) as way,
    ):
        daemon.allowed.add(host)
        first, second = await way.tunnel(host), await way.tunnel(host)
        reader, writer = await way.connect()
        writer.write(connect_head(host))
        first[1].write(b"still here")
        await first[0].readexactly(10)
        assert len(daemon.asked) == 2
        await hung_up(second[1])
        assert status(await reader.readuntil(b"\r\n\r\n")) == 200
        for one in (first[1], writer):
            await hung_up(one)


async def test_when_all_tasks_together_have_too_many_one_is_told_so(tmp_path: Path) -> None:
    daemon = Daemon()
    async with (
        far_side(echo) as host,
        served(tmp_path, Shared(places=Places(1))) as path,
        way_out(path, daemon) as way,
    ):
        daemon.allowed.add(host)
        _, writer = await way.tunnel(host)
        answer = await way.say(connect_head(host))
        assert status(answer) == 503
        await hung_up(writer)
        await daemon.has(2)
        _, again = await way.tunnel(host)
        await hung_up(again)


async def test_too_fast_a_task_is_slowed_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, daemon = Time(monkeypatch), Daemon()
    async with (
        served(tmp_path) as path,
        way_out(path, daemon, Limits(burst=3, per_second=1)) as way,
    ):
        for _ in range(3):
            await way.say(connect_head("x.example:1"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await way.say(connect_head("y.example:1"))
        assert daemon.asked == ["x.example:1"] * 3
        time.passes(60)
        await way.say(connect_head("x.example:1"))
        # the one that had waited and gone was told to us before
        assert daemon.asked == ["x.example:1"] * 3 + ["y.example:1", "x.example:1"]


async def test_who_hangs_up_withdraws_the_question(tmp_path: Path) -> None:
    withdrawn = asyncio.Event()

    class Patient(Daemon):
        async def judge(self, call: ToolCall) -> Verdict:
            await super().judge(call)
            try:
                return await asyncio.Future()
            except asyncio.CancelledError:
                withdrawn.set()
                raise

    daemon = Patient()
    async with served(tmp_path) as path, way_out(path, daemon) as way:
        _, writer = await way.connect()
        writer.write(connect_head("x.example:443"))
        await daemon.was_asked(1)
        await hung_up(writer)
        await withdrawn.wait()
    assert daemon.recorded == []


async def test_the_end_of_the_session_closes_and_records_every_connection(tmp_path: Path) -> None:
    daemon = Daemon()
    async with far_side(echo) as host, served(tmp_path) as path:
        daemon.allowed.add(host)
        async with way_out(path, daemon) as way:
            tunnels = [await way.tunnel(host) for _ in range(20)]
            tunnels[0][1].write(b"hello")
            await tunnels[0][0].readexactly(5)
            began = asyncio.get_running_loop().time()
        for reader, writer in tunnels:
            assert await reader.read() == b""
            await hung_up(writer)
        assert asyncio.get_running_loop().time() - began < 1
    assert [event.reason for event in daemon.recorded] == [CUT_OFF] * 20
    assert sum(event.sent_bytes for event in daemon.recorded) == 5


async def test_who_reads_slowly_is_sent_to_slowly(tmp_path: Path) -> None:
    """Nothing piles up between a fast host and a task that does not read."""
    written, moved = 0, asyncio.Event()

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        while True:
            writer.write(bytes(65536))
            await writer.drain()
            written += 65536
            moved.set()

    daemon = Daemon()
    async with far_side(flood) as host, served(tmp_path) as path, way_out(path, daemon) as way:
        daemon.allowed.add(host)
        sock = socket.create_connection(("127.0.0.1", way.port))
        with sock:
            sock.sendall(connect_head(host))
            with pytest.raises(TimeoutError):
                while True:
                    async with asyncio.timeout(0.3):  # until nothing moves any more
                        await moved.wait()
                        moved.clear()
        assert 0 < written < 32 << 20  # what the kernel's own buffers take
        (event,) = await daemon.has(1)
    assert event.received_bytes <= written + 65536


async def test_a_connection_that_a_host_resets_says_so(tmp_path: Path) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )

    daemon = Daemon()
    async with far_side(reset) as host, served(tmp_path) as path, way_out(path, daemon) as way:
        daemon.allowed.add(host)
        _, writer = await way.tunnel(host)
        writer.write(b"x")
        (event,) = await daemon.has(1)
        await hung_up(writer)
    assert event.reason == "the connection was lost: Connection reset by peer"
