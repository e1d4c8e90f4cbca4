"""The daemon's end: every connection judged, every one that was allowed on record."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.agent.egress_link import LOST, EgressLink
from appliance.core.events import Event
from appliance.core.model import CONNECT, Proceed, ToolCall, Verdict
from appliance.egress.wire import (
    Answer,
    Ask,
    Closed,
    Limits,
    Message,
    NotServed,
    Open,
    Opened,
    Serving,
    decode,
    encode,
)
from appliance.errors import AgentFailed, AuditUnavailable
from tests.egress.rig import DENIED, TASK, Daemon

Play = Callable[["Peer"], Awaitable[None]]


SERVING = Serving()


class Peer:
    """A dispatch-egress that can say anything."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.writer.write(encode(message))

    async def hears(self) -> Message:
        return decode(await self.reader.readline())

    async def hears_the_end(self) -> None:
        assert await self.reader.read() == b""


@asynccontextmanager
async def playing(home: Path, play: Play, first: Message | bytes = SERVING) -> AsyncIterator[Path]:
    """Where it listens, and how it behaves after the session was opened."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        try:
            assert await peer.hears() == Open(7, Limits())
            writer.write(first if isinstance(first, bytes) else encode(first))
            await play(peer)
        finally:
            writer.close()

    server = await asyncio.start_unix_server(handle, home / "egress")
    try:
        yield home / "egress"
    finally:
        server.close()


async def nothing(_peer: Peer) -> None:
    """Hang up."""


async def until_the_end(peer: Peer) -> None:
    await peer.hears_the_end()


def link(path: Path) -> EgressLink:
    return EgressLink(path, {os.getuid()})


async def test_a_connection_is_judged_as_a_call_of_a_tool(tmp_path: Path) -> None:
    answers: list[Message] = []
    calls: list[ToolCall] = []

    async def play(peer: Peer) -> None:
        peer.say(Ask(1, "api.example.com", 443), Ask(2, "2001:db8::1", 80))
        answers.extend([await peer.hears(), await peer.hears()])
        done.set()
        await peer.hears_the_end()

    async def judge(call: ToolCall) -> Verdict:
        calls.append(call)
        return await daemon.judge(call)

    daemon, done = Daemon(allowed={"api.example.com:443"}), asyncio.Event()
    async with (
        playing(tmp_path, play) as path,
        link(path).session(TASK, judge, daemon.record) as egress,
    ):
        await done.wait()
        assert egress.trouble == ""
    assert calls[0] == ToolCall(
        "connect-1", CONNECT, {"host": "api.example.com", "port": 443}, "/srv/demo"
    )
    assert sorted(answers, key=str) == [Answer(1, True, ""), Answer(2, False, DENIED)]


async def test_an_input_that_the_judge_changed_is_not_what_was_asked(tmp_path: Path) -> None:
    async def play(peer: Peer) -> None:
        peer.say(Ask(1, "a.example", 443))
        assert await peer.hears() == Answer(1, False, "")
        done.set()
        await peer.hears_the_end()

    async def judge(call: ToolCall) -> Verdict:
        return Proceed({**call.input, "port": 80})

    done = asyncio.Event()
    async with (
        playing(tmp_path, play) as path,
        link(path).session(TASK, judge, Daemon().record),
    ):
        await done.wait()


async def test_every_allowed_connection_is_recorded_with_its_permission(tmp_path: Path) -> None:
    async def play(peer: Peer) -> None:
        peer.say(Ask(5, "a.example", 443), Ask(6, "b.example", 443), Ask(7, "c.example", 443))
        for _ in range(3):
            await peer.hears()
        peer.say(
            Opened(5, "93.184.216.34"),
            Closed(5, 10, 20, 30, ""),
            Closed(6, 0, 0, 1, "b.example does not resolve"),
            Closed(7, 0, 0, 1, DENIED),
        )
        await peer.hears_the_end()

    daemon = Daemon(allowed={"a.example:443", "b.example:443"})
    async with (
        playing(tmp_path, play) as path,
        link(path).session(TASK, daemon.judge, daemon.record),
    ):
        await daemon.has(2)
    first, second = daemon.recorded
    assert first.data() == {
        "job": 7,
        "request": "connect-5",
        "host": "a.example",
        "port": 443,
        "address": "93.184.216.34",
        "sent_bytes": 10,
        "received_bytes": 20,
        "duration_ms": 30,
        "reason": "",
    }
    assert first.who.auth == "job:7"
    assert (second.request, second.address) == ("connect-6", "")
    assert second.reason == "b.example does not resolve"


async def test_what_ends_with_the_session_is_recorded_before_it_is_left(tmp_path: Path) -> None:
    async def play(peer: Peer) -> None:
        peer.say(Ask(1, "a.example", 443))
        await peer.hears()
        opened.set()
        await peer.hears_the_end()
        peer.say(Closed(1, 1, 2, 3, "the task's session ended"))

    daemon, opened = Daemon(allowed={"a.example:443"}), asyncio.Event()
    async with playing(tmp_path, play) as path:
        async with link(path).session(TASK, daemon.judge, daemon.record) as egress:
            await opened.wait()
        assert egress.channel.fileno() == -1
        assert egress.trouble == ""
    assert [event.sent_bytes for event in daemon.recorded] == [1]


async def test_a_proxy_that_dies_leaves_a_record_and_a_reason(tmp_path: Path) -> None:
    async def play(peer: Peer) -> None:
        peer.say(Ask(1, "a.example", 443))
        await peer.hears()

    daemon = Daemon(allowed={"a.example:443"})
    async with playing(tmp_path, play) as path:
        async with link(path).session(TASK, daemon.judge, daemon.record) as egress:
            (event,) = await daemon.has(1)
        assert event.reason == LOST
        assert egress.trouble == "dispatch-egress hung up"


async def test_questions_are_withdrawn_when_the_proxy_is_gone(tmp_path: Path) -> None:
    async def play(peer: Peer) -> None:
        peer.say(Ask(1, "a.example", 443))
        await daemon.was_asked(1)

    async def judge(call: ToolCall) -> Verdict:
        await daemon.judge(call)
        try:
            return await asyncio.Future()
        finally:
            withdrawn.set()

    daemon, withdrawn = Daemon(), asyncio.Event()
    async with playing(tmp_path, play) as path, link(path).session(TASK, judge, daemon.record):
        await withdrawn.wait()


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"x" * 100_000 + b"\n",
        encode(Serving()),
        encode(Answer(1, True, "")),
        encode(Ask(1, "a.example", 443)) * 2,
        encode(Opened(99, "10.0.0.1")),
        b"".join(encode(Ask(n, "a.example", 443)) for n in range(100)),
        encode(Ask(1, "a", 1))[:-1],
    ],
)
async def test_a_proxy_that_cannot_be_understood_is_not_listened_to(
    tmp_path: Path, line: bytes
) -> None:
    async def play(peer: Peer) -> None:
        peer.writer.write(line)
        peer.writer.write_eof()
        await peer.reader.read()

    async def never(_call: ToolCall) -> Verdict:
        return await asyncio.Future()

    async with playing(tmp_path, play) as path:
        async with link(path).session(TASK, never, Daemon().record) as egress:
            while not egress.trouble:
                await asyncio.sleep(0)
        assert "cannot be understood" in egress.trouble


async def test_why_a_session_is_served_no_more_is_passed_on(tmp_path: Path) -> None:
    async def play(peer: Peer) -> None:
        peer.say(NotServed("a descriptor came that is no socket"))

    async with (
        playing(tmp_path, play) as path,
        link(path).session(TASK, Daemon().judge, Daemon().record) as egress,
    ):
        while not egress.trouble:
            await asyncio.sleep(0)
    assert egress.trouble.endswith("a descriptor came that is no socket")


async def test_a_record_that_cannot_be_made_ends_nothing(tmp_path: Path) -> None:
    async def play(peer: Peer) -> None:
        peer.say(Ask(1, "a.example", 443))
        await peer.hears()
        peer.say(Closed(1, 0, 0, 0, ""), Ask(2, "b.example", 443))
        assert await peer.hears() == Answer(2, False, DENIED)
        done.set()
        await peer.hears_the_end()

    async def record(_event: Event) -> None:
        raise AuditUnavailable("the disk is full")

    daemon, done = Daemon(allowed={"a.example:443"}), asyncio.Event()
    async with playing(tmp_path, play) as path, link(path).session(TASK, daemon.judge, record):
        await done.wait()


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (NotServed("user id 5 may not"), "does not open a session: user id 5 may not"),
        (Ask(1, "a", 1), "does not open a session: Ask"),
        (b"hello\n", "does not open a session: the line is not JSON"),
        (b"", "does not open a session"),
    ],
)
async def test_a_session_that_is_not_opened_is_no_task(
    tmp_path: Path, first: Message | bytes, why: str
) -> None:
    async with playing(tmp_path, nothing, first) as path:
        with pytest.raises(AgentFailed, match=why):
            async with link(path).session(TASK, Daemon().judge, Daemon().record):
                pytest.fail("it was entered")


async def test_where_nobody_listens_there_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(AgentFailed, match="dispatch-egress does not answer at"):
        async with link(tmp_path / "nobody").session(TASK, Daemon().judge, Daemon().record):
            pytest.fail("it was entered")


async def test_somebody_else_at_the_socket_is_told_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "egress"))
        listener.listen()
        strict = EgressLink(tmp_path / "egress", {os.getuid() + 1})
        with pytest.raises(AgentFailed, match=f"served by user id {os.getuid()}"):
            async with strict.session(TASK, Daemon().judge, Daemon().record):
                pytest.fail("it was entered")
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(1) == b""


async def test_what_the_body_raises_comes_out_as_it_is(tmp_path: Path) -> None:
    async with playing(tmp_path, until_the_end) as path:
        with pytest.raises(AgentFailed, match="as it is"):
            async with link(path).session(TASK, Daemon().judge, Daemon().record):
                raise AgentFailed("as it is")
