"""The real clock keeps the promises that fakes are trusted for."""

from __future__ import annotations

from appliance.host.clock import SystemClock


async def test_time_goes_forward_while_sleeping() -> None:
    clock = SystemClock()
    wall, steady = clock.now(), clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - steady >= 0.01
    assert clock.now() > wall > 1_700_000_000_000  # milliseconds, after 2023
