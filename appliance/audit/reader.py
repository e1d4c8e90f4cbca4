"""Finds records for people. It reads, and vouches for nothing: see `verify`."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.audit.database import ERRORS, reading
from appliance.audit.search import Entry, Filter, facets_of, job_of, message_key
from appliance.core.records import Record, decode
from appliance.errors import AuditBroken, AuditUnavailable


class Log:
    """One unchanging view of a log. Use `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._projects: dict[int, str] = {}

    def entry(self, seq: int) -> Entry | None:
        """The entry with this number; None when there is none, or it was pruned."""
        row = self.connection.execute("SELECT rec FROM leaf WHERE seq=?", (seq,)).fetchone()
        return None if row is None or row[0] is None else self._entry(seq, row[0])

    def newest(self, wanted: Filter, limit: int) -> list[Entry]:
        """The newest entries that fit, oldest first."""
        if wanted == Filter():
            rows = self.connection.execute(
                "SELECT seq, rec FROM leaf WHERE rec NOT NULL ORDER BY seq DESC LIMIT ?", (limit,)
            ).fetchall()
            return [self._entry(seq, rec) for seq, rec in reversed(rows)]
        return list(deque(self.after(0, wanted), maxlen=limit))

    def after(self, seq: int, wanted: Filter) -> Iterator[Entry]:
        """The entries behind this one that fit, oldest first, found by looking at each."""
        rows = self.connection.execute(
            "SELECT seq, rec FROM leaf WHERE seq>? AND rec NOT NULL ORDER BY seq", (seq,)
        )
        for found, rec in rows:
            entry = self._entry(found, rec)
            if wanted.fits(entry, self.facets(entry.record)):
                yield entry

    def of_job(self, job: int) -> list[Entry]:
        """Everything about a job, oldest first."""
        return list(self.after(0, Filter(job=job)))

    def of_message(self, key: str) -> list[Entry]:
        """A message and what was decided about it, oldest first; without the jobs it led to."""
        return [
            entry
            for entry in self.after(0, Filter())
            if key and message_key(entry.record) == key and not job_of(entry.record)
        ]

    def facets(self, record: Record) -> frozenset[str]:
        """By what a record can be found. To be asked for in order: jobs name their project once."""
        job = job_of(record)
        if job and isinstance(project := record.data.get("project"), str) and project:
            self._projects[job] = project
        return facets_of(record, self._projects.get(job, ""))

    def _entry(self, seq: int, encoded: bytes) -> Entry:
        rows = self.connection.execute("SELECT name, value FROM payload WHERE seq=?", (seq,))
        return Entry(decoded(seq, encoded), dict(rows.fetchall()))


@contextmanager
def opened(path: Path) -> Iterator[Log]:
    """The log as it is now.

    Raises AuditUnavailable when it cannot be read, AuditBroken when a record makes no sense.
    """
    try:
        with reading(path) as connection:
            yield Log(connection)
    except ERRORS as error:
        raise AuditUnavailable(
            f"cannot read the audit log {path}: {error}",
            hint="is the path right, and may you read it? Has dispatchd ever run?",
        ) from error


def entries(path: Path, wanted: Filter, *, limit: int) -> list[Entry]:
    """The newest matching entries, oldest first. Raises what `opened` raises."""
    with opened(path) as log:
        return log.newest(wanted, limit)


def decoded(seq: int, encoded: bytes) -> Record:
    """A stored record. Raises AuditBroken, which names it."""
    try:
        return decode(encoded)
    except ValueError as error:
        raise AuditBroken(
            f"record {seq} of the audit log is damaged: {error}",
            hint="run: dispatchctl audit verify",
        ) from error
