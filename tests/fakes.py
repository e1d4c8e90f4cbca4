"""A clock that jumps; other fakes are in fakes_chat, fakes_agent and fakes_audit."""

from __future__ import annotations

import asyncio

from appliance.core.model import Millis


class FakeClock:
    """Time moves only by `advance`; whoever sleeps past the new time wakes up."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> Millis:
        return Millis(self._now)

    def monotonic(self) -> float:
        return self._now / 1000

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + round(seconds * 1000), future))
        await future

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * 1000)
        due = [future for at, future in self._sleepers if at <= self._now]
        self._sleepers = [(at, future) for at, future in self._sleepers if at > self._now]
        for future in due:
            if not future.done():
                future.set_result(None)
