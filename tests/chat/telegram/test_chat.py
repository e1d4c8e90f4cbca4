"""`TelegramChat` with the real aiogram client against the Bot API emulator."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.chat.telegram.budget import KEPT, PRIVATE
from appliance.chat.telegram.chat import PROBED_MESSAGES, TelegramChat
from appliance.core.model import (
    Attachment,
    Button,
    JobId,
    Message,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    Progress,
    Reply,
    Rich,
    Sender,
    Span,
    Style,
    Urgency,
)
from appliance.errors import ChatRefused, ChatUnavailable, ConfigError
from tests.contracts.chat_harness import Inbox, running
from tests.emulators.telegram import TelegramEmulator
from tests.fakes_clock import HurriedClock

HERE = Place(Platform.TELEGRAM, "42")
BUTTONS = ((Button("Stop", "s:1"),),)
BOLD = Rich("bold", (Span(Style.BOLD, 0, 4),))
SECRET = "123456:AAHsecret-secret_secret"

Make = Callable[[], TelegramChat]


@pytest.fixture
def clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator(SECRET) as emulator:
        emulator.add_chat(42)
        yield emulator


@pytest.fixture
async def make(
    telegram: TelegramEmulator, tmp_path: Path, clock: HurriedClock
) -> AsyncIterator[Make]:
    made: list[TelegramChat] = []

    def make_one() -> TelegramChat:
        known = Sender(Platform.TELEGRAM, "42")
        chat = TelegramChat(SECRET, telegram.url, lambda i: i.sender == known, tmp_path, clock)
        made.append(chat)
        return made[-1]

    yield make_one
    for chat in made:
        await chat.close()


@pytest.fixture
def chat(make: Make) -> TelegramChat:
    return make()


def post(
    body: Rich,
    kind: PostKind = PostKind.NEW,
    message_id: str = "",
    after_id: str = "",
    place: Place = HERE,
) -> Post:
    return Post(PostId(1), place, kind, Reply(body), message_id, after_id)


# receiving


async def test_an_update_is_confirmed_only_after_it_is_stored(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    inbox = Inbox()
    inbox.failures = 2
    async with running(chat, inbox):
        telegram.user_says(42, "hello")
        (message,) = await inbox.until(1)
        await telegram.until(lambda: 2 in telegram.offsets)
    assert message.key == "telegram:123456:1"
    assert telegram.offsets == [0, 0, 0, 2]


async def test_after_a_crash_the_same_updates_come_with_the_same_keys(
    make: Make, telegram: TelegramEmulator
) -> None:
    telegram.user_says(42, "hello")
    seen: list[str] = []

    async def crash(batch: object) -> None:
        assert isinstance(batch, list)
        seen.append(batch[0].key)
        raise MemoryError

    with pytest.raises(BaseExceptionGroup):
        await make().run(crash, lambda: None)
    inbox = Inbox()
    async with running(make(), inbox):
        (message,) = await inbox.until(1)
    assert seen == [message.key]


async def test_a_second_poller_of_the_same_bot_does_not_start(make: Make) -> None:
    async with running(make(), Inbox()):
        with pytest.raises(ConfigError, match="another process on this machine"):
            await make().run(Inbox(), lambda: None)


async def test_ready_does_not_wait_for_the_network(
    telegram: TelegramEmulator, tmp_path: Path, clock: HurriedClock
) -> None:
    nowhere = TelegramChat(SECRET, "http://127.0.0.1:1", lambda _: True, tmp_path, clock)
    async with running(nowhere, Inbox()):
        """Ready."""
    await nowhere.close()


async def test_trouble_of_every_kind_passes(
    chat: TelegramChat, telegram: TelegramEmulator, clock: HurriedClock
) -> None:
    telegram.fail("getUpdates", 502)
    telegram.fail("getUpdates", 409, "Conflict: terminated by other getUpdates request")
    telegram.fail("getUpdates", 429, retry_after=40)
    telegram.fail("getUpdates", 401, "Unauthorized")
    telegram.lose("getUpdates", after_effect=False)
    telegram.lose("getUpdates", after_effect=True)
    telegram.user_says(42, "hello")
    inbox = Inbox()
    async with running(chat, inbox):
        (message,) = await inbox.until(1)
    assert isinstance(message, Message)
    assert message.text == "hello"
    assert 40 in clock.naps


async def test_strangers_are_counted_and_confirmed(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    async with running(chat, Inbox()):
        telegram.user_says(666, "let me in")
        telegram.user_presses({"message_id": 1, "chat": {"id": 666}}, "a:1", user_id=666)
        await telegram.until(lambda: 3 in telegram.offsets)
    assert chat.strangers == 2
    assert telegram.calls == []


async def test_a_burst_of_a_thousand_messages_comes_in_whole_and_in_order(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    for number in range(1000):
        telegram.user_says(42, str(number))
    inbox = Inbox()
    async with running(chat, inbox):
        messages = await inbox.until(1000)
    assert [m.text for m in messages if isinstance(m, Message)] == [str(n) for n in range(1000)]


async def test_a_text_that_the_client_cut_comes_in_whole(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    for text in ("x" * 4096, "y" * 4096, "z"):
        telegram.user_says(42, text, date=1_700_000_000)
    inbox = Inbox()
    async with running(chat, inbox):
        (message,) = await inbox.until(1)
    assert isinstance(message, Message)
    assert message.text == "x" * 4096 + "y" * 4096 + "z"
    assert message.joined == ("telegram:123456:2", "telegram:123456:3")


# sending


async def test_formatting_that_telegram_rejects_does_not_cost_the_words(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    telegram.fail("sendMessage", 400, "Bad Request: can't parse entities: nested")
    await chat.send(post(BOLD))
    (message,) = telegram.sent(42)
    assert (message["text"], message["entities"]) == ("bold", [])


async def test_another_refusal_is_not_tried_again(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    telegram.fail("sendMessage", 403, "Forbidden: bot was blocked by the user")
    with pytest.raises(ChatRefused, match="blocked"):
        await chat.send(post(BOLD))
    assert len(telegram.calls) == 1


async def test_no_call_is_made_while_telegram_wants_none(
    chat: TelegramChat, telegram: TelegramEmulator, clock: HurriedClock
) -> None:
    telegram.fail("sendMessage", 429, retry_after=30)
    for _ in range(2):
        with pytest.raises(ChatUnavailable) as caught:
            await chat.send(post(BOLD))
        assert caught.value.retry_after_seconds == 30
        assert not caught.value.is_in_doubt
    assert len(telegram.calls) == 1
    clock.advance(30)
    await chat.send(post(BOLD))


async def test_posts_beyond_the_burst_wait_for_the_budget(
    chat: TelegramChat, telegram: TelegramEmulator, clock: HurriedClock
) -> None:
    began = clock.monotonic()
    for _ in range(PRIVATE.burst + 4):
        await chat.send(post(BOLD))
    assert clock.monotonic() - began == pytest.approx(4, abs=1)


async def test_a_message_with_a_file_is_changed_by_its_caption(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    reply = Reply(Rich("May I?"), BUTTONS, Attachment("input.txt", b"rm"))
    number = await chat.send(replace(post(BOLD), reply=reply))
    edit = post(Rich("Denied " * 500), PostKind.EDIT, number)
    assert await chat.send(edit) == number
    assert await chat.send(edit) == number
    (message,) = telegram.sent(42)
    assert message["caption"].startswith("Denied")
    assert "reply_markup" not in message


async def test_a_click_is_answered_even_by_another_process(
    make: Make, telegram: TelegramEmulator
) -> None:
    inbox = Inbox()
    async with running(make(), inbox):
        telegram.user_presses({"message_id": 1, "chat": {"id": 42}}, "a:1", click_id="777")
        (click,) = await inbox.until(1)
    await make().send(post(Rich("Too late"), PostKind.TOAST, click.key))
    assert telegram.clicks == {"777": "Too late"}


# finding


async def test_looking_for_a_post_changes_nothing(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    before = await chat.send(post(Rich("before")))
    telegram.user_says(42, "in between")
    telegram.user_says(43, "elsewhere")
    text = replace(post(BOLD), reply=Reply(BOLD, BUTTONS))
    number = await chat.send(text)
    seen = [dict(message) for message in telegram.sent(42)]
    assert await chat.find(replace(text, after_id=before)) == number
    assert telegram.sent(42) == seen


async def test_a_file_is_found(chat: TelegramChat, telegram: TelegramEmulator) -> None:
    before = await chat.send(post(Rich("before")))
    file = replace(post(BOLD), reply=Reply(Rich(""), BUTTONS, Attachment("a.txt", b"a")))
    number = await chat.send(file)
    assert await chat.find(replace(file, after_id=before)) == number


async def test_looking_ends_after_some_numbers(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    assert await chat.find(post(BOLD, after_id="1000")) is None
    probes = [call for call in telegram.calls if call["method"] == "editMessageCaption"]
    assert len(probes) == PROBED_MESSAGES


async def test_without_a_known_number_there_is_nothing_to_look_for(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    assert await chat.find(post(BOLD)) is None
    assert await chat.find(post(BOLD, PostKind.EDIT, "1", "1")) is None
    assert telegram.calls == []


async def test_in_a_forum_another_topic_s_message_is_not_taken_for_ours(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    telegram.add_chat(-100, is_forum=True)
    await chat.send(post(BOLD, place=Place(Platform.TELEGRAM, "-100", "17")))
    lost = post(BOLD, after_id="0", place=Place(Platform.TELEGRAM, "-100", "18"))
    assert await chat.find(lost) is None


async def test_when_nothing_can_be_found_out_it_says_so(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    telegram.fail("editMessageCaption", 502)
    with pytest.raises(ChatUnavailable):
        await chat.find(post(BOLD, after_id="1"))


# progress


async def test_progress_keeps_the_buttons_of_the_message(
    chat: TelegramChat, telegram: TelegramEmulator
) -> None:
    number = await chat.send(replace(post(BOLD), reply=Reply(Rich("Job 1 started"), BUTTONS)))
    async with running(chat, Inbox()):
        chat.show(Progress(JobId(1), HERE, Reply(Rich("Job 1 reads a.py"), BUTTONS), number))
        await telegram.wait_for("editMessageText")
    (message,) = telegram.sent(42)
    assert message["text"] == "Job 1 reads a.py"
    assert message["reply_markup"]["inline_keyboard"][0][0]["text"] == "Stop"


async def test_progress_leaves_the_budget_to_answers(
    chat: TelegramChat, telegram: TelegramEmulator, clock: HurriedClock
) -> None:
    number = await chat.send(post(Rich("Job 1 started")))
    began = clock.monotonic()
    for _ in range(PRIVATE.burst - 1):
        await chat.send(post(BOLD))
    chat.show(Progress(JobId(1), HERE, Reply(Rich("reads a.py")), number))
    async with running(chat, Inbox()):
        await telegram.wait_for("editMessageText")
    assert clock.monotonic() - began >= PRIVATE.burst * KEPT[Urgency.SPARE] - 1


# secrets and settings


async def test_the_token_is_in_no_log_and_no_error(
    telegram: TelegramEmulator,
    tmp_path: Path,
    clock: HurriedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for address in (telegram.url, "http://127.0.0.1:1", "http://[::bad"):
        lost = TelegramChat(SECRET, address, lambda _: True, tmp_path, clock)
        telegram.fail("getUpdates", 500, times=2)
        telegram.lose("sendMessage", after_effect=False)
        with pytest.raises(ChatUnavailable) as caught:
            await lost.send(post(BOLD))
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        async with running(lost, Inbox()):
            while len(clock.naps) < 2:
                await clock.sleep(0)
        await lost.close()
    assert "AAHsecret" not in caplog.text


@pytest.mark.parametrize("token", ["", "123456", "abc:def", "1:a b", "1:a\n"])
def test_a_token_that_is_none_is_refused_without_being_shown(
    token: str, tmp_path: Path, clock: HurriedClock
) -> None:
    with pytest.raises(ConfigError, match="form of one") as caught:
        TelegramChat(token, "https://api.telegram.org", lambda _: True, tmp_path, clock)
    assert not token or token not in caught.value.message
