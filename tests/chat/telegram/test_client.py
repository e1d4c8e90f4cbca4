from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.telegram.client import (
    MAX_ENTITIES,
    MODELS,
    Client,
    RawSendMessage,
    entities,
    meaning,
)
from appliance.core.model import (
    Attachment,
    Button,
    Place,
    Platform,
    Rich,
    Span,
    Style,
)
from appliance.errors import ChatRefused, ChatUnavailable
from tests.emulators.telegram import TelegramEmulator

HERE = Place(Platform.TELEGRAM, "42")
BUTTONS = ((Button("Approve", "a:1"), Button("Deny", "d:1")),)
# `import aiogram.exceptions` would load all of aiogram, which the client does not
exceptions = sys.modules["aiogram.exceptions"]
METHOD = RawSendMessage(chat_id=1, text="x")


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator() as emulator:
        emulator.add_chat(42)
        yield emulator


@pytest.fixture
async def client(telegram: TelegramEmulator) -> AsyncIterator[Client]:
    made = Client(telegram.token, telegram.url)
    yield made
    await made.close()


async def test_a_text_goes_out_with_entities_buttons_and_no_preview(
    client: Client, telegram: TelegramEmulator
) -> None:
    spans = (
        Span(Style.BOLD, 1, 2),
        Span(Style.PRE, 3, 1, "py"),
        Span(Style.LINK, 4, 1, "https://x.org"),
    )
    place = Place(Platform.TELEGRAM, "42", "17")
    number = await client.send_text(place, Rich("\U0001f600abcd", spans), BUTTONS)
    (message,) = telegram.sent(42)
    assert number == str(message["message_id"])
    assert message["text"] == "\U0001f600abcd"
    assert message["message_thread_id"] == 17
    assert message["entities"] == [
        {"type": "bold", "offset": 2, "length": 2},
        {"type": "pre", "offset": 4, "length": 1, "language": "py"},
        {"type": "text_link", "offset": 5, "length": 1, "url": "https://x.org"},
    ]
    assert message["reply_markup"]["inline_keyboard"] == [
        [{"text": "Approve", "callback_data": "a:1"}, {"text": "Deny", "callback_data": "d:1"}]
    ]
    params = telegram.calls[0]["params"]
    assert params["link_preview_options"] == {"is_disabled": True}
    assert "parse_mode" not in params


async def test_a_file_goes_out_with_its_caption(client: Client, telegram: TelegramEmulator) -> None:
    file = Attachment("answer.md", b"# \xff")
    await client.send_file(HERE, Rich("all", (Span(Style.BOLD, 0, 3),)), BUTTONS, file)
    (message,) = telegram.sent(42)
    assert message["document"]["file_name"] == "answer.md"
    assert message["caption"] == "all"
    assert list(telegram.calls[0]["files"].values()) == [b"answer.md\n# \xff"]


async def test_a_silent_message_rings_no_phone(client: Client, telegram: TelegramEmulator) -> None:
    await client.send_text(HERE, Rich("loud"), ())
    await client.send_text(HERE, Rich("quiet"), (), silent=True)
    await client.send_file(HERE, Rich("quiet"), (), Attachment("a", b"a"), silent=True)
    loud, *quiet = (call["params"] for call in telegram.calls)
    assert "disable_notification" not in loud
    assert [bool(params["disable_notification"]) for params in quiet] == [True, True]


async def test_a_message_is_changed(client: Client, telegram: TelegramEmulator) -> None:
    number = await client.send_text(HERE, Rich("May I?"), BUTTONS)
    await client.edit_text(HERE, number, Rich("Approved"), ())
    (message,) = telegram.sent(42)
    assert message["text"] == "Approved"
    assert "reply_markup" not in message


async def test_updates_come_as_they_are(client: Client, telegram: TelegramEmulator) -> None:
    telegram.user_says(42, "hello", a_field_of_tomorrow={"x": 1})
    telegram.push({"something_new": {"x": [1]}, "message": {"entities": "not a list"}})
    first, second = await client.updates(0, 0)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["update_id"] == 1
    assert second["message"] == {"entities": "not a list"}


async def test_edited_messages_are_asked_for(client: Client, telegram: TelegramEmulator) -> None:
    telegram.user_says(42, "hello")
    telegram.user_edits(telegram.messages[42, 1], "something else")
    assert len(await client.updates(0, 0)) == 2


async def test_an_answer_is_shown_under_what_it_answers_and_without_it_where_that_is_gone(
    client: Client, telegram: TelegramEmulator
) -> None:
    telegram.user_says(42, "hello")
    await client.send_text(HERE, Rich("one"), (), answers="1")
    await client.send_text(HERE, Rich("two"), (), answers="999")
    first, second = telegram.sent(42)
    assert first["reply_to_message"]["message_id"] == 1
    assert "reply_to_message" not in second


async def test_a_sign_that_telegram_does_not_have_is_refused(
    client: Client, telegram: TelegramEmulator
) -> None:
    telegram.user_says(42, "hello")
    with pytest.raises(ChatRefused, match="REACTION_INVALID"):
        await client.react(HERE, "1", "🦖")
    await client.react(HERE, "1", "👀")
    assert telegram.reactions == {(42, 1): ["👀"]}


async def test_a_forum_is_known(client: Client, telegram: TelegramEmulator) -> None:
    telegram.add_chat(-100, is_forum=True)
    assert await client.is_forum(Place(Platform.TELEGRAM, "-100", "17"))
    assert not await client.is_forum(HERE)


def test_every_model_we_use_is_built() -> None:
    assert all(model.__pydantic_complete__ for model in MODELS)


@settings(deadline=None)
@given(st.text(st.sampled_from("a\U0001f600é\n"), min_size=1, max_size=30), st.data())
def test_an_entity_covers_the_same_characters(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(1, len(text) - start))
    (entity,) = entities(Rich(text, (Span(Style.BOLD, start, length),))) or []
    units = text.encode("utf-16-le")
    covered = units[entity.offset * 2 : (entity.offset + entity.length) * 2]
    assert covered.decode("utf-16-le") == text[start : start + length]


def test_more_entities_than_telegram_takes_are_left_out() -> None:
    spans = tuple(Span(Style.BOLD, index, 1) for index in range(150))
    assert len(entities(Rich("x" * 150, spans)) or []) == MAX_ENTITIES


def network_error(cause: Exception) -> Exception:
    error: Exception = exceptions.TelegramNetworkError(METHOD, "at https://api/bot123456:SECRET/")
    error.__cause__ = cause
    return error


UNREACHABLE = aiohttp.ClientConnectorError(
    connection_key=None,  # type: ignore[arg-type]
    os_error=OSError(111, "refused"),
)


@pytest.mark.parametrize(
    ("error", "is_in_doubt"),
    [
        (network_error(TimeoutError()), True),
        (network_error(aiohttp.ServerDisconnectedError()), True),
        (network_error(UNREACHABLE), False),
        (exceptions.TelegramServerError(METHOD, "Bad Gateway"), True),
        (exceptions.RestartingTelegram(METHOD, "restart"), True),
        (exceptions.TelegramConflictError(METHOD, "Conflict: other getUpdates"), False),
        (exceptions.TelegramUnauthorizedError(METHOD, "Unauthorized"), False),
        (exceptions.TelegramNotFound(METHOD, "Not Found"), False),
        (exceptions.ClientDecodeError("x", ValueError("y"), "<html>"), True),
        (exceptions.TelegramAPIError(METHOD, "teapot"), True),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), True),
    ],
)
def test_what_may_pass_is_tried_again(error: Exception, is_in_doubt: bool) -> None:
    found = meaning(error)
    assert isinstance(found, ChatUnavailable)
    assert found.is_in_doubt is is_in_doubt
    assert found.retry_after_seconds is None
    assert "SECRET" not in str(found)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.TelegramBadRequest(METHOD, "Bad Request: chat not found"), "chat not found"),
        (exceptions.TelegramForbiddenError(METHOD, "bot was blocked"), "bot was blocked"),
        (exceptions.TelegramMigrateToChat(METHOD, "x", -100123), "-100123"),
        (exceptions.TelegramEntityTooLarge(METHOD, "x"), "too large"),
    ],
)
def test_what_will_never_work_is_refused(error: Exception, words: str) -> None:
    found = meaning(error)
    assert isinstance(found, ChatRefused)
    assert words in found.message


async def test_a_pause_that_telegram_asks_for_is_passed_on(
    client: Client, telegram: TelegramEmulator
) -> None:
    telegram.fail("sendMessage", 429, retry_after=17)
    with pytest.raises(ChatUnavailable) as caught:
        await client.send_text(HERE, Rich("x"), ())
    assert caught.value.retry_after_seconds == 17
    assert not caught.value.is_in_doubt


async def test_an_answer_that_is_no_json_is_tried_again() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    client = Client("123456:SECRET", f"http://{host}:{port}")
    async with server:
        with pytest.raises(ChatUnavailable, match="cannot be read"):
            await client.send_text(HERE, Rich("x"), ())
        await client.close()
