"""Files to and from Telegram: whole or with a reason, and the token is in no word about them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.chat.telegram.chat import TelegramChat
from appliance.core.model import (
    Attachment,
    FileKind,
    IncomingFile,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    Reply,
    Rich,
    Span,
    Style,
)
from appliance.errors import ChatRefused, ChatUnavailable
from appliance.host.clock import SystemClock
from tests.emulators.telegram import TelegramEmulator

PLACE = Place(Platform.TELEGRAM, "42")
LOOK = Rich("look")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator() as telegram:
        telegram.add_chat(42)
        yield telegram


@pytest.fixture
async def chat(telegram: TelegramEmulator, tmp_path: Path) -> AsyncIterator[TelegramChat]:
    chat = TelegramChat(telegram.token, telegram.url, lambda _: True, tmp_path, SystemClock())
    yield chat
    await chat.close()


def file(telegram: TelegramEmulator, content: bytes) -> IncomingFile:
    telegram.user_sends_file(42, "a.txt", content)
    return IncomingFile(FileKind.DOCUMENT, list(telegram.files)[-1])


async def fetched(chat: TelegramChat, wanted: IncomingFile) -> bytes:
    return b"".join([chunk async for chunk in chat.fetch(wanted)])


def post(name: str, content: bytes, body: Rich = LOOK) -> Post:
    reply = Reply(body, attachment=Attachment(name, content, is_picture=True))
    return Post(PostId(1), PLACE, PostKind.NEW, reply)


async def test_a_file_arrives_as_it_was_sent(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    content = bytes(range(256)) * 3000
    assert await fetched(chat, file(telegram, content)) == content


async def test_a_file_that_breaks_off_is_not_whole(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    wanted = file(telegram, b"x" * 1000)
    telegram.lose("download", after_effect=False)
    with pytest.raises(ChatUnavailable) as caught:
        await fetched(chat, wanted)
    assert telegram.token not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("code", "error"), [(404, ChatRefused), (500, ChatUnavailable)])
async def test_why_a_file_is_not_handed_out_is_told_without_its_address(
    chat: TelegramChat, telegram: TelegramEmulator, code: int, error: type[Exception]
) -> None:
    wanted = file(telegram, b"x")
    telegram.fail("download", code)
    with pytest.raises(error) as caught:
        await fetched(chat, wanted)
    assert telegram.token not in repr(caught.value)
    assert telegram.url not in str(caught.value)


async def test_a_file_nobody_knows_is_refused(chat: TelegramChat) -> None:
    with pytest.raises(ChatRefused, match="wrong file_id"):
        await fetched(chat, IncomingFile(FileKind.PHOTO, "nonsense"))


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "a?b", "http://x/y", ""])
async def test_an_odd_path_from_telegram_is_not_followed(
    chat: TelegramChat,
    telegram: TelegramEmulator,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    wanted = file(telegram, b"x")
    monkeypatch.setitem(telegram._handlers, "getfile", lambda _p, _f: {"file_path": path})
    with pytest.raises(ChatRefused, match="does not hand out"):
        await fetched(chat, wanted)
    assert telegram.downloads == []


async def test_a_picture_is_sent_as_a_photo(chat: TelegramChat, telegram: TelegramEmulator) -> None:
    await chat.send(post("chart.png", PNG))
    (message,) = telegram.sent(42)
    assert message["caption"] == "look"
    assert telegram.files[message["photo"][-1]["file_id"]] == PNG


async def test_what_telegram_does_not_show_as_a_photo_comes_as_a_file(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    await chat.send(post("chart.png", b"no picture at all"))
    (message,) = telegram.sent(42)
    assert message["document"]["file_name"] == "chart.png"


async def test_rejected_formatting_does_not_cost_the_photo(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    telegram.fail("sendPhoto", 400, "Bad Request: can't parse entities: no")
    await chat.send(post("chart.png", PNG, Rich("look", (Span(Style.BOLD, 0, 4),))))
    (message,) = telegram.sent(42)
    assert "photo" in message
