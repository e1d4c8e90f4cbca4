"""The log, and whoever wants to know what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from appliance.core.events import Event
from appliance.ports import AnchorableAudit, Receipt

Onlooker = Callable[[Sequence[Event], Receipt], None]
"""Told of events once they are recorded, in order. It is quick and never fails."""


class Observed:
    """Port `AnchorableAudit`. `seq` is the number of the last record that came this way."""

    def __init__(self, audit: AnchorableAudit, *onlookers: Onlooker) -> None:
        self._audit = audit
        self._onlookers = onlookers
        self.seq = 0

    async def append(self, *events: Event) -> Receipt:
        """See `appliance.ports.Audit.append`."""
        receipt = await self._audit.append(*events)
        self.seq = max(self.seq, receipt.seq)
        for tell in self._onlookers:
            tell(events, receipt)
        return receipt

    async def checkpoint(self) -> str:
        """See `appliance.ports.AnchorableAudit`, as the other methods."""
        return await self._audit.checkpoint()

    async def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        await self._audit.record_anchor(size, sink, receipt)

    async def public_key(self) -> str:
        return await self._audit.public_key()

    async def prove_growth(self, old: int, new: int) -> Sequence[bytes]:
        return await self._audit.prove_growth(old, new)
