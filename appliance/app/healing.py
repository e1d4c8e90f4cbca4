"""A log that has stopped is opened again by a new process, as soon as that has a chance.

After a failed commit the log refuses for good (its connection cannot be trusted any more), and
only a restart opens, checks and continues it. While the disk is full the daemon stays, to say
so; once there is room it ends, and the service manager starts it anew.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.errors import AuditUnavailable
from appliance.ports import Clock, Ready

LOOK_EVERY_SECONDS = 5.0


class Healing:
    """`refusal` is why nothing is recorded any more; `shortfall` says that there is no room."""

    def __init__(
        self, refusal: Callable[[], str], shortfall: Callable[[], str], clock: Clock
    ) -> None:
        self._refusal = refusal
        self._shortfall = shortfall
        self._clock = clock

    async def run(self, ready: Ready) -> None:
        """Raises AuditUnavailable when a restart would help."""
        ready()
        while True:
            await self._clock.sleep(LOOK_EVERY_SECONDS)
            if self._refusal() and not self._shortfall():
                raise AuditUnavailable(
                    f"the audit log stopped ({self._refusal()})",
                    hint="start dispatchd again: the log is checked and goes on",
                )
