"""An inhibitor that only notes who holds it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from appliance.errors import WakeUnavailable


@dataclass(eq=False)
class FakeHold:
    """One hold. `is_held` can be set to False to end it from outside."""

    why: str
    changed: asyncio.Event
    shortfall: str = ""
    is_held: bool = True
    renewals: int = 0

    async def renew(self) -> bool:
        self.renewals += 1
        return self.is_held

    async def release(self) -> None:
        self.is_held = False
        self.changed.set()


@dataclass
class FakeInhibitor:
    """`holds` are all there ever were; `broken` makes the next ones fail."""

    broken: str = ""
    shortfall: str = ""
    means: str = "fake"
    holds: list[FakeHold] = field(default_factory=list)
    most_at_once: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, why: str) -> FakeHold:
        await asyncio.sleep(0)
        self.changed.set()
        if self.broken:
            raise WakeUnavailable(self.broken)
        self.holds.append(FakeHold(why, self.changed, self.shortfall))
        self.most_at_once = max(self.most_at_once, len(self.reasons))
        return self.holds[-1]

    @property
    def reasons(self) -> list[str]:
        """Of the holds that are held now."""
        return [hold.why for hold in self.holds if hold.is_held]

    async def until(self, *reasons: str) -> None:
        """Returns once exactly these are held."""
        async with asyncio.timeout(5):
            while self.reasons != list(reasons):
                self.changed.clear()
                await self.changed.wait()
