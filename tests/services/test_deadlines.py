"""Whoever waits for a moment waits no longer than that, and not when it has become another one."""

from __future__ import annotations

import asyncio

import pytest

from appliance.core.model import Millis
from appliance.services.deadlines import due_or_changed
from tests.fakes_clock import HurriedClock


@pytest.mark.parametrize(("ahead_ms", "seconds"), [(90_000, 90.0), (0, 0.05), (-5, 0.05)])
async def test_it_is_waited_until_the_moment(ahead_ms: int, seconds: float) -> None:
    clock = HurriedClock()
    await due_or_changed(Millis(clock.now() + ahead_ms), asyncio.Event(), clock)
    assert clock.naps == [seconds]


@pytest.mark.parametrize("at", [None, Millis(2**60)])
async def test_a_change_ends_it(at: Millis | None) -> None:
    changed = asyncio.Event()
    changed.set()
    await due_or_changed(at, changed, HurriedClock())
