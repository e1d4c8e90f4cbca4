"""The machine's clock, the only place that reads it."""

from __future__ import annotations

import time

from appliance.core.model import Millis


class SystemClock:
    """See `appliance.ports.Clock`."""

    def now(self) -> Millis:
        return Millis(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio  # not every program that reads a clock has room for an event loop

        await asyncio.sleep(seconds)
