"""What runs beside a body ends with it, and does not disguise the body's errors."""

from __future__ import annotations

import asyncio

import pytest

from appliance.agent.beside import Beside
from appliance.errors import AgentFailed


async def for_ever() -> None:
    await asyncio.Event().wait()


async def crash() -> None:
    raise ZeroDivisionError


async def test_work_is_cancelled_when_the_body_is_left() -> None:
    async with Beside(for_ever()) as work:
        pass
    assert work.cancelled()


async def test_what_the_body_raises_is_not_wrapped() -> None:
    with pytest.raises(AgentFailed):
        async with Beside(for_ever()):
            raise AgentFailed("as it is")


async def test_a_bug_in_the_work_cancels_the_body_and_comes_out() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with Beside(crash()):
            await for_ever()
    assert caught.value.subgroup(ZeroDivisionError) is not None


async def test_a_cancelled_body_stays_cancelled() -> None:
    async def body() -> None:
        async with Beside(for_ever()):
            await for_ever()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(body())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
