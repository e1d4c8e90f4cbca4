"""How fast one connection may talk to us."""

from __future__ import annotations

from appliance.ports import Clock

BURST = 40
PER_SECOND = 10.0


class Inflow:
    """A token bucket. Whoever is too fast is read more slowly: nothing is dropped for speed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens = float(BURST)
        self._filled_at = clock.monotonic()

    async def admit(self) -> None:
        """Returns when the next message may be read."""
        now = self._clock.monotonic()
        self._tokens = min(float(BURST), self._tokens + (now - self._filled_at) * PER_SECOND)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await self._clock.sleep(-self._tokens / PER_SECOND)
