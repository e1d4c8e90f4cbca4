"""A process that dies in the middle of a migration: `python -m tests.storage.crash_migration DIR`.

The first argument is a database of schema 1 and the second one says where: in the step, after its
last statement, or while the copy is made.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

from appliance.storage.database import SCHEMA, Database
from appliance.storage.migrations import Schema

FROM = SCHEMA.version


def _add_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE awake ADD COLUMN why TEXT NOT NULL DEFAULT ''")
    connection.execute("CREATE TABLE later (a INTEGER) STRICT")


def _rebuild(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE newer (id INTEGER PRIMARY KEY, job INTEGER NOT NULL) STRICT")
    connection.execute("INSERT INTO newer SELECT id, job FROM step")
    connection.execute("DROP TABLE step")
    connection.execute("ALTER TABLE newer RENAME TO step")


NEXT = Schema(FROM + 2, SCHEMA.tables, {FROM: _add_column, FROM + 1: _rebuild})
"""Two steps further, as a later version might be."""


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying_at(where: str) -> Schema:
    def dying(connection: sqlite3.Connection) -> None:
        _rebuild(connection)
        _die()

    if where == "copy":
        setattr(os, "fsync", _die)  # noqa: B010 - a function of the standard library
    return Schema(NEXT.version, NEXT.tables, {FROM: _add_column, FROM + 1: dying})


if __name__ == "__main__":
    Database(Path(sys.argv[1]), _dying_at(sys.argv[2]))
