"""A stopped log ends the daemon exactly when a restart can help."""

from __future__ import annotations

import asyncio

import pytest

from appliance.app.healing import LOOK_EVERY_SECONDS, Healing
from appliance.errors import AuditUnavailable
from tests.fakes import FakeClock


class Host:
    refusal = ""
    shortfall = ""


async def looks(host: Host, times: int) -> None:
    """Let `Healing` look so often."""
    clock = FakeClock()
    healing = Healing(lambda: host.refusal, lambda: host.shortfall, clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(healing.run(lambda: None))
        for _ in range(times):
            while not clock._sleepers and not task.done():
                await asyncio.sleep(0)
            clock.advance(LOOK_EVERY_SECONDS)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()


async def test_a_log_that_works_is_left_alone() -> None:
    await looks(Host(), 3)


async def test_without_room_the_daemon_stays_to_say_so() -> None:
    host = Host()
    host.refusal, host.shortfall = "disk full", "0 MB free"
    await looks(host, 3)


async def test_with_room_again_the_daemon_ends_to_be_restarted() -> None:
    host = Host()
    host.refusal = "disk full"
    with pytest.raises(ExceptionGroup) as caught:
        await looks(host, 1)
    assert isinstance(caught.value.exceptions[0], AuditUnavailable)
