"""What was said in a web chat, as the page needs it: a port of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Line(Protocol):
    """One message. `seq` grows with every change; `position` is the first `seq` and stays."""

    @property
    def seq(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def message_id(self) -> str: ...
    @property
    def payload(self) -> str: ...


class Transcript(Protocol):
    """Lines by chat. Every method raises StorageUnavailable when the store cannot be used."""

    def upsert(
        self, chat: str, message_id: str, payload: str, attachment: bytes | None = None
    ) -> int:
        """Store or replace a line, durably; returns its new `seq`, larger than any before."""

    def find(self, chat: str, message_id: str) -> Line | None: ...

    def after(self, chat: str, seq: int, limit: int) -> Sequence[Line]:
        """Lines changed after `seq`, in the order of their changes."""

    def before(self, chat: str, position: int, limit: int) -> Sequence[Line]:
        """The last `limit` lines whose position is below `position`, oldest first."""

    def attachment(self, chat: str, message_id: str) -> bytes | None:
        """The file stored with a line."""
