"""The way of a database from every released schema to the one of this version: forward only.

A step is what changes one released schema into the next. It and the number of its schema are one
transaction, so a crash leaves the old or the new one; before the first step a copy of the whole
database is kept beside it. A database of a newer version is refused and not touched.

To change the schema once it is released: change `TABLES`, raise `SCHEMA_VERSION`, add the step
from the former version to `STEPS`. `tests/storage/test_migrations.py` tells what is missing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StorageUnavailable

Step = Callable[[sqlite3.Connection], None]
"""Executes its statements one by one: `executescript` would commit before it."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a version of ours knows. `steps`: by the version from which each goes on by one."""

    version: int
    tables: str
    steps: Mapping[int, Step]


STEPS: Mapping[int, Step] = {}


def bring_up(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """Make the database in `path` one of this schema, whichever it has.

    Raises StorageUnavailable when a newer version made it, and sqlite3.Error.
    """
    version = version_of(connection)
    if version == schema.version:
        return
    if version > schema.version:
        raise StorageUnavailable(
            f"{path} was made by a newer version (schema {version}, this one knows "
            f"{schema.version})",
            hint="install the newer version again, or restore a backup",
        )
    if version == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {schema.tables} PRAGMA user_version = {schema.version}; COMMIT;"
        )
        return
    keep_copy(connection, former(path, version))
    for number in range(version, schema.version):
        _take(connection, schema.steps[number], number + 1)


def version_of(connection: sqlite3.Connection) -> int:
    """The schema of a database, 0 when there is nothing in it yet."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def former(path: Path, version: int) -> Path:
    """Where the copy of a database of that schema is kept."""
    return path.with_name(f"{path.name}.schema-{version}")


def keep_copy(connection: sqlite3.Connection, place: Path) -> None:
    """Copy the whole database to a file, which is there when it is whole and on the disk."""
    unfinished = place.with_name(f"{place.name}.new")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    copy = sqlite3.connect(unfinished)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, and nothing beside it
    finally:
        copy.close()
    _sync(unfinished)
    unfinished.replace(place)
    _sync(place.parent)


def _take(connection: sqlite3.Connection, step: Step, number: int) -> None:
    # a table that is made anew would take the rows that refer to it along; looked at below
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        step(connection)
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            raise sqlite3.IntegrityError(f"schema {number}: a row of {broken[0]} refers to nothing")
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
