"""What the log knows of the checkpoints that are kept elsewhere, and what those know of the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from appliance.audit.checkpoint import Note
from appliance.audit.database import consulted
from appliance.audit.growth import grown
from appliance.audit.keyring import public_keys
from appliance.core.merkle import CompactRange
from appliance.core.model import Millis
from appliance.core.records import decode
from appliance.errors import ApplianceError, AuditBroken

_ANCHORS = """
    SELECT anchor.size, sink, receipt, rec FROM anchor LEFT JOIN leaf ON seq=anchor.size
    ORDER BY anchor.size, sink"""


@dataclass(frozen=True, slots=True)
class Anchored:
    """A sink has confirmed the checkpoint of `size` records, of which the last is of `time`."""

    size: int
    sink: str
    receipt: str
    time: Millis | None  # not known any more when that record was pruned


def anchored(database: Path) -> Sequence[Anchored]:
    """All of them, the smallest first. Raises AuditUnavailable or AuditBroken."""
    with _sound(database) as connection:
        rows = connection.execute(_ANCHORS).fetchall()
        return [
            Anchored(size, sink, receipt, decode(bytes(rec)).time if rec else None)
            for size, sink, receipt, rec in rows
        ]


def contradiction(database: Path, note: Note) -> str:
    """What a checkpoint from elsewhere says against the log, "" when it agrees.

    Raises ApplianceError when the log's identity did not sign it: anybody can write such a text.
    Raises AuditUnavailable or AuditBroken when the log cannot be read.
    """
    checkpoint = note.checkpoint
    _require_signed(database, note)
    with _sound(database) as connection:
        (size,) = connection.execute("SELECT ifnull(max(seq), 0) FROM leaf").fetchone()
        if size < checkpoint.size:
            return f"the log has only {size:,} records: it was cut off, or restored from a copy"
        if grown(connection, CompactRange(), 0, checkpoint.size).root() != checkpoint.root:
            return "it tells of other records: the log was rewritten"
    return ""


def _require_signed(database: Path, note: Note) -> None:
    identity = public_keys(database).identity
    about = f"the checkpoint of {note.checkpoint.size:,} records"
    if note.checkpoint.origin != identity.name:
        raise ApplianceError(f"{about} is of another log, {note.checkpoint.origin}")
    if not note.signed_by(identity):
        raise ApplianceError(
            f"{about} is not signed by this log: it proves nothing, and was not recorded",
            hint="was all of the message copied? Otherwise somebody has made it up",
        )


@contextmanager
def _sound(database: Path) -> Iterator[Connection]:
    try:
        with consulted(database) as connection:
            yield connection
    except (ValueError, TypeError) as error:
        raise AuditBroken(
            f"the audit log {database} is damaged: {error}", hint="run: dispatchctl audit verify"
        ) from error
