"""The rows of the log as exports write them: in order, one at a time, however many there are.

A row tells what is no longer there as well: a record that was pruned is None, and a private
value that is gone says whether a record accounts for it. Nothing here vouches for anything: see
`verify`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlite_utils import Database

from appliance.audit.index import Report, unheard
from appliance.audit.reader import Log, decoded, opened
from appliance.audit.search import Entry, Filter
from appliance.core.events import RecordRedacted, name_of
from appliance.core.records import Record

_REPORT_EVERY = 1_000
_ROWS = "SELECT seq, rec, h FROM leaf ORDER BY seq"
_VALUES = "SELECT name, value FROM payload WHERE seq=:seq"
_HEAD = "SELECT seq, root, sig FROM leaf WHERE seq>=:seq AND sig IS NOT NULL ORDER BY seq LIMIT 1"
_REDACTIONS = "SELECT seq, rec FROM leaf WHERE instr(rec, :kind)"
_REDACTED_KIND = name_of(RecordRedacted)


class Gone(StrEnum):
    """Why a private value cannot be shown."""

    REDACTED = "redacted"  # a record says so
    MISSING = "missing"  # no record says so: `audit verify` calls it tampering


@dataclass(frozen=True, slots=True)
class Head:
    """The first signed state of the log that holds a record: what its proof leads to."""

    size: int
    root: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """One leaf of the tree. `encoded` and `record` are None when it was pruned.

    `head` is None for records that nothing signed covers.
    """

    seq: int
    leaf: bytes
    encoded: bytes | None
    record: Record | None
    values: Mapping[str, str]
    gone: Mapping[str, Gone]
    head: Head | None


def rows(path: Path, wanted: Filter | None = None, report: Report = unheard) -> Iterator[Row]:
    """All rows that fit, oldest first, in one unchanging view of a log that may be in use.

    With a filter pruned records are left out: nothing is known of them. `report` is told now and
    then how many were looked at. Raises what `reader.opened` raises.
    """
    with opened(path) as log:
        last = log.size
        for row in _Reading(log).rows():
            if wanted is None or _fits(wanted, row, log):
                yield row
            if row.seq % _REPORT_EVERY == 0:
                report(row.seq, last)


def _fits(wanted: Filter, row: Row, log: Log) -> bool:
    if row.record is None:
        return False
    return wanted.fits(Entry(row.record, row.values), log.facets(row.record))


class _Reading:
    """One pass; what is needed for many rows is looked up once."""

    def __init__(self, log: Log) -> None:
        # plugins of sqlite-utils are code of strangers, and none is needed here
        self._database = Database(log.connection, execute_plugins=False, recursive_triggers=False)
        self._head: Head | None = None
        self._redactions: frozenset[tuple[int, str]] | None = None

    def rows(self) -> Iterator[Row]:
        for found in self._database.query(_ROWS):
            yield self._row(found["seq"], found["rec"], found["h"])

    def _row(self, seq: int, encoded: bytes | None, leaf: bytes) -> Row:
        record = None if encoded is None else decoded(seq, encoded)
        committed = record.commitments if record else {}
        values = self._values(seq) if committed else {}
        gone = {name: self._why_gone(seq, name) for name in committed if name not in values}
        return Row(seq, leaf, encoded, record, values, gone, self._head_of(seq))

    def _values(self, seq: int) -> dict[str, str]:
        return {row["name"]: row["value"] for row in self._database.query(_VALUES, {"seq": seq})}

    def _head_of(self, seq: int) -> Head | None:
        if self._head is None or self._head.size < seq:
            found = next(iter(self._database.query(_HEAD, {"seq": seq})), None)
            self._head = Head(found["seq"], found["root"], found["sig"]) if found else None
        return self._head

    def _why_gone(self, seq: int, name: str) -> Gone:
        if self._redactions is None:
            self._redactions = frozenset(self._told_redactions())
        return Gone.REDACTED if (seq, name) in self._redactions else Gone.MISSING

    def _told_redactions(self) -> Iterator[tuple[int, str]]:
        kind = f'"kind":"{_REDACTED_KIND}"'.encode()
        for row in self._database.query(_REDACTIONS, {"kind": kind}):
            record = decoded(row["seq"], row["rec"])
            seq, field = record.data.get("seq"), record.data.get("field")
            # another record may have a field called kind
            if record.kind == _REDACTED_KIND and isinstance(seq, int) and isinstance(field, str):
                yield seq, field
