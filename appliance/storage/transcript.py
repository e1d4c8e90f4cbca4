"""What was said on the web page, kept for a reload: the protocol `chat.web.transcript.Transcript`.

A changed line gets a new `seq`, so that a page which asks for everything after the last one it
saw learns of changes too; its `position` stays where it was first said.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.storage.database import Database


@dataclass(frozen=True, slots=True)
class Line:
    """One message, see `appliance.chat.web.transcript.Line`."""

    seq: int
    position: int
    message_id: str
    payload: str


class SqliteTranscript:
    """Lines by chat. Every method raises StorageUnavailable when the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def upsert(
        self, chat: str, message_id: str, payload: str, attachment: bytes | None = None
    ) -> int:
        with self._db.transaction():
            before = self.find(chat, message_id)
            content = attachment or (self.attachment(chat, message_id) if before else None)
            self._db.execute(
                "DELETE FROM transcript WHERE chat = ? AND message_id = ?", chat, message_id
            )
            cursor = self._db.execute(
                "INSERT INTO transcript (position, chat, message_id, payload, attachment)"
                " VALUES (?, ?, ?, ?, ?)",
                before.position if before else 0,
                chat,
                message_id,
                payload,
                content,
            )
            assert cursor.lastrowid is not None
            if before is None:
                self._db.execute(
                    "UPDATE transcript SET position = seq WHERE seq = ?", cursor.lastrowid
                )
        return cursor.lastrowid

    def find(self, chat: str, message_id: str) -> Line | None:
        row = self._db.row(
            "SELECT * FROM transcript WHERE chat = ? AND message_id = ?", chat, message_id
        )
        return _line(row) if row else None

    def after(self, chat: str, seq: int, limit: int) -> Sequence[Line]:
        rows = self._db.rows(
            "SELECT * FROM transcript WHERE chat = ? AND seq > ? ORDER BY seq LIMIT ?",
            chat,
            seq,
            limit,
        )
        return [_line(row) for row in rows]

    def before(self, chat: str, position: int, limit: int) -> Sequence[Line]:
        rows = self._db.rows(
            "SELECT * FROM transcript WHERE chat = ? AND position < ?"
            " ORDER BY position DESC LIMIT ?",
            chat,
            position,
            limit,
        )
        return [_line(row) for row in reversed(rows)]

    def attachment(self, chat: str, message_id: str) -> bytes | None:
        row = self._db.row(
            "SELECT attachment FROM transcript WHERE chat = ? AND message_id = ?",
            chat,
            message_id,
        )
        return row["attachment"] if row else None


def _line(row: sqlite3.Row) -> Line:
    return Line(row["seq"], row["position"], row["message_id"], row["payload"])
