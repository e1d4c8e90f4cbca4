"""A log that can be anchored, and a sink that does as it is told, both in memory."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence

from appliance.errors import AnchorUnavailable, AuditUnavailable
from tests.fakes_audit import MemoryAudit

ORIGIN = "dispatch-audit/" + "ab" * 16


def note_of(size: int, epoch: int = 1) -> str:
    """A note as the log signs it, but for the signatures."""
    root = b64encode(size.to_bytes(32, "big")).decode()
    lines = (
        f"— {ORIGIN} {b64encode(key.to_bytes(4, 'big') + bytes(64)).decode()}\n"
        for key in (0, epoch)
    )
    return f"{ORIGIN}\n{size}\n{root}\n\n{''.join(lines)}"


class AnchorableMemory(MemoryAudit):
    """See `appliance.ports.AnchorableAudit`. `anchored` is what was recorded of sinks."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 1
        self.anchored: list[tuple[int, str, str]] = []

    async def checkpoint(self) -> str:
        self._require()
        return note_of(len(self.events), self.epoch)

    async def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        self._require()
        self.anchored.append((size, sink, receipt))

    async def public_key(self) -> str:
        return f"{ORIGIN}+01020304+AQID"

    async def prove_growth(self, old: int, new: int) -> Sequence[bytes]:
        raise AuditUnavailable("there is no tree in memory")

    def _require(self) -> None:
        if self._refusal:
            raise AuditUnavailable(self._refusal)


class ListSink:
    """See `appliance.ports.AnchorSink`. Keeps notes unless `broken`; waits until `open`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: list[str] = []
        self.tries = 0
        self.broken = ""
        self.open = asyncio.Event()
        self.open.set()

    async def post(self, note: str) -> str:
        self.tries += 1
        await self.open.wait()
        if self.broken:
            raise AnchorUnavailable(self.broken)
        self.notes.append(note)
        return note
