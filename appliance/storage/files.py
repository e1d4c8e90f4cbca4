"""Files that wait for their task, files that answers name, and speech: `ports.FileBook`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from appliance.core.model import Actor, IncomingFile, JobId, Millis, Place, UserName
from appliance.ports import Speech
from appliance.storage import codec
from appliance.storage.database import Database


class SqliteFiles:
    """See `appliance.ports.FileBook`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def job_with_files(self, session: str) -> JobId | None:
        row = self._db.row(
            "SELECT id FROM job WHERE session = ?"
            " AND json_array_length(work, '$.Prompt.files') > 0 ORDER BY id DESC LIMIT 1",
            session,
        )
        return JobId(row["id"]) if row else None

    def keep(self, place: Place, user: UserName, files: Sequence[IncomingFile], at: Millis) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO kept_files (place, user, files, at) VALUES (?, ?, ?, ?)",
            codec.place_to_text(place),
            user,
            codec.files_to_text(files),
            at,
        )

    def kept(self, place: Place, user: UserName, since: Millis) -> tuple[IncomingFile, ...]:
        row = self._db.row(
            "SELECT files FROM kept_files WHERE place = ? AND user = ? AND at >= ?",
            codec.place_to_text(place),
            user,
            since,
        )
        return codec.files_from_text(row["files"]) if row else ()

    def forget(self, place: Place, user: UserName) -> None:
        self._db.execute(
            "DELETE FROM kept_files WHERE place = ? AND user = ?", codec.place_to_text(place), user
        )

    def name(self, job_id: JobId, paths: Sequence[str]) -> None:
        self._db.execute("DELETE FROM named_file WHERE job = ?", job_id)
        for number, path in enumerate(paths):
            self._db.execute(
                "INSERT INTO named_file (job, number, path) VALUES (?, ?, ?)", job_id, number, path
            )

    def named(self, job_id: JobId) -> tuple[str, ...]:
        rows = self._db.rows("SELECT path FROM named_file WHERE job = ? ORDER BY number", job_id)
        return tuple(row["path"] for row in rows)

    def add_speech(self, speech: Speech) -> Speech:
        self._db.execute(
            "INSERT OR IGNORE INTO speech (key, place, user, sender, file, text, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            speech.key,
            codec.place_to_text(speech.place),
            speech.actor.name,
            codec.sender_to_text(speech.actor.sender),
            codec.files_to_text((speech.file,)),
            speech.text,
            speech.at,
        )
        row = self._db.row("SELECT * FROM speech WHERE key = ?", speech.key)
        assert row is not None
        return _speech(row)

    def save_speech(self, speech: Speech) -> None:
        self._db.execute("UPDATE speech SET text = ? WHERE id = ?", speech.text, speech.number)

    def speech(self, number: int) -> Speech | None:
        row = self._db.row("SELECT * FROM speech WHERE id = ?", number)
        return _speech(row) if row else None

    def unheard(self) -> tuple[Speech, ...]:
        rows = self._db.rows("SELECT * FROM speech WHERE text IS NULL ORDER BY id")
        return tuple(map(_speech, rows))

    def heard(self, place: Place, user: UserName) -> tuple[Speech, ...]:
        rows = self._db.rows(
            "SELECT * FROM speech WHERE place = ? AND user = ? AND text != '' ORDER BY id",
            codec.place_to_text(place),
            user,
        )
        return tuple(map(_speech, rows))

    def forget_speech(self, number: int) -> None:
        self._db.execute("DELETE FROM speech WHERE id = ?", number)


def _speech(row: sqlite3.Row) -> Speech:
    return Speech(
        number=row["id"],
        key=row["key"],
        place=codec.place_from_text(row["place"]),
        actor=Actor(UserName(row["user"]), codec.sender_from_text(row["sender"])),
        file=codec.files_from_text(row["file"])[0],
        at=Millis(row["at"]),
        text=row["text"],
    )
