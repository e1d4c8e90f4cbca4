from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.chat.telegram.budget import GROUP, PRIVATE, Budget
from appliance.errors import ChatUnavailable
from tests.fakes import FakeClock
from tests.fakes_clock import HurriedClock


async def test_a_burst_goes_out_at_once_and_then_one_by_one() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    for _ in range(PRIVATE.burst):
        await budget.spend("42")
    assert clock.naps == []
    for _ in range(3):
        await budget.spend("42")
    assert clock.naps == [1.0, 1.0, 1.0]


async def test_chats_do_not_wait_for_each_other() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    for chat in ("42", "43"):
        for _ in range(PRIVATE.burst):
            await budget.spend(chat)
    assert clock.naps == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["wait", "spend", "spare"]), st.integers(0, 20))))
def test_a_group_never_gets_more_than_twenty_calls_a_minute(steps: list[tuple[str, int]]) -> None:
    async def calls() -> list[float]:
        clock = HurriedClock()
        budget = Budget(clock)
        made = []
        for step, number in steps:
            if step == "wait":
                clock.advance(number)
            elif step == "spend":
                for _ in range(number):
                    await budget.spend("-100")
                    made.append(clock.monotonic())
            elif budget.spend_spare("-100"):
                made.append(clock.monotonic())
        return made

    times = asyncio.run(calls())
    most = GROUP.burst + round(60 * GROUP.per_second)
    assert most == 20
    for first in times:
        assert sum(first <= at < first + 60 for at in times) <= most


async def test_waiting_callers_go_in_the_order_of_asking() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    for _ in range(PRIVATE.burst):
        await budget.spend("42")
    order: list[int] = []

    async def call(number: int) -> None:
        await budget.spend("42")
        order.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(call(number))
        for done in range(1, 4):
            await asyncio.sleep(0)
            clock.advance(1)
            while len(order) < done:
                await asyncio.sleep(0)
    assert order == [0, 1, 2]


async def test_spare_calls_leave_half_of_the_burst_to_what_matters() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    taken = sum(budget.spend_spare("42") for _ in range(100))
    assert taken == PRIVATE.burst // 2
    clock.advance(1)
    assert budget.spend_spare("42")
    assert not budget.spend_spare("42")


async def test_a_chat_that_telegram_closed_takes_no_call_until_it_opens() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    budget.close("42", 30)
    clock.advance(10)
    with pytest.raises(ChatUnavailable) as caught:
        await budget.spend("42")
    assert caught.value.retry_after_seconds == 20
    assert not caught.value.is_in_doubt
    assert not budget.spend_spare("42")
    await budget.spend("43")
    clock.advance(20)
    await budget.spend("42")


async def test_a_machine_that_slept_for_days_has_one_burst_and_no_more() -> None:
    clock = HurriedClock()
    budget = Budget(clock)
    await budget.spend("42")
    clock.advance(1_000_000)
    for _ in range(PRIVATE.burst + 1):
        await budget.spend("42")
    assert clock.naps == [1.0]
