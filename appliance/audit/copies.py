"""Copies of a log for backups: of one moment, made while it is written. Keys are never copied.

Who may read the database copies its pages. Who may not, and is an administrator of the log, gets
what is stored record by record from whoever writes it, and puts it together again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

from appliance.audit.database import ERRORS, Transaction, consulted, open_for_writing, reading
from appliance.errors import AuditUnavailable

Report = Callable[[int, int], None]
"""Called now and then with how much is copied and how much there is, in pages or records."""

PART_BYTES = 150 * 1024
"""Of stored rows in one answer; on the wire they are at most four times as long."""

_PAGES = 2000
_ROWS_AT_ONCE = 2000
_TABLES = {
    "leaf": ("seq", "seq, rec, h, root, sig"),
    "payload": ("seq", "seq, name, salt, value"),
    "ckpt": ("size", "size, note, reason, peaks"),
    "anchor": ("size", "size, sink, receipt"),
}
"""What each table is ordered by, and its columns."""


class Log(Protocol):
    """Where what is stored can be asked for: `admin.Administration`."""

    def stored(self, after: int, last: int) -> tuple[int, tuple[bytes, ...]]: ...


def copy_log(database: Path, place: Path, report: Report) -> None:
    """Copy a log that may be in use. `place` becomes one file with mode 0600.

    Raises AuditUnavailable.
    """
    try:
        place.touch(mode=0o600, exist_ok=False)
        with consulted(database) as connection, closing(sqlite3.connect(place)) as copy:

            def progress(_status: int, left: int, total: int) -> None:
                report(total - left, total)

            connection.backup(copy, pages=_PAGES, progress=progress)
            copy.execute("PRAGMA journal_mode = DELETE")
    except (*ERRORS, OSError) as error:
        raise AuditUnavailable(f"cannot copy the audit log {database}: {error}") from error


def copy_served(log: Log, last: int, place: Path, report: Report) -> None:
    """The same by asking for the records up to `last`.

    What is redacted or pruned meanwhile makes a copy that does not verify: then it is to be made
    again. Raises AuditUnavailable.
    """
    try:
        place.touch(mode=0o600, exist_ok=False)
        with closing(open_for_writing(place, sqlite3.Connection)) as copy:
            copied = 0
            while copied < last:
                upto, rows = log.stored(copied, last)
                if not copied < upto <= last:
                    raise AuditUnavailable(f"the log ends at record {copied}, not at {last}")
                with Transaction(copy):
                    for row in rows:
                        _insert(copy, row)
                copied = upto
                report(copied, last)
            copy.execute("PRAGMA journal_mode = DELETE")
    except (*ERRORS, OSError, ValueError, TypeError, LookupError) as error:
        raise AuditUnavailable(f"cannot copy the audit log: {error}") from error


def stored(database: Path, after: int, last: int) -> tuple[int, tuple[bytes, ...]]:
    """What is stored of the records behind `after`, as much as fits into one answer.

    Up to which record, at least one where there is one. Raises sqlite3.Error.
    """
    with reading(database) as connection:
        upto = _fitting(connection, after, last)
        rows = (
            encoded(table, row)
            for table, (order, columns) in _TABLES.items()
            for row in connection.execute(
                f"SELECT {columns} FROM {table} WHERE {order}>? AND {order}<=? ORDER BY {order}",  # noqa: S608 - our own names
                (after, upto),
            )
        )
        return upto, tuple(rows)


def encoded(table: str, row: tuple[object, ...]) -> bytes:
    """A row as it goes over the wire: bytes are hexadecimal, in a list of their own."""
    values = [[value.hex()] if isinstance(value, bytes) else value for value in row]
    return json.dumps([table, *values]).encode()


def _insert(copy: sqlite3.Connection, row: bytes) -> None:
    table, *values = json.loads(row)
    _, columns = _TABLES[table]
    plain = [bytes.fromhex(value[0]) if isinstance(value, list) else value for value in values]
    gaps = ", ".join("?" for _ in plain)
    copy.execute(f"INSERT INTO {table}({columns}) VALUES ({gaps})", plain)  # noqa: S608 - our own names


def _fitting(connection: sqlite3.Connection, after: int, last: int) -> int:
    """The last record that fits with those before it; the first one always does."""
    upto, size = after, 0
    for seq, length in _lengths(connection, after, min(last, after + _ROWS_AT_ONCE)):
        size += length
        if size > PART_BYTES and upto > after:
            break
        upto = seq
    return upto


def _lengths(connection: sqlite3.Connection, after: int, last: int) -> Iterator[tuple[int, int]]:
    """Of each record, with the private values and checkpoints that belong to it."""
    return connection.execute(
        """
        SELECT seq, 300 + ifnull(length(rec), 0)
            + ifnull((SELECT sum(100 + length(CAST(value AS BLOB))) FROM payload
                WHERE payload.seq = leaf.seq), 0)
            + ifnull((SELECT length(note) + length(peaks) FROM ckpt WHERE size = leaf.seq), 0)
            + ifnull((SELECT sum(100 + length(receipt)) FROM anchor WHERE size = leaf.seq), 0)
        FROM leaf WHERE seq > ? AND seq <= ? ORDER BY seq""",
        (after, last),
    )
