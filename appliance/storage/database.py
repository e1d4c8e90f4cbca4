"""Opening the state database and keeping its promises: one writer, durable commits, one schema."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import StorageUnavailable
from appliance.storage.migrations import STEPS, Schema, bring_up

SCHEMA_VERSION = 1

TABLES = """
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, user TEXT NOT NULL, sender TEXT NOT NULL,
    place TEXT NOT NULL, content TEXT NOT NULL, message_id TEXT NOT NULL,
    urgent INTEGER NOT NULL, handled INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX inbox_waiting ON inbox(urgent DESC, seq) WHERE handled = 0;
CREATE INDEX inbox_user ON inbox(user, seq);
CREATE INDEX inbox_place ON inbox(place, seq) WHERE message_id != '';
CREATE INDEX inbox_message ON inbox(place, message_id) WHERE message_id != '';
CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, place TEXT NOT NULL,
    requester TEXT NOT NULL, sender TEXT NOT NULL, project TEXT NOT NULL, work TEXT NOT NULL,
    words TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL, after INTEGER,
    parallel INTEGER NOT NULL,
    read_only INTEGER NOT NULL, keeps_session INTEGER NOT NULL, pending INTEGER NOT NULL,
    started_at INTEGER, ended_at INTEGER, session TEXT NOT NULL, reason TEXT NOT NULL,
    usage TEXT NOT NULL, message_id TEXT NOT NULL,
    tree INTEGER) STRICT;
CREATE INDEX job_unfinished ON job(id)
    WHERE state IN ('received', 'waiting_approval', 'queued', 'running');
CREATE INDEX job_place ON job(place, id);
CREATE TABLE step (
    id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES job(id), at INTEGER NOT NULL,
    what TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX step_job ON step(job, id);
CREATE INDEX job_cost ON job(requester, ended_at);
CREATE TABLE snapshots (
    job INTEGER PRIMARY KEY REFERENCES job(id), project TEXT NOT NULL, root TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, trouble TEXT NOT NULL, files INTEGER NOT NULL,
    added INTEGER NOT NULL, removed INTEGER NOT NULL) STRICT;
CREATE TABLE approval (
    id TEXT PRIMARY KEY, job INTEGER NOT NULL REFERENCES job(id), request TEXT NOT NULL,
    requester TEXT NOT NULL, tool TEXT NOT NULL, summary TEXT NOT NULL,
    input_sha256 TEXT NOT NULL, directory TEXT NOT NULL, asks TEXT NOT NULL,
    asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, state TEXT NOT NULL,
    answered_by TEXT NOT NULL, reason TEXT NOT NULL, given_by TEXT NOT NULL,
    for_job INTEGER NOT NULL, answered_at INTEGER NOT NULL, why TEXT NOT NULL,
    input TEXT NOT NULL, renewed_by TEXT NOT NULL) STRICT;
CREATE INDEX approval_open ON approval(asked_at) WHERE state IN ('pending', 'given');
CREATE INDEX approval_for_job ON approval(job) WHERE for_job = 1;
CREATE TABLE let_through (
    approval TEXT NOT NULL, request TEXT NOT NULL, summary TEXT NOT NULL,
    PRIMARY KEY (approval, request)) STRICT;
CREATE TABLE reason_awaited (
    user TEXT NOT NULL, approval TEXT NOT NULL, PRIMARY KEY (user, approval)) STRICT, WITHOUT ROWID;
CREATE TABLE question (
    id TEXT PRIMARY KEY, job INTEGER NOT NULL REFERENCES job(id), request TEXT NOT NULL,
    requester TEXT NOT NULL, asking TEXT NOT NULL, asks TEXT NOT NULL,
    asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, state TEXT NOT NULL,
    chosen TEXT NOT NULL, answer TEXT NOT NULL, answered_by TEXT NOT NULL,
    answered_at INTEGER NOT NULL) STRICT;
CREATE INDEX question_open ON question(job) WHERE state = 'open';
CREATE TABLE counted (
    counter TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (counter, key)) STRICT, WITHOUT ROWID;
CREATE INDEX counted_at ON counted(counter, at);
CREATE TABLE refusal (
    place TEXT PRIMARY KEY, at INTEGER NOT NULL, request TEXT NOT NULL,
    denied TEXT NOT NULL) STRICT;
CREATE TABLE conversation (
    place TEXT PRIMARY KEY, project TEXT, session TEXT NOT NULL, since INTEGER NOT NULL) STRICT;
CREATE TABLE preference (place TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT;
CREATE TABLE remainder (
    id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, rest TEXT NOT NULL,
    whole TEXT NOT NULL, cuts_code INTEGER NOT NULL) STRICT;
CREATE TABLE kept_files (
    place TEXT NOT NULL, user TEXT NOT NULL, files TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (place, user)) STRICT;
CREATE TABLE named_file (
    job INTEGER NOT NULL REFERENCES job(id), number INTEGER NOT NULL, path TEXT NOT NULL,
    PRIMARY KEY (job, number)) STRICT;
CREATE TABLE speech (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, place TEXT NOT NULL,
    user TEXT NOT NULL, sender TEXT NOT NULL, file TEXT NOT NULL, text TEXT,
    at INTEGER NOT NULL) STRICT;
CREATE TABLE awake (
    one INTEGER PRIMARY KEY CHECK (one = 1), until INTEGER NOT NULL, user TEXT NOT NULL,
    place TEXT NOT NULL) STRICT;
CREATE TABLE pairing (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, opened_by TEXT NOT NULL, code_sha256 TEXT NOT NULL,
    opened_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, state TEXT NOT NULL,
    wrong_tries INTEGER NOT NULL, account TEXT NOT NULL, called TEXT NOT NULL) STRICT;
CREATE TABLE account (
    sender TEXT PRIMARY KEY, user TEXT NOT NULL, called TEXT NOT NULL, paired_at INTEGER NOT NULL,
    paired_by TEXT NOT NULL) STRICT;
CREATE TABLE paired_place (
    place TEXT PRIMARY KEY, paired_at INTEGER NOT NULL, paired_by TEXT NOT NULL) STRICT;
CREATE TABLE proposal (
    id TEXT PRIMARY KEY, asked_at INTEGER NOT NULL, state TEXT NOT NULL,
    content TEXT NOT NULL) STRICT;
CREATE INDEX proposal_open ON proposal(asked_at) WHERE state IN ('pending', 'accepted');
CREATE TABLE lockdown (
    id TEXT PRIMARY KEY, asked_at INTEGER NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL,
    since INTEGER, lifted_at INTEGER, lifted_by TEXT NOT NULL) STRICT;
CREATE INDEX lockdown_held ON lockdown(since) WHERE since IS NOT NULL AND lifted_at IS NULL;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, kind TEXT NOT NULL,
    reply TEXT NOT NULL, attachment BLOB, edits INTEGER REFERENCES outbox(id),
    click TEXT NOT NULL, marks TEXT NOT NULL, label TEXT NOT NULL, job INTEGER,
    urgency INTEGER NOT NULL, state TEXT NOT NULL,
    message_id TEXT NOT NULL DEFAULT '', after_id TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0, first_tried_at INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    put_at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER) * 1000)) STRICT;
CREATE INDEX outbox_waiting ON outbox(place, id) WHERE state IN ('waiting', 'ready', 'trying');
CREATE INDEX outbox_label ON outbox(label) WHERE label != '';
CREATE INDEX outbox_last ON outbox(place, id) WHERE message_id != '';
CREATE INDEX outbox_message ON outbox(place, message_id) WHERE message_id != '';
CREATE INDEX outbox_marks ON outbox(place, marks) WHERE marks != '';
CREATE TABLE restored (
    one INTEGER PRIMARY KEY CHECK (one = 1), made_at INTEGER NOT NULL) STRICT;
CREATE TABLE transcript (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, position INTEGER NOT NULL, chat TEXT NOT NULL,
    message_id TEXT NOT NULL, payload TEXT NOT NULL, attachment BLOB,
    UNIQUE (chat, message_id)) STRICT;
CREATE INDEX transcript_seq ON transcript(chat, seq);
CREATE INDEX transcript_position ON transcript(chat, position);
"""

SCHEMA = Schema(SCHEMA_VERSION, TABLES, STEPS)


class Database:
    """The one writing connection to a state database, under a lock of its own.

    Raises StorageUnavailable when another process holds it, it was made by a newer version, or
    SQLite cannot give the durability we ask for.
    """

    def __init__(self, path: Path, schema: Schema = SCHEMA) -> None:
        self.path = path
        self._lock = lock(path)
        try:
            self._connection = _opened(path, schema)
        except BaseException:
            os.close(self._lock)
            raise
        self._depth = 0

    def close(self) -> None:
        self._connection.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is durable when the block is left, or nothing is. Blocks may nest."""
        with self._errors():
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._roll_back()
            raise
        self._depth -= 1
        if self._depth == 0:
            self._commit()

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        with self._errors():
            return self._connection.execute(statement, values)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._errors():
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        rows = self.rows(query, *values)
        return rows[0] if rows else None

    def _commit(self) -> None:
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise StorageUnavailable(_sentence(self.path, error)) from error

    def _roll_back(self) -> None:
        # after SQLITE_FULL or IOERR SQLite may have rolled back by itself
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a broken constraint is our bug, not the disk's
        except sqlite3.Error as error:
            raise StorageUnavailable(_sentence(self.path, error)) from error


def _sentence(path: Path, error: sqlite3.Error) -> str:
    return f"cannot write the state database {path}: {error}"


def lock(path: Path) -> int:
    """A descriptor that keeps everybody else from a state database until it is closed.

    Raises StorageUnavailable when somebody has it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path.with_suffix(".lock"), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StorageUnavailable(
            f"another dispatchd is already using {path.parent}",
            hint="stop it first, or give this one another [daemon] state directory",
        ) from error
    return descriptor


def _opened(path: Path, schema: Schema) -> sqlite3.Connection:
    try:
        connection = _connect(path)
        try:
            bring_up(connection, path, schema)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise StorageUnavailable(f"cannot open the state database {path}: {error}") from error
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    # made 0600 before SQLite opens it: -wal and -shm take over the mode of the main file
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the platter
    connection.execute("PRAGMA foreign_keys = ON")
    durable = connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    if mode != "wal" or not durable:
        raise StorageUnavailable(f"SQLite does not offer durable WAL commits for {path}")
    return connection
