"""The file of what was granted from phones, and the policy that holds with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from appliance.core.events import SYSTEM, Who
from appliance.core.proposals import Draft, Wish
from appliance.ports import Clock, Grants
from appliance.services.policy_holder import PolicyHolder
from appliance.services.reloading import Outcome, Reloading

HOLDS = (Outcome.TAKEN, Outcome.SAME)
TRIES = 5


class Granting:
    """Used by one at a time: `Proposals` sees to that."""

    def __init__(
        self, policy: PolicyHolder, grants: Grants, reloading: Reloading, clock: Clock
    ) -> None:
        self._policy = policy
        self._grants = grants
        self._reloading = reloading
        self._clock = clock

    def lines(self) -> tuple[str, ...]:
        """All of the file. Raises PolicyError."""
        return self._grants.lines()

    async def draft(self, wish: Wish) -> Draft:
        """What a wish comes to, by the policy of this moment. Raises PolicyError."""
        return await asyncio.to_thread(self._grants.draft, self._policy.current, wish)

    async def policy_holds(self) -> bool:
        """Whether what is in the files now is the policy."""
        return await self._outcome() in HOLDS

    async def change(
        self, added: Sequence[str], removed: Sequence[str], comment: str, who: Who
    ) -> str:
        """Why the policy does not hold with the new file, which is put back then; "": it does.

        Raises PolicyError or StorageUnavailable.
        """
        before = await asyncio.to_thread(self._grants.text)
        await asyncio.to_thread(self._grants.change, added, removed, comment)
        outcome = await self._outcome(who)
        if outcome in HOLDS:
            return ""
        problem = self._reloading.mistakes or f"the policy could not be taken over ({outcome})"
        await asyncio.to_thread(self._grants.put, before)
        await self._outcome(who)
        return problem

    async def _outcome(self, who: Who = SYSTEM) -> Outcome:
        """What is in the files now holds, or why not. A file being written is waited for."""
        for _ in range(TRIES):
            outcome = await self._reloading.reload(who)
            if outcome is not Outcome.UNSETTLED:
                break
            await self._clock.sleep(1.0)
        return outcome
