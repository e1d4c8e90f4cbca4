"""What has happened since: the log, and the number of the last record that is about something."""

from __future__ import annotations

import asyncio

from appliance.core.events import Event
from appliance.ports import Audit, Receipt


class Activity:
    """Port `Audit` for everybody but who writes about the log itself.

    `seq` is the last record that came this way. What the log says about itself (anchors, ticks,
    keys) does not, so that anchoring an anchor never begins.
    """

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._grown = asyncio.Event()
        self.seq = 0

    async def append(self, *events: Event) -> Receipt:
        """See `appliance.ports.Audit.append`."""
        receipt = await self._audit.append(*events)
        self.seq = max(self.seq, receipt.seq)
        self._grown.set()
        return receipt

    async def beyond(self, seq: int) -> None:
        """Wait until a record after this one has come."""
        while self.seq <= seq:
            self._grown.clear()
            await self._grown.wait()
