from __future__ import annotations

import asyncio

from appliance.chat.inflow import BURST, PER_SECOND, Inflow
from tests.fakes import FakeClock


async def test_a_burst_passes_at_once() -> None:
    inflow = Inflow(FakeClock())
    async with asyncio.timeout(1):
        for _ in range(BURST):
            await inflow.admit()


async def test_what_is_too_fast_waits_for_its_turn() -> None:
    clock = FakeClock()
    inflow = Inflow(clock)
    for _ in range(BURST):
        await inflow.admit()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(inflow.admit())
        await asyncio.sleep(0)
        assert not waiting.done()
        clock.advance(1 / PER_SECOND)


async def test_silence_restores_the_burst_and_no_more() -> None:
    clock = FakeClock()
    inflow = Inflow(clock)
    clock.advance(3600)
    for _ in range(BURST):
        await inflow.admit()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(inflow.admit())
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
