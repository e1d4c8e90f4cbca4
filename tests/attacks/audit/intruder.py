"""Somebody with write access to the database file, and perhaps with a key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from appliance.audit.checkpoint import Checkpoint, PublicKey, note
from appliance.audit.keys import SigningKey
from appliance.core.merkle import CompactRange
from appliance.core.records import NO_PREVIOUS, Record, decode, encode, leaf_hash

Row = tuple[int, bytes, bytes, bytes | None, bytes | None]
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


def rewrite(database: Path, key: SigningKey, edit: Edit) -> None:
    """The best a thief of a key can do: change records and rebuild chain, tree and signatures.

    Everything before the first change stays as it was; everything after it, the stored
    checkpoints too, is signed with the stolen key.
    """
    before = records(database)
    after = _chained(edit(list(before)))
    same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    with unprotected(database) as connection:
        signed = {seq for (seq,) in connection.execute("SELECT seq FROM leaf WHERE sig NOT NULL")}
        noted = dict(connection.execute("SELECT size, reason FROM ckpt").fetchall())
        connection.execute("DELETE FROM leaf WHERE seq > ?", (same,))
        connection.execute("DELETE FROM ckpt WHERE size > ?", (same,))
        tree = CompactRange()
        for record in after:
            encoded = encode(record)
            tree.append(leaf_hash(encoded))
            if record.seq <= same:
                continue
            head = Checkpoint(record.log, tree.size, tree.root())
            is_signed = record.seq in signed or record is after[-1]
            seal = (head.root, key.sign(head)) if is_signed else (None, None)
            connection.execute(
                "INSERT INTO leaf VALUES (?, ?, ?, ?, ?)",
                (record.seq, encoded, leaf_hash(encoded), *seal),
            )
            if record.seq in noted:
                text = str(note(head, PublicKey(head.origin, key.public), key.sign(head)))
                connection.execute(
                    "INSERT INTO ckpt VALUES (?, ?, ?, ?)",
                    (record.seq, text, noted[record.seq], tree.peaks()),
                )


def _chained(wanted: Sequence[Record]) -> list[Record]:
    done: list[Record] = []
    previous = NO_PREVIOUS
    for seq, record in enumerate(wanted, 1):
        done.append(replace(record, seq=seq, previous=previous))
        previous = leaf_hash(encode(done[-1]))
    return done
