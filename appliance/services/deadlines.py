"""Waiting for the next of many moments, while what decides which one that is may change."""

from __future__ import annotations

import asyncio

from appliance.core.model import Millis
from appliance.ports import Clock

SHORTEST_SECONDS = 0.05


async def due_or_changed(at: Millis | None, changed: asyncio.Event, clock: Clock) -> None:
    """Returns at that moment, or as soon as something has changed; None: only then."""
    async with asyncio.TaskGroup() as either:
        change = either.create_task(changed.wait())
        if at is not None:
            seconds = max(SHORTEST_SECONDS, (at - clock.now()) / 1000)
            timer = either.create_task(clock.sleep(seconds))
            timer.add_done_callback(lambda _: change.cancel())
            change.add_done_callback(lambda _: timer.cancel())
