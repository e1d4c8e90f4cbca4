"""Signed notes as the log holds them: those it keeps, and one for its last signed record."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    decode_key,
    note,
    parse_note,
)
from appliance.audit.database import EPOCH, GENESIS

_LAST = "SELECT seq, root, sig FROM leaf WHERE sig NOT NULL ORDER BY seq DESC LIMIT 1"
_HAND_OVER = """
    SELECT rec FROM leaf WHERE seq=(
        SELECT max(size) FROM ckpt WHERE reason IN (?, ?) AND size < max(?, 2))"""


def kept_notes(connection: sqlite3.Connection) -> Iterator[Note]:
    """Every checkpoint that the log keeps as a note, smallest first.

    Raises ValueError for one that cannot be read.
    """
    for (text,) in connection.execute("SELECT note FROM ckpt ORDER BY size"):
        yield parse_note(text)


def last_note(connection: sqlite3.Connection) -> Note:
    """The note of the last record, as it is kept, or made of the signature beside the record.

    Nothing is verified. Raises ValueError when there is no record or the last one is not signed.
    """
    row = connection.execute(_LAST).fetchone()
    (size,) = connection.execute("SELECT max(seq) FROM leaf").fetchone()
    if row is None or row[0] != size:
        raise ValueError("the last record is not signed")
    kept = connection.execute("SELECT note FROM ckpt WHERE size=?", (size,)).fetchone()
    if kept is not None:
        return parse_note(kept[0])
    _, root, signature = row
    signer = signer_of(connection, size)
    return note(Checkpoint(signer.name, size, root), signer, signature)


def signer_of(connection: sqlite3.Connection, seq: int) -> PublicKey:
    """The key that the log names for the signature at a record. Raises ValueError without one."""
    row = connection.execute(_HAND_OVER, (GENESIS, EPOCH, seq)).fetchone()
    record = json.loads(row[0]) if row else {}
    data = record.get("d", {})
    named = data.get("next_public_key", data.get("public_key"))
    return PublicKey(record.get("log", ""), decode_key(str(named)))
