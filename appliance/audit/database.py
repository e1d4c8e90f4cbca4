"""The file of the log: its tables, and how it is opened for writing and for reading.

The schema is plain SQL and not sqlite-utils because the guarantees that matter here, CHECK
constraints and triggers, cannot be said otherwise. Triggers and STRICT stop accidents; an
intruder with the file can drop them, and is found by the hashes and signatures.

SQLite before 3.51.3 can lose acknowledged commits when two connections write or checkpoint at
once, so there is exactly one writing connection and everybody else opens the file read-only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from appliance.errors import AuditUnavailable

DIRECTORY = "audit"  # of the log, below the state directory
DATABASE = "audit.db"
PUBLIC_KEY = "audit.pub"
SIDE_FILES = (f"{DATABASE}-wal", f"{DATABASE}-shm")

# reasons of stored checkpoints; after the first two the last record names the key that signs on
GENESIS = "genesis"
EPOCH = "epoch"
ANCHOR = "anchor"  # it was, or was about to be, kept elsewhere
PRUNE = "prune"

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"

# INSERT OR REPLACE deletes without firing DELETE triggers, so what is there is looked for
_TAKEN = {
    "leaf": "NEW.seq IS NOT (SELECT ifnull(max(seq), 0) + 1 FROM leaf)",
    "payload": "EXISTS (SELECT 1 FROM payload WHERE seq=NEW.seq AND name=NEW.name)",
    "ckpt": "NEW.size <= (SELECT max(size) FROM ckpt)",
    "anchor": "EXISTS (SELECT 1 FROM anchor WHERE size=NEW.size AND sink=NEW.sink "
    "AND receipt=NEW.receipt)",
}

TRIGGERS = {
    **{
        f"{table}_{verb}": f"CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table} {_REFUSE}"
        for table in _TAKEN
        for verb in ("UPDATE", "DELETE")
    },
    **{
        f"{table}_INSERT": f"CREATE TRIGGER {table}_INSERT BEFORE INSERT ON {table} "
        f"WHEN {taken} {_REFUSE}"
        for table, taken in _TAKEN.items()
    },
}

# for people who look into the file with tools of their own; nothing of ours reads it
_VIEW = """
CREATE VIEW record AS SELECT
  seq,
  strftime('%Y-%m-%d %H:%M:%f', json_extract(r, '$.t') / 1000.0, 'unixepoch') AS time,
  json_extract(r, '$.kind') AS kind,
  json_extract(r, '$.outcome') AS outcome,
  json_extract(r, '$.actor.id') AS who,
  json_extract(r, '$.actor.auth') AS auth,
  json_extract(r, '$.d.project') AS project,
  ifnull(
    json_extract(r, '$.d.job'),
    iif(
      json_extract(r, '$.actor.type') = 'agent',
      0 + substr(json_extract(r, '$.actor.auth'), 1 + length('job:')),
      NULL
    )
  ) AS job,
  json_extract(r, '$.d.act') AS act,
  json_extract(r, '$.d.object') AS object,
  json_extract(r, '$.d.tool') AS tool,
  json_extract(r, '$.d.rule') AS rule,
  json_extract(r, '$.d.reason') AS reason,
  json_extract(r, '$.d') AS fields,
  (SELECT json_group_object(name, value) FROM payload WHERE payload.seq = leaf.seq) AS private,
  json_extract(r, '$.cause') AS cause,
  json_extract(r, '$.session') AS session,
  lower(hex(h)) AS hash
FROM (
  SELECT seq, h, iif(json_valid(CAST(rec AS TEXT)), CAST(rec AS TEXT), NULL) AS r FROM leaf
) AS leaf
""".strip()

SCHEMA = (
    # rec is NULL where the log was pruned
    "CREATE TABLE leaf(seq INTEGER PRIMARY KEY, "
    "rec BLOB CHECK(length(rec)<=65535), h BLOB NOT NULL CHECK(length(h)=32), "
    "root BLOB CHECK(length(root)=32), sig BLOB CHECK(length(sig)=64), "
    "CHECK((root IS NULL)=(sig IS NULL))) STRICT",
    "CREATE TABLE payload(seq INTEGER NOT NULL, name TEXT NOT NULL, salt BLOB NOT NULL, "
    "value TEXT NOT NULL, PRIMARY KEY(seq, name)) STRICT, WITHOUT ROWID",
    "CREATE TABLE ckpt(size INTEGER PRIMARY KEY, note TEXT NOT NULL, reason TEXT NOT NULL, "
    "peaks BLOB NOT NULL) STRICT",
    "CREATE TABLE anchor(size INTEGER NOT NULL, sink TEXT NOT NULL, receipt TEXT NOT NULL, "
    "PRIMARY KEY(size, sink, receipt)) STRICT, WITHOUT ROWID",
    *TRIGGERS.values(),
    _VIEW,
)

SCHEMA_VERSION = 1
STEPS: Mapping[int, Sequence[str]] = {0: ()}
"""Statements that lead on by one from each version; what was recorded is never changed.

Logs made before the first release say that they are of version 0, and have the tables of 1.
"""

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What using a database raises: a message that quotes a damaged schema may be no UTF-8."""

_SLICE = 10_000
_WITHOUT_CONTENTS = """
    SELECT leaf.seq, iif(ckpt.size IS NULL, NULL, rec), h, root, sig
    FROM leaf LEFT JOIN ckpt ON ckpt.size=leaf.seq AND ckpt.reason IN (?3, ?4)
    WHERE leaf.seq BETWEEN ?1 AND ?2 ORDER BY leaf.seq"""

_PRAGMAS = (
    # what is set is read back: SQLite ignores a PRAGMA that it does not know or cannot follow
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("fullfsync", "ON", 1),  # macOS: fsync alone stops at the drive's cache
    ("checkpoint_fullfsync", "ON", 1),
    ("cache_size", -256, -256),  # KiB: an append touches only the last pages
    ("secure_delete", "ON", 1),  # what is redacted or pruned is overwritten, not just unlinked
)


def open_for_writing(path: Path, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    """Open or make the database. Raises sqlite3.Error, also when a commit would not be durable."""
    connection = sqlite3.connect(
        path, factory=factory, isolation_level=None, check_same_thread=False
    )
    try:
        for name, value, expected in _PRAGMAS:
            connection.execute(f"PRAGMA {name}={value}")
            (actual,) = connection.execute(f"PRAGMA {name}").fetchone()
            if actual != expected:
                raise sqlite3.OperationalError(f"{name} is {actual} and cannot be {value}")
        bring_up(connection, SCHEMA_VERSION, STEPS)
    except BaseException:
        connection.close()
        raise
    return connection


def bring_up(
    connection: sqlite3.Connection, version: int, steps: Mapping[int, Sequence[str]]
) -> None:
    """Make the tables, or bring older ones up to this version, one transaction for each step.

    Raises sqlite3.Error when a newer version made them.
    """
    if not _has_tables(connection):
        _create(connection)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > version:
        raise sqlite3.NotSupportedError(
            f"a newer version made it (schema {found}, this one knows {version}): "
            "install that one again"
        )
    for number in range(found, version):
        with Transaction(connection):
            for statement in steps[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number + 1}")


class Transaction:
    """Everything inside is durable when the block is left, or the error says that it is not.

    A class and no generator: it is on the way of every append.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:  # SQLite may have rolled back by itself
                self._connection.execute("ROLLBACK")


def delete_value(connection: sqlite3.Connection, seq: int, name: str) -> None:
    """Delete a private value, inside a transaction."""
    with _unprotected(connection, "payload_DELETE"):
        connection.execute("DELETE FROM payload WHERE seq=? AND name=?", (seq, name))


def delete_contents(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Delete what the records from `first` to `last` say, inside a transaction.

    Hashes and signatures stay, and the records that name keys. The rows are put in again, since
    emptied in place they would keep all their pages.
    """
    with _unprotected(connection, "leaf_DELETE", "leaf_INSERT", "payload_DELETE"):
        connection.execute("DELETE FROM payload WHERE seq<=?", (last,))
        for start in range(first, last + 1, _SLICE):
            rows = (start, min(start + _SLICE - 1, last))
            kept = connection.execute(_WITHOUT_CONTENTS, (*rows, GENESIS, EPOCH)).fetchall()
            connection.execute("DELETE FROM leaf WHERE seq BETWEEN ? AND ?", rows)
            connection.executemany("INSERT INTO leaf VALUES (?, ?, ?, ?, ?)", kept)


def empty_wal(connection: sqlite3.Connection) -> bool:
    """Write the WAL into the database and cut it off; False while a reader still needs it."""
    (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


@contextmanager
def _unprotected(connection: sqlite3.Connection, *triggers: str) -> Iterator[None]:
    """Lift protections, inside a transaction that puts them back before it ends."""
    for name in triggers:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    yield
    for name in triggers:
        connection.execute(TRIGGERS[name])


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """One unchanging view of the database, live or not, that can write nothing.

    Raises sqlite3.Error when the file cannot be read as a database.
    """
    try:
        connection = _open_view(path, "mode=ro")
    except sqlite3.OperationalError:
        if path.with_name(path.name + "-wal").exists():
            raise
        # a log that was closed, where we may not write: SQLite cannot make the index of its WAL
        # there, and needs none
        connection = _open_view(path, "mode=ro&immutable=1")
    with closing(connection):
        yield connection


@contextmanager
def consulted(path: Path) -> Iterator[sqlite3.Connection]:
    """The same view for those who show what is in it. Raises AuditUnavailable."""
    try:
        with reading(path) as connection:
            yield connection
    except ERRORS as error:
        raise AuditUnavailable(
            f"cannot read the audit log {path}: {error}",
            hint="is the path right, and may you read it? Has dispatchd ever run?",
        ) from error


def missing_protection(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The statements of the schema that are no longer in force."""
    present = {sql for (sql,) in connection.execute("SELECT CAST(sql AS BLOB) FROM sqlite_schema")}
    return tuple(sql for sql in SCHEMA if sql.encode() not in present)


def _has_tables(connection: sqlite3.Connection) -> bool:
    (count,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return bool(count)


def _create(connection: sqlite3.Connection) -> None:
    with Transaction(connection):
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _open_view(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None
    )
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("BEGIN")
        _has_tables(connection)  # the view begins with the first read
    except BaseException:
        connection.close()
        raise
    return connection
