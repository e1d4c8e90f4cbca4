"""A clock for tests of what waits and tries again: nobody ever has to wait for it."""

from __future__ import annotations

import asyncio

from tests.fakes import FakeClock


class HurriedClock(FakeClock):
    """Whoever sleeps finds the time gone by at once. `naps` has what was slept."""

    def __init__(self) -> None:
        super().__init__()
        self.naps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)
