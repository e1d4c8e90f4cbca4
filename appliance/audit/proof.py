"""Proofs for outsiders: that a record is in the log, and that the log has only grown.

The first is a C2SP tlog-proof (c2sp.org/tlog-proof): the record's place, the hashes from its leaf
up to the root, and the note that signs the root; the record itself is its extra data. With the
log's public key anybody can check it, without the rest of the log and off-line.

The second is written as C2SP witnesses are asked (c2sp.org/tlog-witness): the old size, the
hashes, and the note of the new state. Whoever has kept the old note can check it.
"""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.checkpoint import Checkpoint, Note, parse_note
from appliance.audit.database import ERRORS, reading
from appliance.audit.growth import consistency, grown
from appliance.audit.heads import last_note
from appliance.core.merkle import (
    CompactRange,
    inclusion_spans,
    root_by_inclusion,
    roots_by_consistency,
)
from appliance.errors import ApplianceError, AuditBroken, AuditUnavailable

_NEWEST = "SELECT note FROM ckpt WHERE size>=? ORDER BY size DESC LIMIT 1"
_FIRST = "SELECT note FROM ckpt WHERE size>=? ORDER BY size LIMIT 1"


@dataclass(frozen=True, slots=True)
class Proofs:
    """That record `seq` is in the log of `note`, and by old size, that the log grew to it."""

    seq: int
    note: Note
    inclusion: str
    growth: Mapping[int, str]


def prove(database: Path, seq: int, anchors: Sequence[Note] = ()) -> Proofs:
    """Prove record `seq`, and the growth of the log since the anchors.

    Without an anchor it is the growth since the first checkpoint that the log keeps and that
    covers the record. Raises ApplianceError when there is no such record or an anchor is of
    another log or a larger one, AuditBroken when the log does not prove what it has signed,
    AuditUnavailable when it cannot be read.
    """
    with _proving(database), reading(database) as connection:
        _require_record(connection, seq)
        note = _note_over(connection, seq)
        olds = [anchor.checkpoint for anchor in anchors] or _first_over(connection, seq)
        return Proofs(
            seq,
            note,
            _inclusion(connection, seq, note),
            {old.size: _growth(database, old, note) for old in olds},
        )


def growth_since(database: Path, kept: Note | None) -> str:
    """The newest checkpoint that the log's identity has signed, and that the log grew to it.

    Since the checkpoint that was `kept`, else since the first one. Raises what `prove` raises.
    """
    with _proving(database), reading(database) as connection:
        note = _note_over(connection, 1)
        olds = [kept.checkpoint] if kept else _first_over(connection, 1)
        return _growth(database, olds[0] if olds else note.checkpoint, note)


@contextmanager
def _proving(database: Path) -> Iterator[None]:
    try:
        yield
    except ERRORS as error:
        raise AuditUnavailable(f"cannot read the audit log {database}: {error}") from error
    except (ValueError, TypeError) as error:
        raise AuditBroken(
            f"the audit log {database} proves nothing: {error}",
            hint="run: dispatchctl audit verify",
        ) from error


def _require_record(connection: sqlite3.Connection, seq: int) -> None:
    (size,) = connection.execute("SELECT ifnull(max(seq), 0) FROM leaf").fetchone()
    if not 0 < seq <= size:
        raise ApplianceError(f"there is no record {seq}", hint=f"the log has {size} records")


def _note_over(connection: sqlite3.Connection, seq: int) -> Note:
    """The newest note that the log keeps, signed by its identity as well, if it covers a record.

    The newest records have only the signature of their epoch's key.
    """
    row = connection.execute(_NEWEST, (seq,)).fetchone()
    return parse_note(row[0]) if row else last_note(connection)


def _first_over(connection: sqlite3.Connection, seq: int) -> list[Checkpoint]:
    row = connection.execute(_FIRST, (seq,)).fetchone()
    return [parse_note(row[0]).checkpoint] if row else []


def _inclusion(connection: sqlite3.Connection, seq: int, note: Note) -> str:
    head = note.checkpoint
    leaf, record = connection.execute("SELECT h, rec FROM leaf WHERE seq=?", (seq,)).fetchone()
    proof = [
        grown(connection, CompactRange(), begin, end).root()
        for begin, end in inclusion_spans(seq - 1, head.size)
    ]
    if root_by_inclusion(leaf, seq - 1, head.size, proof) != head.root:
        raise ValueError(f"record {seq} is not in the tree that was signed")
    lines = [
        "c2sp.org/tlog-proof@v1",
        *([f"extra {_base64(record)}"] if record is not None else []),  # it may be pruned
        f"index {seq - 1}",
        *map(_base64, proof),
    ]
    return _text(lines, note)


def _growth(database: Path, old: Checkpoint, note: Note) -> str:
    new = note.checkpoint
    if old.origin != new.origin:
        raise ApplianceError(f"the anchor is of the log {old.origin}, not of this one")
    if old.size > new.size:
        raise ApplianceError(
            f"the anchor tells of {old.size} records, but the newest checkpoint of {new.size}",
            hint="run: dispatchctl audit verify --anchor FILE",
        )
    proof = consistency(database, old.size, new.size)
    if roots_by_consistency(old.size, new.size, old.root, proof) != (old.root, new.root):
        raise ValueError(f"its first {old.size} records are not those that were signed")
    return _text([f"old {old.size}", *map(_base64, proof)], note)


def _text(lines: Sequence[str], note: Note) -> str:
    return "".join(f"{line}\n" for line in (*lines, "")) + str(note)


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
