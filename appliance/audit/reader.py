"""Finds records for people. It reads, and vouches for nothing: see `verify`."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from appliance.audit import index
from appliance.audit.database import PRUNE, consulted
from appliance.audit.index import Index, IndexDamaged, Report
from appliance.audit.search import Entry, Filter, Projects, facets_of, job_of
from appliance.core.records import Record, decode
from appliance.errors import AuditBroken

_REPORT_EVERY = 10_000

Redactions = Mapping[tuple[int, str], Entry]
"""The records that tell why private values are gone, by record and name of the value."""


class Log:
    """One unchanging view of a log. Use `opened`.

    Searches leave out what they cannot read, and put into `damaged` what is wrong with it.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, report: Report, *, use_index: bool
    ) -> None:
        self.connection = connection
        self.damaged: dict[int, AuditBroken] = {}
        self._path = path
        self._report = report
        self._use_index = use_index
        self._projects = Projects()

    @property
    def size(self) -> int:
        """The number of the last record."""
        return index.size_of(self.connection)

    @property
    def is_indexed(self) -> bool:
        """Whether a search is quick."""
        if not self._use_index:
            return False
        with index.opened(self._path, self.connection, self._report) as found:
            return found is not None and self.size - found.size <= index.LAG

    def entry(self, seq: int) -> Entry | None:
        """The entry with this number; None when there is none, or it was pruned.

        Raises AuditBroken when it makes no sense.
        """
        encoded = self._encoded(seq)
        return None if encoded is None else self._entry(seq, encoded)

    def newest(self, wanted: Filter, limit: int | None = None) -> list[Entry]:
        """The newest entries that fit, or all, oldest first."""
        if wanted == Filter():
            return self._latest(limit)
        if self._use_index:
            with index.opened(self._path, self.connection, self._report) as found:
                if found is not None:
                    with suppress(IndexDamaged):
                        return self._searched(found, wanted, limit)
                    index.discard(self._path)
        return list(deque(self.after(0, wanted), maxlen=limit))

    def after(self, seq: int, wanted: Filter, projects: Projects | None = None) -> Iterator[Entry]:
        """The entries behind this one that fit, oldest first, found by looking at each."""
        projects, last = projects or Projects(), self.size
        rows = self.connection.execute(
            "SELECT seq, rec FROM leaf WHERE seq>? AND rec NOT NULL ORDER BY seq", (seq,)
        )
        for found, rec in rows:
            entry = self._readable(found, rec)
            if entry and wanted.fits(entry, projects.facets(entry.record)):
                yield entry
            if found % _REPORT_EVERY == 0:
                self._report(found, last)

    def of_job(self, job: int) -> list[Entry]:
        """Everything about a job, oldest first."""
        return self.newest(Filter(job=job))

    def of_message(self, key: str) -> list[Entry]:
        """A message and what was decided about it, oldest first; without the jobs it led to."""
        found = self.newest(Filter(message=key)) if key else []
        return [entry for entry in found if not job_of(entry.record)]

    def redactions(self) -> Redactions:
        return {
            (_number(entry, "seq"), str(entry.record.data.get("field"))): entry
            for entry in self.newest(Filter(kind="record.redacted"))
        }

    def pruned(self) -> Entry | None:
        """The record that tells which ones were pruned; the last, where it was done repeatedly."""
        row = self.connection.execute(
            "SELECT max(size) FROM ckpt WHERE reason=?", (PRUNE,)
        ).fetchone()
        return None if row[0] is None else self.entry(row[0])

    def leaf(self, seq: int) -> bytes | None:
        """The hash of a record, which is kept when the record is pruned."""
        row = self.connection.execute("SELECT h FROM leaf WHERE seq=?", (seq,)).fetchone()
        return None if row is None else row[0]

    def project_of(self, job: int) -> str:
        """The project of a job, "" when no record tells."""
        names = (entry.record.data.get("project") for entry in self.of_job(job))
        return next((name for name in names if isinstance(name, str) and name), "")

    def facets(self, record: Record) -> frozenset[str]:
        """By what a record can be found. To be asked for in order: jobs name their project once."""
        return self._projects.facets(record)

    def _latest(self, limit: int | None) -> list[Entry]:
        rows = self.connection.execute(
            "SELECT seq, rec FROM leaf WHERE rec NOT NULL ORDER BY seq DESC LIMIT ?",
            (-1 if limit is None else limit,),
        )
        entries = [entry for seq, rec in rows if (entry := self._readable(seq, rec))]
        return entries[::-1]

    def _searched(self, found: Index, wanted: Filter, limit: int | None) -> list[Entry]:
        """With the index, and by looking at each record that it does not know yet."""
        for seq in found.damaged():
            self._readable(seq, self._encoded(seq))
        projects = Projects(found.project_of)
        newer = deque(self.after(found.size, wanted, projects), maxlen=limit)
        room = None if limit is None else limit - len(newer)
        older = list(islice(self._indexed(found, wanted), room))
        return [*reversed(older), *newer]

    def _indexed(self, found: Index, wanted: Filter) -> Iterator[Entry]:
        for seq in found.candidates(wanted):
            entry = self._readable(seq, self._encoded(seq))
            # to which project a job belonged at that time only the index can tell
            if entry and wanted.fits(entry, facets_of(entry.record, wanted.project or "")):
                yield entry

    def _readable(self, seq: int, encoded: bytes | None) -> Entry | None:
        try:
            return None if encoded is None else self._entry(seq, encoded)
        except AuditBroken as error:
            self.damaged[seq] = error
            return None

    def _entry(self, seq: int, encoded: bytes) -> Entry:
        rows = self.connection.execute("SELECT name, value FROM payload WHERE seq=?", (seq,))
        return Entry(decoded(seq, encoded), dict(rows.fetchall()))

    def _encoded(self, seq: int) -> bytes | None:
        row = self.connection.execute("SELECT rec FROM leaf WHERE seq=?", (seq,)).fetchone()
        return None if row is None else row[0]


@contextmanager
def opened(path: Path, report: Report = index.unheard, *, use_index: bool = True) -> Iterator[Log]:
    """The log as it is now.

    `report` is told how far it is whenever everything has to be read. Raises AuditUnavailable
    when the log cannot be read.
    """
    with consulted(path) as connection:
        yield Log(connection, path, report, use_index=use_index)


def following(path: Path, wanted: Filter, last: int, wait: Callable[[], None]) -> Iterator[Entry]:
    """The entries behind record `last` that fit, as they come, for ever.

    `wait` lets some time pass and is called whenever everything there was has been given. A log
    that takes the place of this one is given from its beginning. Raises what `opened` raises when
    the log cannot be read any more.
    """
    projects = Projects(lambda job: _project_of(path, job))
    origin: bytes | None = None
    while True:
        with opened(path, use_index=False) as log:
            begin = log.leaf(1)
            if origin not in (None, begin):
                last = 0
            origin = begin
            found = list(log.after(last, wanted, projects))
            last = log.size
        yield from found
        wait()


def _project_of(path: Path, job: int) -> str:
    with opened(path) as log:
        return log.project_of(job)


def _number(entry: Entry, name: str) -> int:
    value = entry.record.data.get(name)
    return value if isinstance(value, int) else 0


def decoded(seq: int, encoded: bytes) -> Record:
    """A stored record. Raises AuditBroken, which names it."""
    try:
        return decode(encoded)
    except ValueError as error:
        raise AuditBroken(
            f"record {seq} of the audit log is damaged: {error}",
            hint="run: dispatchctl audit verify",
        ) from error
