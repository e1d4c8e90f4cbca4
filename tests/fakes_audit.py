"""An audit log in memory: it keeps the events, and refuses when told to."""

from __future__ import annotations

from hashlib import sha256

from appliance.core.events import Event
from appliance.errors import AuditUnavailable
from appliance.ports import Receipt


class MemoryAudit:
    """See `appliance.ports.Audit`. `events` is everything acknowledged so far."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._refusal = ""

    def fail(self, reason: str = "disk full") -> None:
        """From now on nothing is recorded any more."""
        self._refusal = reason

    async def append(self, *events: Event) -> Receipt:
        if not events:
            raise ValueError("there is nothing to append")
        if self._refusal:
            raise AuditUnavailable(self._refusal)
        self.events.extend(events)
        return Receipt(len(self.events), sha256(repr(self.events).encode()).digest())

    def names(self) -> list[str]:
        """The names of all events, in order."""
        return [event.name for event in self.events]
