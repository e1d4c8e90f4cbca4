"""The port `Chat`, kept by the two chats that need no platform: the web page and the terminal.

`test_chat` is about chats whose far side numbers the messages and can fail on its own; here both
ends are ours: a post's own number names its message, so sending it twice shows it once.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from appliance.chat.terminal import TerminalChat
from appliance.chat.web.server import WebChat
from appliance.core.model import (
    Attachment,
    Button,
    JobId,
    Markdown,
    Message,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    Progress,
    Reply,
    Rich,
)
from appliance.errors import ChatRefused
from appliance.host.clock import SystemClock
from appliance.ports import Chat
from tests.chat.web.memory_transcript import MemoryTranscript
from tests.chat.web.running import ANNA, Inbox, logged_in, running, web_chat

ID = "0123456789abcdef"
BUTTONS = ((Button("Stop", "s:1"),),)


class FarSide(Protocol):
    """What a person has in front of them."""

    async def say(self, text: str) -> str:
        """Send under the same id each time; returns the type of the answer."""

    async def next_text(self) -> str:
        """The next text that is shown."""

    async def next_sign(self) -> str:
        """The next sign on what was said."""


class Harness(Protocol):
    chat: Chat

    def open(self, inbox: Inbox) -> Any:
        """A context with the chat running and a `FarSide`."""


class _Lines:
    """A far side that speaks JSON objects."""

    def __init__(
        self,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        receive: Callable[[], Awaitable[dict[str, Any]]],
    ) -> None:
        self._send = send
        self._receive = receive

    async def say(self, text: str) -> str:
        await self._send({"type": "say", "id": ID, "text": text})
        return await self._next("type", "stored", "later", "error")

    async def next_text(self) -> str:
        while True:
            frame = await self._receive()
            if frame["type"] in ("message", "post") and frame.get("from") != "user":
                return str(frame["text"])

    async def next_sign(self) -> str:
        while True:
            frame = await self._receive()
            if frame.get("post") == "mark":
                return str(frame["text"])
            if frame["type"] == "message" and "sign" in frame:
                return str(frame["sign"])

    async def _next(self, key: str, *values: str) -> str:
        while True:
            frame = await self._receive()
            if frame[key] in values:
                return str(frame[key])


class WebHarness:
    def __init__(self, directory: Path) -> None:
        self.chat: WebChat = web_chat(directory, MemoryTranscript())

    @asynccontextmanager
    async def open(self, inbox: Inbox) -> AsyncIterator[FarSide]:
        async with (
            running(self.chat, inbox) as base,
            logged_in(self.chat, base) as client,
            client.ws_connect("/socket") as page,
        ):
            yield _Lines(page.send_json, lambda: page.receive_json(timeout=10))


class TerminalHarness:
    def __init__(self, directory: Path) -> None:
        self._path = directory / "control.sock"
        self.chat = TerminalChat(self._path, {os.getuid(): ANNA}, SystemClock(), {})

    @asynccontextmanager
    async def open(self, inbox: Inbox) -> AsyncIterator[FarSide]:
        is_ready = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(self.chat.run(inbox, is_ready.set))
            await is_ready.wait()
            reader, writer = await asyncio.open_unix_connection(str(self._path), limit=10**7)

            async def send(frame: dict[str, Any]) -> None:
                writer.write(json.dumps({"v": 1, **frame}).encode() + b"\n")

            async def receive() -> dict[str, Any]:
                async with asyncio.timeout(10):
                    frame: dict[str, Any] = json.loads(await reader.readline())
                return frame

            try:
                yield _Lines(send, receive)
            finally:
                writer.close()
                serving.cancel()


@pytest.fixture(params=[WebHarness, TerminalHarness])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    made: Harness = request.param(tmp_path)
    return made


def post(
    chat: Chat, number: int, text: str, kind: PostKind = PostKind.NEW, message_id: str = ""
) -> Post:
    place = Place(chat.platform, ANNA)
    return Post(PostId(number), place, kind, Reply(Rich(text)), message_id)


async def test_a_message_is_confirmed_only_once_it_is_taken(harness: Harness) -> None:
    inbox = Inbox()
    async with harness.open(inbox) as far_side:
        inbox.is_broken = True
        assert await far_side.say("hello") != "stored"
        inbox.is_broken = False
        assert await far_side.say("hello") == "stored"
    message = await inbox.next()
    assert isinstance(message, Message)
    assert (message.text, message.sender.platform) == ("hello", harness.chat.platform)
    assert message.place == Place(harness.chat.platform, ANNA)


async def test_the_same_message_has_the_same_key(harness: Harness) -> None:
    inbox = Inbox()
    async with harness.open(inbox) as far_side:
        await far_side.say("hello")
        await far_side.say("hello")
    assert len(inbox.keys) == 2
    assert len(set(inbox.keys)) == 1
    assert inbox.keys[0].startswith(f"{harness.chat.platform}:")


async def test_a_post_arrives_and_is_found(harness: Harness) -> None:
    chat = harness.chat
    async with harness.open(Inbox()) as far_side:
        await far_side.say("hello")
        assert await chat.find(post(chat, 1, "answer")) is None
        message_id = await chat.send(post(chat, 1, "answer"))
        assert await far_side.next_text() == "answer"
        assert message_id
        assert await chat.find(post(chat, 1, "answer")) == message_id


async def test_an_edit_arrives_and_keeps_the_message_s_id(harness: Harness) -> None:
    chat = harness.chat
    async with harness.open(Inbox()) as far_side:
        await far_side.say("hello")
        message_id = await chat.send(post(chat, 1, "started"))
        edit = post(chat, 2, "done", PostKind.EDIT, message_id)
        assert await far_side.next_text() == "started"
        assert await chat.find(edit) is None
        assert await chat.send(edit) == message_id
        assert await far_side.next_text() == "done"
        assert await chat.find(edit) == message_id


async def test_posts_arrive_in_order(harness: Harness) -> None:
    async with harness.open(Inbox()) as far_side:
        await far_side.say("hello")
        for number in range(1, 51):
            await harness.chat.send(post(harness.chat, number, str(number)))
        assert [await far_side.next_text() for _ in range(50)] == [str(n) for n in range(1, 51)]


async def test_a_post_for_somebody_unknown_is_given_up(harness: Harness) -> None:
    place = Place(harness.chat.platform, "mallory")
    with pytest.raises(ChatRefused):
        await harness.chat.send(Post(PostId(1), place, PostKind.NEW, Reply(Rich("x"))))


async def test_a_mark_is_seen_and_names_the_message(harness: Harness) -> None:
    inbox = Inbox()
    async with harness.open(inbox) as far_side:
        await far_side.say("hello")
        message = await inbox.next()
        assert isinstance(message, Message)
        mark = post(harness.chat, 1, "👀", PostKind.MARK, message.message_id)
        assert await harness.chat.find(mark) is None
        assert await harness.chat.send(mark) == message.message_id
        assert await far_side.next_sign() == "👀"


async def test_toasts_and_progress_need_nobody_to_see_them(harness: Harness) -> None:
    chat = harness.chat
    toast = post(chat, 1, "Too late.", PostKind.TOAST, f"{chat.platform}:{ANNA}:{ID}")
    assert await chat.send(toast)
    chat.show(Progress(JobId(1), Place(chat.platform, ANNA), Reply(Rich("Bash: ls"))))
    chat.show(
        Progress(JobId(1), Place(Platform.TELEGRAM, "4711"), Reply(Rich("not for this chat")))
    )


@pytest.mark.parametrize(
    "reply",
    [
        Reply(Rich("")),
        Reply(Rich("\ud800\x00"), BUTTONS, Attachment("a.txt", b"a")),
        Reply(Markdown("# Title\n\n*text* with `code`"), BUTTONS),
        Reply(Markdown("long " * 100_000), BUTTONS),
        Reply(Rich("long " * 100_000), BUTTONS, Attachment("own.txt", b"own")),
    ],
)
def test_preparing_is_pure_and_loses_nothing(harness: Harness, reply: Reply) -> None:
    parts = harness.chat.prepare(reply)
    assert parts == harness.chat.prepare(reply)
    assert all(isinstance(part.body, Rich) for part in parts)
    assert [part.buttons for part in parts] == [()] * (len(parts) - 1) + [reply.buttons]
    files = [part.attachment for part in parts if part.attachment]
    assert reply.attachment is None or reply.attachment in files
    assert all(part.body.text or part.attachment for part in parts)
    if len(reply.body.text) > 100_000:
        assert files[0].content.decode() == reply.body.text
