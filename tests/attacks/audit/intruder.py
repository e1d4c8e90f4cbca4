"""Somebody with write access to the database file, and perhaps with the keys of today."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from appliance.audit import keys
from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    parse_public_key,
    signature_line,
)
from appliance.audit.database import PUBLIC_KEY
from appliance.audit.heads import last_note
from appliance.audit.keys import SigningKey
from appliance.audit.verify import Verdict, Verification, verify
from appliance.core.merkle import CompactRange
from appliance.core.records import NO_PREVIOUS, Record, decode, encode, leaf_hash

Edit = Callable[[list[Record]], Sequence[Record]]


@contextmanager
def unprotected(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection for which no trigger stands in the way."""
    with closing(sqlite3.connect(database)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type='trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        connection.commit()


def run(database: Path, *statements: str) -> None:
    with unprotected(database) as connection:
        for statement in statements:
            connection.execute(statement)


def records(database: Path) -> list[Record]:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT rec FROM leaf ORDER BY seq").fetchall()
    return [decode(encoded) for (encoded,) in rows]


def put(database: Path, seq: int, encoded: bytes) -> None:
    """Replace a record and make its hash fit."""
    with unprotected(database) as connection:
        connection.execute(
            "UPDATE leaf SET rec=?, h=? WHERE seq=?", (encoded, leaf_hash(encoded), seq)
        )


def harmless(found: Record) -> Record:
    """The record with another command in it."""
    return replace(found, data={**found.data, "object": "git status"})


def tampered(database: Path, reason: str, seq: int | None = None) -> Verification:
    """What verification finds, which must be this."""
    found = verify(database)
    assert found.verdict is Verdict.TAMPERED, found
    assert reason in found.reason
    assert seq is None or found.seq == seq
    return found


# --- keys and notes, stolen or seen


def first_key(database: Path) -> PublicKey:
    return parse_public_key((database.parent / PUBLIC_KEY).read_text())


def stolen_key(database: Path) -> SigningKey:
    """The key of the current epoch."""
    (path,) = database.parent.glob("epoch-*.key")
    return keys.load(database.parent, int(path.stem.removeprefix("epoch-")))


def newest_note(database: Path) -> Note:
    """What was posted elsewhere at the last signed row, before the attack."""
    with closing(sqlite3.connect(database)) as connection:
        return last_note(connection)


def signed(head: Checkpoint, *signers: SigningKey) -> Note:
    """A note with a signature of each."""
    lines = (
        signature_line(PublicKey(head.origin, signer.public), signer.sign(head))
        for signer in signers
    )
    return Note(head, tuple(lines))


def rewrite(database: Path, key: SigningKey, edit: Edit) -> None:
    """The best that whoever has stolen the keys of today can do.

    Records are changed, and chain, tree, signatures and stored checkpoints are made anew from
    the first change on.
    """
    before = records(database)
    after = _chained(edit(list(before)))
    same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    identity = keys.load_identity(database.parent)
    with unprotected(database) as connection:
        ends = {seq for (seq,) in connection.execute("SELECT seq FROM leaf WHERE sig NOT NULL")}
        reasons = dict(connection.execute("SELECT size, reason FROM ckpt").fetchall())
        connection.execute("DELETE FROM leaf WHERE seq > ?", (same,))
        connection.execute("DELETE FROM ckpt WHERE size > ?", (same,))
        tree = CompactRange()
        for record in after:
            encoded = encode(record)
            tree.append(leaf_hash(encoded))
            if record.seq <= same:
                continue
            head = Checkpoint(record.log, tree.size, tree.root())
            is_end = record.seq in ends or record is after[-1]
            seal = (head.root, key.sign(head)) if is_end else (None, None)
            connection.execute(
                "INSERT INTO leaf VALUES (?, ?, ?, ?, ?)",
                (record.seq, encoded, leaf_hash(encoded), *seal),
            )
            if record.seq in reasons:
                note = str(signed(head, identity, key))
                connection.execute(
                    "INSERT INTO ckpt VALUES (?, ?, ?, ?)",
                    (record.seq, note, reasons[record.seq], tree.peaks()),
                )


def _chained(wanted: Sequence[Record]) -> list[Record]:
    done: list[Record] = []
    previous = NO_PREVIOUS
    for seq, record in enumerate(wanted, 1):
        done.append(replace(record, seq=seq, previous=previous))
        previous = leaf_hash(encode(done[-1]))
    return done
