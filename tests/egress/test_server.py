"""Who may open a session, and what becomes of those who cannot."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from appliance.egress import server
from appliance.egress.wire import (
    MAX_LINE,
    Answer,
    Ask,
    Closed,
    Message,
    NotServed,
    Open,
    Opened,
    Serving,
    decode,
    encode,
)
from appliance.task import bridge
from tests.egress.rig import Daemon, Time, connect_head, echo, far_side, served, way_out


class Raw:
    """A dispatchd that can say anything."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.channel, self._theirs = bridge.channel()

    async def open(self, line: bytes | None = None) -> None:
        socket.send_fds(self.socket, [line or encode(Open(7))], [self._theirs.fileno()])
        self._theirs.close()
        self.reader, self.writer = await asyncio.open_unix_connection(sock=self.socket)

    async def hears(self) -> Message:
        return decode(await self.reader.readline())

    async def is_hung_up_on(self) -> bool:
        return await self.reader.read() == b""

    async def __aenter__(self) -> Raw:
        return self

    async def __aexit__(self, *_: object) -> None:
        for end in (self.channel, self._theirs, self.socket):
            end.close()
        if hasattr(self, "writer"):
            self.writer.close()


def sends_connection(channel: socket.socket, head: bytes) -> socket.socket:
    """What a bridge hands on; the task's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    with accepted:
        socket.send_fds(channel, [bridge.CONNECTION], [accepted.fileno()])
    client.sendall(head)
    client.setblocking(False)
    return client


async def test_the_lines_of_a_connection_from_the_question_to_the_end(tmp_path: Path) -> None:
    async with far_side(echo) as host, served(tmp_path) as path, Raw(path) as dispatchd:
        await dispatchd.open()
        assert await dispatchd.hears() == Serving()
        with sends_connection(dispatchd.channel, connect_head(host)) as client:
            port = int(host.partition(":")[2])
            assert await dispatchd.hears() == Ask(1, "127.0.0.1", port)
            dispatchd.writer.write(encode(Answer(1, True, "")))
            assert await dispatchd.hears() == Opened(1, "127.0.0.1")
            client.shutdown(socket.SHUT_WR)
            closed = await dispatchd.hears()
        assert isinstance(closed, Closed)
        assert (closed.id, closed.sent, closed.received, closed.reason) == (1, 0, 5, "")
        dispatchd.writer.write_eof()
        assert await dispatchd.is_hung_up_on()


async def test_another_user_is_not_served(tmp_path: Path) -> None:
    async with served(tmp_path, daemon=os.getuid() + 1) as path, Raw(path) as stranger:
        await stranger.open()
        told = await stranger.hears()
        assert isinstance(told, NotServed)
        assert f"user id {os.getuid()} of this machine may not" in told.reason


@pytest.mark.parametrize(
    "line", [b"\n", b"garbage\n", b"\xff" * MAX_LINE + b"\n", encode(Serving()), b"{}" * 9000]
)
async def test_who_opens_no_session_is_told_why(tmp_path: Path, line: bytes) -> None:
    async with served(tmp_path) as path, Raw(path) as dispatchd:
        await dispatchd.open(line)
        assert isinstance(await dispatchd.hears(), NotServed)
        # the next one is served
        async with Raw(path) as other:
            await other.open()
            assert await other.hears() == Serving()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"garbage\n",
        b"\xff\n",
        b"x" * (MAX_LINE + 1) + b"\n",
        encode(Serving()),
        encode(Open(8)),
        encode(Answer(1, True, "")).replace(b"true", b"1"),
        encode(Answer(1, True, "")).replace(b'"v": 1', b'"v": 2'),
    ],
)
async def test_a_line_that_is_not_understood_ends_the_session_and_nothing_else(
    tmp_path: Path, line: bytes
) -> None:
    daemon = Daemon()
    async with (
        far_side(echo) as host,
        served(tmp_path) as path,
        way_out(path, daemon) as way,
        Raw(path) as dispatchd,
    ):
        daemon.allowed.add(host)
        _, beside = await way.tunnel(host)
        await dispatchd.open()
        assert await dispatchd.hears() == Serving()
        with sends_connection(dispatchd.channel, connect_head("x.example:1")) as client:
            assert isinstance(await dispatchd.hears(), Ask)
            dispatchd.writer.write(line)
            assert isinstance(await dispatchd.hears(), Closed)
            told = await dispatchd.hears()
            assert isinstance(told, NotServed)
            assert "cannot be understood" in told.reason
            assert await dispatchd.is_hung_up_on()
            await asyncio.get_running_loop().sock_recv(client, 1)
        beside.write(b"hello")
        await beside.drain()
        beside.close()


async def test_a_truncated_line_allows_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as path, Raw(path) as dispatchd:
        await dispatchd.open()
        await dispatchd.hears()
        with sends_connection(dispatchd.channel, connect_head("127.0.0.1:1")):
            await dispatchd.hears()
            dispatchd.writer.write(encode(Answer(1, True, ""))[:-1])
            dispatchd.writer.write_eof()
            closed = await dispatchd.hears()
        assert isinstance(closed, Closed)
        assert closed.sent == 0


async def test_an_answer_that_nobody_waits_for_allows_nothing_later(tmp_path: Path) -> None:
    async with served(tmp_path) as path, Raw(path) as dispatchd:
        await dispatchd.open()
        await dispatchd.hears()
        dispatchd.writer.write(encode(Answer(1, True, "")) * 3)
        with sends_connection(dispatchd.channel, connect_head("127.0.0.1:1")):
            assert isinstance(await dispatchd.hears(), Ask)
            dispatchd.writer.write(encode(Answer(2, True, "")) + encode(Answer(1, False, "no")))
            dispatchd.writer.write(encode(Answer(1, True, "")))
            closed = await dispatchd.hears()
        assert isinstance(closed, Closed)
        assert closed.reason == "no"


async def test_the_end_of_the_channel_is_the_end_of_the_session(tmp_path: Path) -> None:
    async with served(tmp_path) as path, Raw(path) as dispatchd:
        await dispatchd.open()
        await dispatchd.hears()
        dispatchd.channel.close()
        assert await dispatchd.is_hung_up_on()


async def test_what_is_forged_on_a_channel_ends_its_session(tmp_path: Path) -> None:
    async with served(tmp_path) as path, Raw(path) as dispatchd:
        await dispatchd.open()
        await dispatchd.hears()
        with socket.socket() as unconnected:
            socket.send_fds(dispatchd.channel, [b"1"], [unconnected.fileno()])
        told = await dispatchd.hears()
        assert isinstance(told, NotServed)
        assert "connected to nothing" in told.reason
        assert await dispatchd.is_hung_up_on()


async def test_who_says_nothing_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time(monkeypatch)
    async with served(tmp_path) as path, Raw(path) as dispatchd, asyncio.TaskGroup() as group:
        dispatchd.reader, dispatchd.writer = await asyncio.open_unix_connection(
            sock=dispatchd.socket
        )
        told = group.create_task(dispatchd.hears())
        while not told.done():
            time.passes(1)
            await asyncio.sleep(0)
    assert told.result() == NotServed("nothing came within 10 s")


async def test_only_so_many_sessions_are_served_and_the_next_waits(tmp_path: Path) -> None:
    async with served(tmp_path) as path:
        all_of_them = [Raw(path) for _ in range(server.MAX_SESSIONS)]
        for dispatchd in all_of_them:
            await dispatchd.open()
            assert await dispatchd.hears() == Serving()
        async with Raw(path) as waiting:
            await waiting.open()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await waiting.reader.readexactly(1)
            await all_of_them[0].__aexit__()
            assert await waiting.hears() == Serving()
        for dispatchd in all_of_them[1:]:
            await dispatchd.__aexit__()
