"""Once, in order, across failures and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import (
    ENGLISH,
    Millis,
    Place,
    Platform,
    Post,
    PostKind,
    Reply,
    Rich,
    Urgency,
)
from appliance.core.preferences import Preferences, QuietHours
from appliance.errors import ChatRefused, ChatUnavailable
from appliance.ports import Chat
from appliance.services.outbox import Outbox
from appliance.storage.state import SqliteState
from tests.examples import BOB, NOW, PLACE
from tests.fakes import FakeClock
from tests.services.rig import ListAudit, ListChat, Rig, running


def say(text: str) -> Reply:
    return Reply(Rich(text))


async def settled(rig: Rig) -> None:
    async with asyncio.timeout(5):
        await rig.outbox.drained()


async def until_sleeping(rig: Rig) -> None:
    """The failure has been met, and who met it waits."""
    async with asyncio.timeout(5):
        while rig.chat.failures:
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)


async def test_posts_of_one_place_arrive_in_order(rig: Rig) -> None:
    for number in range(20):
        rig.outbox.put(PLACE, say(f"n{number}"))
    await rig.chat.until("n19")
    texts = [p.reply.body.text for p in rig.chat.posts if p.reply.body.text.startswith("n")]
    assert texts == [f"n{number}" for number in range(20)]


async def test_a_platform_that_asks_to_wait_is_waited_for(rig: Rig) -> None:
    rig.chat.failures = [ChatUnavailable("slow down", retry_after_seconds=7, is_in_doubt=False)]
    rig.outbox.put(PLACE, say("hello"))
    await until_sleeping(rig)
    assert "hello" not in rig.chat.messages.values()
    rig.clock.advance(6.9)
    await asyncio.sleep(0)
    assert "hello" not in rig.chat.messages.values()
    rig.clock.advance(0.2)
    assert await rig.chat.until("hello")


async def test_a_post_that_arrived_although_the_answer_was_lost_is_not_sent_again(
    rig: Rig,
) -> None:
    rig.chat.lost_after_delivery = True
    rig.chat.failures = [ChatUnavailable("time-out")]
    rig.outbox.put(PLACE, say("hello"))
    await until_sleeping(rig)
    rig.clock.advance(5)
    await settled(rig)
    assert [p.reply.body.text for p in rig.chat.posts].count("hello") == 1


async def test_a_post_cut_off_by_a_crash_is_settled_at_the_next_start(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    arrived, lost = rig.outbox.put(PLACE, say("arrived")), None
    rig.state.mark_trying(arrived, NOW)
    rig.chat.messages["2000"] = "arrived"  # and then the daemon was killed
    lost = rig.outbox.put(PLACE, say("lost"))
    rig.state.mark_trying(lost, NOW)
    async with running(rig):
        await rig.chat.until("lost")
        await settled(rig)
    assert [p.reply.body.text for p in rig.chat.posts] == ["lost"]
    assert rig.state.message_id(arrived) == "2000"
    rig.state.close()


async def test_who_waits_for_a_post_learns_whether_it_arrived(rig: Rig) -> None:
    post = rig.outbox.put(PLACE, say("hello"))
    assert await rig.outbox.arrived(post)
    assert await rig.outbox.arrived(rig.outbox.edit(post, PLACE, say("hello again")))
    rig.chat.failures = [ChatRefused("bot was blocked")]
    assert not await rig.outbox.arrived(rig.outbox.put(PLACE, say("anybody?")))


async def test_a_post_the_platform_refuses_is_given_up_and_recorded(rig: Rig) -> None:
    rig.chat.failures = [ChatRefused("bot was blocked")]
    rig.outbox.put(PLACE, say("hello"))
    rig.outbox.put(PLACE, say("next"))
    assert await rig.chat.until("next")
    assert "post.failed" in rig.audit.names()


async def test_an_edit_of_a_message_that_never_arrived_is_dropped(rig: Rig) -> None:
    rig.chat.failures = [ChatRefused("no")]
    post = rig.outbox.put(PLACE, say("question"))
    rig.outbox.edit(post, PLACE, say("answered"))
    rig.outbox.put(PLACE, say("next"))
    await rig.chat.until("next")
    assert all(p.kind is not PostKind.EDIT for p in rig.chat.posts)


async def test_a_place_that_fails_does_not_hold_up_another(rig: Rig) -> None:
    rig.chat.failures = [ChatUnavailable("down", retry_after_seconds=3600)]
    rig.outbox.put(PLACE, say("stuck"))
    await until_sleeping(rig)
    rig.outbox.put(replace(PLACE, chat=BOB.sender.id), say("elsewhere"))
    assert await rig.chat.until("elsewhere")


# what goes first


class Doorway(ListChat):
    """A chat with room for as many posts as are let in; what asked for room is in `asked`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Urgency] = []
        self._free = 0
        self._opened = asyncio.Event()
        self._is_kept = False

    def open(self) -> None:
        self._free += 1
        self._opened.set()
        self._opened = asyncio.Event()

    async def room(self, place: Place, urgency: Urgency) -> bool:
        if self._is_kept:
            return False
        self.asked.append(urgency)
        must_wait = self._free == 0
        while self._free == 0:
            await self._opened.wait()
        self._free -= 1
        self._is_kept = True
        return must_wait

    async def send(self, post: Post) -> str:
        self._is_kept = False
        return await super().send(post)

    def texts(self) -> list[str]:
        return [post.reply.body.text for post in self.posts]


@asynccontextmanager
async def doorway(directory: Path) -> AsyncIterator[tuple[Outbox, Doorway, SqliteState]]:
    """An outbox that runs, behind a chat that lets nobody in by itself."""
    state, chat, clock = SqliteState.open(directory), Doorway(), FakeClock(NOW)
    chats: Mapping[Platform, Chat] = {Platform.TELEGRAM: chat}  # type: ignore[dict-item]
    outbox = Outbox(state, ListAudit(), chats, clock, lambda _: False, lambda _: ENGLISH)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(outbox.run(lambda: None))
        yield outbox, chat, state
        task.cancel()
    state.close()


async def until_asked(chat: Doorway, count: int) -> None:
    async with asyncio.timeout(5):
        while len(chat.asked) < count:
            await asyncio.sleep(0)


async def until_sent(chat: Doorway, count: int) -> list[str]:
    for _ in range(count - len(chat.posts)):
        chat.open()
    async with asyncio.timeout(5):
        while len(chat.posts) < count:
            await asyncio.sleep(0)
    return chat.texts()


async def test_messages_go_before_edits_and_edits_before_marks(tmp_path: Path) -> None:
    async with doorway(tmp_path) as (outbox, chat, _):
        first = outbox.put(PLACE, say("first"))
        await until_sent(chat, 1)
        outbox.mark(PLACE, "7", "👀")
        outbox.edit(first, PLACE, say("changed"))
        outbox.put(PLACE, say("second"))
        outbox.put(PLACE, say("third"))
        assert await until_sent(chat, 5) == ["first", "second", "third", "changed", "👀"]


async def test_an_edit_that_a_later_one_replaces_is_never_sent(tmp_path: Path) -> None:
    async with doorway(tmp_path) as (outbox, chat, state):
        first, second = outbox.put(PLACE, say("a")), outbox.put(PLACE, say("b"))
        await until_sent(chat, 2)
        changes = [outbox.edit(first, PLACE, say(f"a{number}")) for number in range(5)]
        outbox.edit(second, PLACE, say("b0"))
        arrived = asyncio.gather(*map(outbox.arrived, changes))
        assert (await until_sent(chat, 4))[2:] == ["a4", "b0"]
        assert await arrived == [False, False, False, False, True]
        assert state.places_with_mail() == ()


async def test_a_replaced_edit_still_goes_when_the_later_one_is_given_up(tmp_path: Path) -> None:
    async with doorway(tmp_path) as (outbox, chat, state):
        first = outbox.put(PLACE, say("a"))
        await until_sent(chat, 1)
        outbox.edit(first, PLACE, say("a0"))
        last = outbox.edit(first, PLACE, say("a1"))
        state.mark_given_up(last, "refused")
        assert (await until_sent(chat, 2))[1:] == ["a0"]


async def test_what_waits_in_front_of_an_answer_becomes_as_urgent(tmp_path: Path) -> None:
    async with doorway(tmp_path) as (outbox, chat, _):
        outbox.put(PLACE, replace(say("on the way"), silent=True))
        await until_asked(chat, 1)
        outbox.put(PLACE, replace(say("answer"), urgency=Urgency.ANSWER))
        await until_asked(chat, 2)
        assert chat.asked == [Urgency.CHANGE, Urgency.ANSWER]
        assert await until_sent(chat, 2) == ["on the way", "answer"]


async def test_an_answer_overtakes_an_edit_that_waits_for_room(tmp_path: Path) -> None:
    async with doorway(tmp_path) as (outbox, chat, _):
        first = outbox.put(PLACE, say("first"))
        await until_sent(chat, 1)
        chat.asked.clear()
        outbox.edit(first, PLACE, say("changed"))
        await until_asked(chat, 1)
        outbox.put(PLACE, replace(say("answer"), urgency=Urgency.ANSWER))
        assert await until_sent(chat, 3) == ["first", "answer", "changed"]


async def test_a_try_that_was_cut_off_is_settled_before_anything_else(tmp_path: Path) -> None:
    async with doorway(tmp_path) as (outbox, chat, state):
        post = outbox.put(PLACE, say("in doubt"))
        state.mark_trying(post, NOW)
        outbox.put(PLACE, replace(say("answer"), urgency=Urgency.ANSWER))
        assert await until_sent(chat, 2) == ["in doubt", "answer"]


# quiet hours

NIGHT = QuietHours(since=22 * 60, until=7 * 60)


@pytest.mark.parametrize(
    ("hour", "asked_hour", "rings"),
    [
        (12, None, True),
        (23, None, False),
        (3, None, False),
        (7, None, True),
        (23, 21, False),
        (23, 22, True),
        (3, 23, True),
        (12, 9, True),
    ],
)
async def test_in_quiet_hours_only_what_was_asked_for_in_them_rings(
    tmp_path: Path, hour: int, asked_hour: int | None, rings: bool
) -> None:
    state, chat = SqliteState.open(tmp_path), ListChat()
    at = _at(hour if hour > 12 else hour + 24)
    chats: Mapping[Platform, Chat] = {Platform.TELEGRAM: chat}  # type: ignore[dict-item]
    outbox = Outbox(state, ListAudit(), chats, FakeClock(at), lambda _: False, lambda _: ENGLISH)
    state.save_preferences(PLACE, Preferences(quiet_hours=NIGHT, zone="UTC"))
    outbox.put(PLACE, say("?"), asked_at=None if asked_hour is None else _at(asked_hour))
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert delivery.post.reply.silent is not rings
    state.close()


def _at(hour: int) -> Millis:
    """Of a day in January, or after it."""
    return Millis(1_800_000_000_000 // 86_400_000 * 86_400_000 + hour * 3_600_000)
