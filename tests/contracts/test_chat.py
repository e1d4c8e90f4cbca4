"""What every implementation of the port `Chat` keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import (
    Attachment,
    Button,
    Click,
    JobId,
    Markdown,
    Message,
    Post,
    PostId,
    PostKind,
    Progress,
    Reply,
    Rich,
    Sender,
    Span,
    Style,
)
from appliance.errors import ChatRefused, ChatUnavailable
from tests.contracts.chat_harness import HARNESSES, ChatHarness, Inbox, Opener, Seen, running

BUTTONS = ((Button("Approve", "a:1"), Button("Deny", "d:1")),)


@pytest.fixture(params=HARNESSES, ids=lambda opener: opener.__self__.__name__)
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ChatHarness]:
    opener: Opener = request.param
    async with opener(tmp_path) as made:
        yield made


def post(harness: ChatHarness, text: str, **changes: object) -> Post:
    new = Post(PostId(1), harness.place, PostKind.NEW, Reply(Rich(text)))
    return replace(new, **changes)  # type: ignore[arg-type]


async def test_what_a_known_person_says_comes_in(harness: ChatHarness) -> None:
    inbox = Inbox()
    async with running(harness.chat, inbox):
        harness.says("hello")
        (message,) = await inbox.until(1)
    assert isinstance(message, Message)
    assert (message.text, message.sender, message.place) == ("hello", harness.user, harness.place)
    assert message.key.startswith(f"{harness.chat.platform}:")


async def test_a_click_brings_its_token(harness: ChatHarness) -> None:
    inbox = Inbox()
    async with running(harness.chat, inbox):
        harness.clicks("a:k7m2")
        (click,) = await inbox.until(1)
    assert isinstance(click, Click)
    assert (click.token, click.sender, click.place) == ("a:k7m2", harness.user, harness.place)


async def test_strangers_do_not_come_in(harness: ChatHarness) -> None:
    inbox = Inbox()
    async with running(harness.chat, inbox):
        harness.says("let me in", Sender(harness.user.platform, "666"))
        harness.says("hello")
        (message,) = await inbox.until(1)
    assert message.sender == harness.user


async def test_messages_come_in_order_each_with_a_key_of_its_own(harness: ChatHarness) -> None:
    inbox = Inbox()
    async with running(harness.chat, inbox):
        for number in range(20):
            harness.says(str(number))
        messages = await inbox.until(20)
    assert [m.text for m in messages if isinstance(m, Message)] == [str(n) for n in range(20)]
    assert len({message.key for message in messages}) == 20


async def test_what_could_not_be_stored_is_offered_again(harness: ChatHarness) -> None:
    inbox = Inbox()
    inbox.failures = 2
    async with running(harness.chat, inbox):
        harness.says("hello")
        (message,) = await inbox.until(1)
    assert [batch[0].key for batch in inbox.refused] == [message.key] * 2


async def test_what_was_said_while_nobody_listened_comes_in_later(harness: ChatHarness) -> None:
    harness.says("hello")
    inbox = Inbox()
    async with running(harness.chat, inbox):
        (message,) = await inbox.until(1)
    assert isinstance(message, Message)
    assert message.text == "hello"


async def test_posts_are_seen_in_order_with_their_buttons(harness: ChatHarness) -> None:
    first = await harness.chat.send(post(harness, "one"))
    reply = Reply(Rich("two", (Span(Style.BOLD, 0, 3),)), BUTTONS)
    second = await harness.chat.send(post(harness, "", reply=reply))
    assert first != second
    assert harness.posts() == [Seen("one"), Seen("two", ("Approve", "Deny"))]


async def test_a_file_is_seen(harness: ChatHarness) -> None:
    reply = Reply(Rich("the log"), attachment=Attachment("log.txt", b"line"))
    for part in harness.chat.prepare(reply):
        await harness.chat.send(post(harness, "", reply=part))
    assert harness.posts()[-1].file == "log.txt"


async def test_an_edit_replaces_text_and_buttons_and_may_be_repeated(harness: ChatHarness) -> None:
    number = await harness.chat.send(post(harness, "", reply=Reply(Rich("May I?"), BUTTONS)))
    edit = post(harness, "Approved", kind=PostKind.EDIT, message_id=number)
    assert await harness.chat.send(edit) == number
    assert await harness.chat.send(edit) == number
    assert harness.posts() == [Seen("Approved")]


async def test_an_edit_of_a_message_that_is_gone_is_refused(harness: ChatHarness) -> None:
    with pytest.raises(ChatRefused):
        await harness.chat.send(post(harness, "x", kind=PostKind.EDIT, message_id="999"))


async def test_a_click_is_answered(harness: ChatHarness) -> None:
    inbox = Inbox()
    async with running(harness.chat, inbox):
        harness.clicks("a:1")
        (click,) = await inbox.until(1)
    toast = post(harness, "Too late", kind=PostKind.TOAST, message_id=click.key)
    assert await harness.chat.send(toast)
    assert await harness.chat.send(toast)
    assert harness.toasts()[0] == "Too late"


async def test_a_message_is_marked_and_may_be_marked_again(harness: ChatHarness) -> None:
    inbox = Inbox()
    async with running(harness.chat, inbox):
        harness.says("hello")
        (message,) = await inbox.until(1)
    assert isinstance(message, Message)
    mark = post(harness, "👀", kind=PostKind.MARK, message_id=message.message_id)
    for _ in range(2):
        assert await harness.chat.send(mark)
    assert harness.signs() == {message.message_id: "👀"}
    assert harness.posts() == []
    assert await harness.chat.find(mark) is None


async def test_a_mark_on_a_message_that_is_gone_is_refused(harness: ChatHarness) -> None:
    with pytest.raises(ChatRefused):
        await harness.chat.send(post(harness, "👀", kind=PostKind.MARK, message_id="999"))


async def test_a_post_that_never_arrived_is_not_found(harness: ChatHarness) -> None:
    before = await harness.chat.send(post(harness, "before"))
    harness.break_next(after_effect=False)
    lost = post(harness, "lost", after_id=before)
    with pytest.raises(ChatUnavailable):
        await harness.chat.send(lost)
    assert await harness.chat.find(lost) is None


async def test_a_post_that_arrived_unheard_is_found(harness: ChatHarness) -> None:
    before = await harness.chat.send(post(harness, "before"))
    harness.break_next(after_effect=True)
    unheard = post(harness, "unheard", after_id=before)
    with pytest.raises(ChatUnavailable) as caught:
        await harness.chat.send(unheard)
    assert caught.value.is_in_doubt
    assert await harness.chat.find(unheard) == harness.last_id()
    assert harness.posts() == [Seen("before"), Seen("unheard")]


async def test_a_chat_that_is_gone_is_refused(harness: ChatHarness) -> None:
    harness.remove_chat()
    with pytest.raises(ChatRefused):
        await harness.chat.send(post(harness, "x"))


async def test_showing_progress_never_fails(harness: ChatHarness) -> None:
    harness.chat.show(Progress(JobId(1), harness.place, Reply(Rich("reads a.py"))))
    harness.chat.show(Progress(JobId(1), harness.place, Reply(Rich("reads a.py")), "999"))
    harness.remove_chat()
    harness.chat.show(Progress(JobId(1), harness.place, Reply(Rich("reads b.py")), "999"))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(Rich("")),
        Reply(Markdown(" \n ")),
        Reply(Markdown("# Title\n\n*text* with `code`"), BUTTONS),
        Reply(Markdown("long " * 2_000), BUTTONS),
        Reply(Rich("\ud800\x00"), BUTTONS, Attachment("a.txt", b"a")),
    ],
)
async def test_a_prepared_reply_can_be_sent(harness: ChatHarness, reply: Reply) -> None:
    parts = harness.chat.prepare(reply)
    assert parts == harness.chat.prepare(reply)
    assert all(isinstance(part.body, Rich) for part in parts)
    assert [part.buttons for part in parts] == [()] * (len(parts) - 1) + [reply.buttons]
    for part in parts if reply.attachment is None else ():
        await harness.chat.send(post(harness, "", reply=part))
        assert harness.posts()[-1].text
