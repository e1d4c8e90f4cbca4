from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.telegram.budget import ALTOGETHER, GROUP, KEPT, PRIVATE, Budget
from appliance.core.model import Urgency
from appliance.errors import ChatUnavailable
from tests.fakes import FakeClock
from tests.fakes_clock import HurriedClock

CHAT, FORUM = "42", "-100"
BEGAN = FakeClock().monotonic()


async def test_a_burst_goes_out_and_then_one_by_one() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    for _ in range(PRIVATE.burst):
        await budget.spend(CHAT)
    assert clock.monotonic() - BEGAN < 1
    clock.naps.clear()
    for _ in range(3):
        await budget.spend(CHAT)
    assert clock.monotonic() - BEGAN == pytest.approx(3, abs=1)


async def test_who_need_not_wait_is_told_so() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    assert not await budget.spend(CHAT)
    for _ in range(PRIVATE.burst):
        await budget.spend(CHAT)
    assert await budget.spend(CHAT)


async def test_chats_do_not_wait_for_each_other_but_for_all_of_them() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    for chat in range(300):
        await budget.spend(str(chat))
    took = clock.monotonic() - BEGAN
    assert took == pytest.approx((300 - ALTOGETHER.burst) / ALTOGETHER.per_second, abs=1)
    assert ALTOGETHER.burst + ALTOGETHER.per_second <= 30


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["wait", *Urgency]), st.integers(0, 30)), max_size=30))
def test_a_group_never_gets_more_than_twenty_calls_a_minute(
    steps: list[tuple[str | Urgency, int]],
) -> None:
    async def calls() -> list[float]:
        clock = HurriedClock()
        budget = Budget(clock)
        made = []
        for step, number in steps:
            if isinstance(step, str):
                clock.advance(number)
                continue
            for _ in range(number):
                await budget.spend(FORUM, step)
                made.append(clock.monotonic())
        return made

    times = asyncio.run(calls())
    assert GROUP.in_a_minute == 20
    for first in times:
        assert sum(first <= at < first + 60 for at in times) <= GROUP.in_a_minute


class Queue:
    """Callers that wait in one chat, and the order in which they went."""

    def __init__(self, chat: str) -> None:
        self.clock = FakeClock()
        self.budget = Budget(self.clock)
        self.chat = chat
        self.went: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def fill(self) -> None:
        for _ in range(20):
            await self.budget.spend(self.chat)
            self.clock.advance(0.05)

    def ask(self, group: asyncio.TaskGroup, name: str, urgency: Urgency) -> None:
        async def call() -> None:
            await self.budget.spend(self.chat, urgency)
            self.went.append(name)

        self.tasks[name] = group.create_task(call())

    async def pass_time(self, seconds: int) -> None:
        for _ in range(seconds * 2):
            for _ in range(5):
                await asyncio.sleep(0)
            self.clock.advance(0.5)
        for _ in range(5):
            await asyncio.sleep(0)


async def test_the_most_urgent_goes_first_and_equals_in_the_order_of_asking() -> None:
    queue = Queue(CHAT)
    await queue.fill()
    async with asyncio.TaskGroup() as group:
        queue.ask(group, "mark", Urgency.SPARE)
        queue.ask(group, "edit", Urgency.CHANGE)
        await asyncio.sleep(0)
        queue.ask(group, "news 1", Urgency.NEWS)
        queue.ask(group, "news 2", Urgency.NEWS)
        queue.ask(group, "answer", Urgency.ANSWER)
        await queue.pass_time(60)
    assert queue.went == ["answer", "news 1", "news 2", "edit", "mark"]


async def test_an_answer_that_comes_later_does_not_wait_for_what_waits_already() -> None:
    queue = Queue(FORUM)
    await queue.fill()
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            queue.ask(group, f"edit {number}", Urgency.CHANGE)
        await queue.pass_time(30)
        queue.ask(group, "answer", Urgency.ANSWER)
        await queue.pass_time(240)
    assert queue.went == ["answer", *(f"edit {number}" for number in range(5))]


async def test_who_gives_up_leaves_the_line_to_the_others() -> None:
    queue = Queue(FORUM)
    await queue.fill()
    async with asyncio.TaskGroup() as group:
        queue.ask(group, "first", Urgency.ANSWER)
        queue.ask(group, "second", Urgency.ANSWER)
        await asyncio.sleep(0)
        queue.tasks["first"].cancel()
        await queue.pass_time(70)
    assert queue.went == ["second"]


@pytest.mark.parametrize("chat", [CHAT, FORUM])
async def test_what_gives_way_leaves_room_for_what_matters(chat: str) -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    taken = 0
    for urgency in (Urgency.SPARE, Urgency.CHANGE, Urgency.NEWS, Urgency.ANSWER):
        while budget._seconds(budget._line(chat), urgency) < 0.5:
            await budget.spend(chat, urgency)
            taken += 1
        assert taken >= 20 * (1 - KEPT[urgency]) - 1
    assert budget._line(chat).account.seconds_until(clock.monotonic(), Urgency.ANSWER) > 0


async def test_a_chat_that_telegram_closed_takes_no_call_until_it_opens() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    budget.close(CHAT, 30)
    clock.advance(10)
    with pytest.raises(ChatUnavailable) as caught:
        await budget.spend(CHAT)
    assert caught.value.retry_after_seconds == 20
    assert not caught.value.is_in_doubt
    await budget.spend("43")
    clock.advance(20)
    assert not await budget.spend(CHAT)
    assert await budget.spend(CHAT)  # no burst: patience there is spent


async def test_a_shorter_ban_does_not_end_a_longer_one() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    budget.close(CHAT, 60)
    budget.close(CHAT, 1)
    clock.advance(30)
    with pytest.raises(ChatUnavailable):
        await budget.spend(CHAT)


async def test_who_waits_when_the_chat_is_closed_is_told() -> None:
    queue = Queue(FORUM)
    await queue.fill()
    with _told_to_wait():
        async with asyncio.TaskGroup() as group:
            queue.ask(group, "x", Urgency.ANSWER)
            await asyncio.sleep(0)
            queue.budget.close(FORUM, 90)
            await queue.pass_time(70)
    assert queue.went == []


@contextmanager
def _told_to_wait() -> Iterator[None]:
    with pytest.raises(BaseExceptionGroup) as caught:
        yield
    assert caught.group_contains(ChatUnavailable)


async def test_a_machine_that_slept_for_days_has_one_burst_and_no_more() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    await budget.spend(CHAT)
    clock.advance(1_000_000)
    for _ in range(PRIVATE.burst):
        await budget.spend(CHAT)
    clock.naps.clear()
    await budget.spend(CHAT)
    assert clock.naps


# --- for who watches over the machine


async def test_what_is_left_is_told_of_the_chat_that_has_least() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    assert budget.left() == {"private": 1.0, "group": 1.0, "all": 1.0}
    await budget.spend("43")
    for _ in range(10):
        await budget.spend(CHAT)
    for _ in range(5):
        await budget.spend(FORUM)
    left = budget.left()
    assert left["private"] == pytest.approx(0.5, abs=0.1)
    assert left["group"] == pytest.approx(0.75, abs=0.1)
    assert 0 <= left["all"] < 1
    assert set(left) == {"private", "group", "all"}, "no chat has a name there"


async def test_a_chat_that_telegram_has_closed_has_nothing_left() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    budget.close(FORUM, 60)
    assert budget.left()["group"] == 0
    assert budget.left()["private"] == 1
