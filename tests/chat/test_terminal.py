"""The local socket, spoken to by the client that `dispatchctl` uses and by rude ones."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from appliance.app.control_client import ControlClient, Refused
from appliance.chat import terminal
from appliance.chat.terminal import MAX_LINE_BYTES, TerminalChat
from appliance.core.model import (
    Attachment,
    Button,
    JobId,
    Json,
    Message,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    Progress,
    Reply,
    Rich,
    UserName,
)
from appliance.errors import ApplianceError, ChatRefused, ChatUnavailable, ConfigError
from appliance.host.clock import SystemClock
from tests.chat.web.running import Inbox

ANNA = UserName("anna")
HERE = Place(Platform.TERMINAL, ANNA)
SAY = {"v": 1, "type": "say", "id": "0123456789", "text": "/status"}


async def _status(user: UserName) -> dict[str, Json]:
    return {"user": user, "running": 0}


async def _broken(user: UserName) -> dict[str, Json]:
    raise ConfigError("not today", hint="try tomorrow")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def chat(path: Path) -> TerminalChat:
    queries = {"status": _status, "broken": _broken}
    return TerminalChat(path, {os.getuid(): ANNA}, SystemClock(), queries)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@asynccontextmanager
async def serving(chat: TerminalChat, inbox: Inbox) -> AsyncIterator[None]:
    is_ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(chat.run(inbox, is_ready.set))
        async with asyncio.timeout(10):
            await is_ready.wait()
        try:
            yield
        finally:
            running.cancel()


@pytest.fixture
async def served(chat: TerminalChat, inbox: Inbox) -> AsyncIterator[TerminalChat]:
    async with serving(chat, inbox):
        yield chat


async def exchange(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Everything that is answered to these lines before the other side hangs up, or we do."""
    return await asyncio.to_thread(_exchange, path, lines)


def _exchange(path: Path, lines: Iterable[bytes]) -> list[dict[str, Any]]:
    answers = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        with suppress(ConnectionError):  # hung up on while we were still talking
            client.sendall(b"".join(lines))
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while received := client.recv(65536):
                answers += received
    return [json.loads(answer) for answer in answers.splitlines()]


def line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def post(number: int, text: str, kind: PostKind = PostKind.NEW, **reply: Any) -> Post:
    return Post(PostId(number), HERE, kind, Reply(Rich(text), **reply))


# --- with the real client


async def test_a_question_is_answered(served: TerminalChat, path: Path) -> None:
    def ask() -> dict[str, Any]:
        with ControlClient(path) as client:
            return client.ask("status")

    assert await asyncio.to_thread(ask) == {"user": "anna", "running": 0}


async def test_a_question_that_fails_says_why(served: TerminalChat, path: Path) -> None:
    def ask() -> None:
        with ControlClient(path) as client:
            client.ask("broken")

    with pytest.raises(Refused, match="not today") as refused:
        await asyncio.to_thread(ask)
    assert refused.value.hint == "try tomorrow"


async def test_a_text_is_stored_and_its_answer_comes_back(
    served: TerminalChat, path: Path, inbox: Inbox
) -> None:
    def converse() -> list[dict[str, Any]]:
        with ControlClient(path) as client:
            client.say("/run it")
            posts = client.posts(10)
            return [next(posts) for _ in range(3)]

    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(asyncio.to_thread(converse))
        message = await inbox.next()
        assert isinstance(message, Message)
        assert (message.text, message.place, str(message.sender)) == (
            "/run it",
            HERE,
            f"terminal:{os.getuid()}",
        )
        assert message.key.startswith("terminal:anna:")
        buttons = ((Button("Approve", "a:k7m2p9qd"),),)
        attachment = Attachment("a.diff", b"\x00+")
        await served.send(post(7, "May it?", buttons=buttons))
        served.show(Progress(JobId(3), HERE, Reply(Rich("Bash: ls"))))
        await served.send(post(8, "done", attachment=attachment))
    question, progress, answer = talking.result()
    assert (question["id"], question["post"]) == ("post-7", "new")
    assert question["text"] == "May it?\nApprove: /approve k7m2p9qd"
    assert (progress["type"], progress["text"]) == ("progress", "Bash: ls")
    assert base64.b64decode(answer["file"]["base64"]) == b"\x00+"


async def test_what_was_said_meanwhile_is_not_lost(
    served: TerminalChat, path: Path, inbox: Inbox
) -> None:
    def converse() -> dict[str, Any]:
        with ControlClient(path) as client:
            client.say("hello")
            return next(client.posts(10))

    inbox.before = lambda: served.send(post(1, "in between"))
    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(asyncio.to_thread(converse))
    assert talking.result()["text"] == "in between"


async def test_a_daemon_that_is_not_there_is_said_in_one_sentence(path: Path) -> None:
    with pytest.raises(ChatUnavailable, match="dispatchd is not running"), ControlClient(path):
        pass


async def test_a_daemon_that_does_not_answer_is_not_waited_for(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with (
            ControlClient(path, timeout_seconds=0.05) as client,
            pytest.raises(ChatUnavailable, match=r"did not answer within 0\.05 s"),
        ):
            client.ask("status")


async def test_a_stopping_daemon_hangs_up(chat: TerminalChat, path: Path, inbox: Inbox) -> None:
    def watch() -> None:
        with ControlClient(path) as client:
            client.say("hello")
            for _ in client.posts(10):
                pass

    async with asyncio.TaskGroup() as tasks, serving(chat, inbox):
        watching = tasks.create_task(asyncio.to_thread(_outcome_of, watch))
        await inbox.next()
    assert isinstance(watching.result(), ChatUnavailable)
    assert not path.exists()


def _outcome_of(act: Callable[[], None]) -> ApplianceError | None:
    try:
        act()
    except ApplianceError as error:
        return error
    return None


# --- without it


async def test_stored_is_said_only_when_it_is(
    served: TerminalChat, path: Path, inbox: Inbox
) -> None:
    inbox.is_broken = True
    (answer,) = await exchange(path, line(SAY))
    assert (answer["type"], answer["text"]) == ("error", "the disk is full")
    inbox.is_broken = False
    (answer,) = await exchange(path, line(SAY))
    assert answer == {"v": 1, "type": "stored", "id": SAY["id"]}


@pytest.mark.parametrize(
    "request_line",
    [
        b"\n",
        b"hello\n",
        b"\xff\n",
        b"[]\n",
        b"[" * 100_000 + b"\n",
        line({"type": "say"}),
        line({**SAY, "v": 2}),
        line({**SAY, "user": "root"}),
        line({**SAY, "id": "no good"}),
        line({**SAY, "text": 7}),
        line({"v": 1, "type": "shutdown"}),
        line({"v": 1, "type": "status", "more": 1}),
        line({**SAY, "text": "x" * MAX_LINE_BYTES}),
    ],
)
async def test_what_is_not_understood_gets_one_sentence_and_is_hung_up_on(
    served: TerminalChat, path: Path, inbox: Inbox, request_line: bytes
) -> None:
    (answer,) = await exchange(path, request_line, line(SAY))
    assert answer["type"] == "error"
    assert answer["text"]
    assert inbox.taken.empty()


async def test_half_a_surrogate_pair_can_be_stored(
    served: TerminalChat, path: Path, inbox: Inbox
) -> None:
    await exchange(path, line({**SAY, "text": "a\ud800b"}))
    message = await inbox.next()
    assert isinstance(message, Message)
    assert message.text == "a\ufffdb"


async def test_a_stranger_is_told_why_he_is_hung_up_on(path: Path, inbox: Inbox) -> None:
    def ask() -> None:
        with ControlClient(path) as client:
            client.ask("status")

    chat = TerminalChat(path, {os.getuid() + 1: ANNA}, SystemClock(), {"status": _status})
    async with serving(chat, inbox):
        outcome = await asyncio.to_thread(_outcome_of, ask)
    assert isinstance(outcome, Refused)
    assert outcome.message == f"user id {os.getuid()} of this machine is nobody in dispatch.toml"
    assert outcome.hint == f"an administrator can add unix = [{os.getuid()}] to a user there"


async def test_silence_is_hung_up_on(
    served: TerminalChat, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "FIRST_LINE_SECONDS", 0.01)
    reader, writer = await asyncio.open_unix_connection(str(path))
    async with asyncio.timeout(10):
        answer = json.loads(await reader.read())
    writer.close()
    assert "nothing was asked" in answer["text"]


async def test_a_terminal_that_does_not_read_is_hung_up_on(
    served: TerminalChat, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "MAX_UNREAD_BYTES", 1000)
    reader, writer = await asyncio.open_unix_connection(str(path), limit=100)
    writer.write(line(SAY))
    await reader.readline()
    for number in range(1, 20):
        await served.send(post(number, "x" * 100_000))
    with suppress(ConnectionError):
        async with asyncio.timeout(10):
            while await reader.read(100_000):
                pass
    writer.close()
    assert await served.send(post(20, "nobody listens")) == "post-20"


async def test_a_post_that_nobody_watches_is_delivered(served: TerminalChat) -> None:
    assert await served.send(post(1, "hello")) == "post-1"


async def test_a_post_is_found_once_it_was_shown(served: TerminalChat) -> None:
    assert await served.find(post(1, "hello")) is None
    await served.send(post(1, "hello"))
    assert await served.find(post(1, "hello")) == "post-1"


async def test_a_post_for_nobody_is_refused_for_good(served: TerminalChat) -> None:
    place = Place(Platform.TERMINAL, "mallory")
    with pytest.raises(ChatRefused, match="no local user called mallory"):
        await served.send(Post(PostId(1), place, PostKind.NEW, Reply(Rich("x"))))


async def test_the_socket_is_for_its_owner_and_group(served: TerminalChat, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o660


async def test_a_socket_left_behind_is_replaced(
    chat: TerminalChat, path: Path, inbox: Inbox
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(chat, inbox):
        assert (await exchange(path, line({"v": 1, "type": "status"})))[0]["type"] == "status"


async def test_the_socket_of_a_living_daemon_is_left_alone(
    served: TerminalChat, path: Path
) -> None:
    second = TerminalChat(path, {}, SystemClock(), {})
    with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="another program listens")):
        await second.run(Inbox(), lambda: None)
    assert (await exchange(path, line({"v": 1, "type": "status"})))[0]["type"] == "status"


async def test_a_path_that_cannot_be_a_socket_is_said_in_one_sentence(tmp_path: Path) -> None:
    chat = TerminalChat(tmp_path / ("x" * 200), {}, SystemClock(), {})
    with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="cannot listen on")):
        await chat.run(Inbox(), lambda: None)
