"""What notes say that the log was: those it keeps, those it says were posted, and anchors.

An anchor is a note from elsewhere. It counts when this log signed it: by its identity, or by the
key of the epoch that it is from. Anybody can write a note, so one that is not signed proves
nothing, neither for the log nor against it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from appliance.audit.checkpoint import Note, parse_note
from appliance.audit.database import ANCHOR, EPOCH, GENESIS, PRUNE
from appliance.audit.signatures import Signatures
from appliance.audit.structure import Fault
from appliance.core import anchors
from appliance.core.merkle import CompactRange

_KEPT = """
    SELECT ifnull(CAST(note AS BLOB), x''), ifnull(CAST(reason AS BLOB), x''),
        CAST(peaks AS BLOB)
    FROM ckpt WHERE size=?"""
_SIZES = """
    SELECT ifnull(CAST(size AS INTEGER), 0) FROM ckpt
    UNION SELECT ifnull(CAST(size AS INTEGER), 0) FROM anchor"""
_POSTED = """
    SELECT ifnull(CAST(sink AS BLOB), x''), ifnull(CAST(receipt AS BLOB), x'')
    FROM anchor WHERE size=? ORDER BY sink, receipt"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint that is stored with the log."""

    note: Note
    reason: str
    peaks: bytes | None


def notes_in(text: str) -> Iterator[Note]:
    """The notes in a text, without the signatures of others. Raises ValueError for a broken one."""
    for found in anchors.find(text):
        body, _, lines = found.partition("\n\n")
        origin = body.partition("\n")[0]
        own = [line for line in lines.splitlines() if line.split(" ")[1] == origin]
        yield parse_note("\n".join([body, "", *own, ""]))


def kept_at(connection: sqlite3.Connection, size: int) -> Kept | None:
    """The checkpoint stored for this size. Raises Fault when it cannot be read."""
    row = connection.execute(_KEPT, (size,)).fetchone()
    if row is None:
        return None
    text, reason, peaks = row
    try:
        return Kept(parse_note(text.decode()), reason.decode(), peaks)
    except ValueError as error:
        raise Fault(size, f"the stored checkpoint cannot be read: {error}") from error


def posted_at(connection: sqlite3.Connection, size: int) -> Iterator[tuple[str, Note]]:
    """Where a checkpoint of this size was posted, and what was. Raises Fault if unreadable."""
    for sink, receipt in connection.execute(_POSTED, (size,)):
        name = sink.decode(errors="replace")
        try:
            for note in notes_in(receipt.decode()):
                yield f"the checkpoint posted to {name}", note
        except ValueError as error:
            raise Fault(size, f"the checkpoint posted to {name} is malformed: {error}") from error


def check_kept(kept: Kept, tree: CompactRange, signatures: Signatures, sealed: bytes) -> None:
    """A stored checkpoint must be this tree's, signed by identity and epoch and nobody else.

    `sealed` is the signature beside the last record, already checked. Raises Fault.
    """
    size = tree.size
    require_state("the stored checkpoint", kept.note, tree, signatures)
    signers = (signatures.identity, signatures.key)
    lines = {(line.name, line.key_id): line.raw for line in kept.note.signatures}
    if (
        len(kept.note.signatures) != len(signers)
        or lines.keys() != {(key.name, key.id) for key in signers}
        or lines[signatures.key.name, signatures.key.id] != sealed
        or not kept.note.signed_by(signatures.identity)
    ):
        raise Fault(
            size,
            f"the stored checkpoint for {size} records is not signed by the log's identity and "
            f"its epoch's key, and nobody else",
        )
    if kept.reason not in (GENESIS, EPOCH, ANCHOR, PRUNE):
        raise Fault(size, f"a checkpoint is stored because of {kept.reason!r}, which is unknown")
    if kept.peaks != tree.peaks():
        raise Fault(size, f"the peaks kept for {size} records are not those of the tree")


def require_state(source: str, note: Note, tree: CompactRange, signatures: Signatures) -> None:
    """Raises Fault unless the note is of this log, and of the tree as it is."""
    checkpoint = note.checkpoint
    if checkpoint.size != tree.size:
        raise Fault(tree.size, f"{source} here is of {checkpoint.size} records")
    if checkpoint.origin != signatures.genesis.name:
        raise Fault(1, f"{source} is of the log {checkpoint.origin}, not of this one")
    if checkpoint.root != tree.root():
        raise Fault(tree.size, f"{source} for {tree.size} records tells of other records")


def sizes(connection: sqlite3.Connection, notes: Iterable[Note]) -> list[int]:
    """At how many records something claims to know what the log was. Raises Fault."""
    stored = {size for (size,) in connection.execute(_SIZES)}
    if any(size < 1 for size in stored):
        raise Fault(0, "there is a checkpoint of no record")
    return sorted(stored | {note.checkpoint.size for note in notes})
