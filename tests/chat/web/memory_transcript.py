"""A transcript in memory: what the port `Transcript` promises, but for durability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    seq: int
    position: int
    message_id: str
    payload: str


class MemoryTranscript:
    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Line] = {}
        self._attachments: dict[tuple[str, str], bytes] = {}
        self._seq = 0

    def upsert(
        self, chat: str, message_id: str, payload: str, attachment: bytes | None = None
    ) -> int:
        key = (chat, message_id)
        self._seq += 1
        known = self._lines.get(key)
        position = known.position if known else self._seq
        self._lines[key] = Line(self._seq, position, message_id, payload)
        if attachment is not None:
            self._attachments[key] = attachment
        return self._seq

    def find(self, chat: str, message_id: str) -> Line | None:
        return self._lines.get((chat, message_id))

    def after(self, chat: str, seq: int, limit: int) -> Sequence[Line]:
        lines = [line for line in self._of(chat) if line.seq > seq]
        return sorted(lines, key=lambda line: line.seq)[:limit]

    def before(self, chat: str, position: int, limit: int) -> Sequence[Line]:
        lines = [line for line in self._of(chat) if line.position < position]
        return sorted(lines, key=lambda line: line.position)[-limit:]

    def attachment(self, chat: str, message_id: str) -> bytes | None:
        return self._attachments.get((chat, message_id))

    def _of(self, chat: str) -> list[Line]:
        return [line for (owner, _), line in self._lines.items() if owner == chat]
