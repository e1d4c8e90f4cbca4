"""How many messages came from nobody we know: never answered, but counted and recorded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from appliance.core.events import MessageIgnored
from appliance.core.model import Platform
from appliance.errors import AuditUnavailable
from appliance.ports import Audit, Clock, Ready

log = logging.getLogger(__name__)

RECORD_EVERY_SECONDS = 3600.0


class Strangers:
    """`counts` are the running totals of the platforms; each is recorded when it has grown."""

    def __init__(
        self, audit: Audit, clock: Clock, counts: Mapping[Platform, Callable[[], int]]
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._counts = counts
        self._recorded = dict.fromkeys(counts, 0)

    def totals(self) -> Mapping[str, int]:
        """How many there were on each platform since the start."""
        return {platform.value: count() for platform, count in self._counts.items()}

    def line(self) -> str:
        """The same for /status."""
        total = sum(self.totals().values())
        return f"{total} messages ignored" if total else ""

    async def run(self, ready: Ready) -> None:
        ready()
        try:
            while True:
                await self._clock.sleep(RECORD_EVERY_SECONDS)
                await self._record()
        except asyncio.CancelledError:
            await self._record()  # the daemon stops: what was counted so far
            raise

    async def _record(self) -> None:
        for platform, count in self._counts.items():
            new = count() - self._recorded[platform]
            if new == 0:
                continue
            try:
                await self._audit.append(MessageIgnored(platform=platform, count=new))
            except AuditUnavailable as error:
                log.error("%d ignored messages not recorded: %s", new, error.message)
                return
            self._recorded[platform] += new
