"""The newest records for somebody far from the host, checked against what was signed.

Short on purpose: it is asked for by the daemon, which may add to the log and must not be able to
keep its writer from writing. So it looks at a bounded stretch of the log, and tells a few words of
each record. What it tells has been hashed up to a root that one of the log's keys has signed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from appliance.audit.checkpoint import Note, parse_note
from appliance.audit.database import reading
from appliance.audit.growth import grown
from appliance.audit.heads import signer_of
from appliance.audit.search import Entry, Filter, facets_of, job_of, word
from appliance.core.excerpts import Excerpt, LogLine
from appliance.core.merkle import CompactRange
from appliance.core.model import Millis
from appliance.core.records import Record, decode, leaf_hash

LOOKED_AT = 2_000
SHOWN = 15
_WHAT_CHARACTERS = 120
_REDACTED = "[redacted]"

_PAGE = "SELECT seq, rec, h FROM leaf WHERE seq<? AND seq>=? ORDER BY seq DESC"
_KEPT = "SELECT note FROM ckpt WHERE size>=? ORDER BY size LIMIT 1"
_EARLIER = "SELECT size, peaks FROM ckpt WHERE size<=? ORDER BY size DESC LIMIT 1"


def wanted(who: str, job: int, since: int) -> Filter:
    """ "" and 0 fit everything."""
    return Filter(who=who or None, job=job or None, since=Millis(since) if since else None)


def newest(database: Path, head: Note, fitting: Filter, before: int) -> Excerpt:
    """The newest records before this one that are wanted.

    Raises ValueError when they are not what was signed, sqlite3.Error when they cannot be read.
    """
    size = head.checkpoint.size
    end = min(before or size + 1, size + 1)
    with reading(database) as connection:
        lines, first = [], max(1, end - LOOKED_AT)
        for entry in _entries(connection, end, first):
            if fitting.fits(entry, facets_of(entry.record)):
                lines.append(_line(entry))
            if len(lines) == SHOWN:
                first = entry.record.seq
                break
        if end > 1:
            _verify(connection, first, end - 1, head)
        return Excerpt(tuple(lines), first, size, *_anchored(connection))


def _entries(connection: sqlite3.Connection, end: int, first: int) -> Iterator[Entry]:
    for seq, encoded, leaf in connection.execute(_PAGE, (end, first)):
        if encoded is None:  # pruned: its hash is kept
            continue
        if leaf_hash(encoded) != leaf:
            raise ValueError(f"record {seq} is not what was signed")
        values = connection.execute("SELECT name, value FROM payload WHERE seq=?", (seq,))
        yield Entry(decode(encoded), dict(values.fetchall()))


def _verify(connection: sqlite3.Connection, first: int, last: int, head: Note) -> None:
    """Hash the records from `first` to `last` up to a root that is signed."""
    kept = connection.execute(_KEPT, (last,)).fetchone()
    note = parse_note(kept[0]) if kept else head
    signed = note.checkpoint
    if not note.signed_by(signer_of(connection, signed.size)):
        raise ValueError(f"the checkpoint of {signed.size} records is not signed")
    earlier = connection.execute(_EARLIER, (first - 1,)).fetchone()
    tree = CompactRange.at(*earlier) if earlier else CompactRange()
    if grown(connection, tree, tree.size, signed.size).root() != signed.root:
        raise ValueError(f"the records {first} to {last} are not what was signed")


def _anchored(connection: sqlite3.Connection) -> tuple[int, int]:
    """The size of the newest checkpoint that a sink has, and when its last record was made."""
    (size,) = connection.execute("SELECT ifnull(max(size), 0) FROM anchor").fetchone()
    row = connection.execute("SELECT rec FROM leaf WHERE seq=?", (size,)).fetchone()
    if row is None or row[0] is None:
        return (0, 0)
    return (size, decode(row[0]).time)


def _line(entry: Entry) -> LogLine:
    record = entry.record
    is_agent = record.actor.type == "agent"  # of which there is one in each job
    return LogLine(
        seq=record.seq,
        at=record.time,
        who=record.actor.auth if is_agent else record.actor.id,
        kind=record.kind,
        what=" ".join(_words(entry))[:_WHAT_CHARACTERS],
        outcome=record.outcome,
    )


def _words(entry: Entry) -> Iterator[str]:
    """The fields that tell most come first: the end may be cut."""
    record = entry.record
    if (job := job_of(record)) and f"job:{job}" != record.actor.auth:
        yield f"job:{job}"
    for name in ("object", "tool", "reason", "path", "version"):
        if said := word(record, name):
            yield said
    yield from _private(record, entry)


def _private(record: Record, entry: Entry) -> Iterator[str]:
    for name in ("text", "input"):
        if name in record.commitments:
            yield entry.values.get(name, _REDACTED)
