"""Copies of the state database for backups: made while it is in use, and made harmless again.

A copy is of one moment. What was under way in it may have been done since by the appliance that
it was taken from, so `quieten` sets it aside before anybody works with the copy: `restored` tells
the daemon, and the daemon tells people.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from appliance.errors import BackupUnusable, StorageUnavailable
from appliance.storage.database import SCHEMA
from appliance.storage.migrations import bring_up, version_of

Report = Callable[[int, int], None]
"""Called now and then with the number of pages copied and of all pages."""

NAME = "state.db"
SIDE_FILES = (f"{NAME}-wal", f"{NAME}-shm")

_PAGES = 2000

# nobody knows whether it was sent, handled or heard after the copy was made
_SET_ASIDE = (
    "UPDATE outbox SET state = 'held' WHERE state IN ('waiting', 'ready', 'trying')",
    "UPDATE inbox SET handled = 2 WHERE handled = 0",
    "UPDATE speech SET text = '' WHERE text IS NULL",
    "DELETE FROM kept_files",
    "DELETE FROM reason_awaited",
    "DELETE FROM awake",
    "DELETE FROM restored",
)


def copy_state(database: Path, place: Path, report: Report) -> int:
    """Copy a database that may be in use; its schema. `place` becomes one file with mode 0600.

    Raises StorageUnavailable.
    """
    try:
        place.touch(mode=0o600, exist_ok=False)
        with closing(_opened(database)) as connection, closing(sqlite3.connect(place)) as copy:
            connection.execute("BEGIN")
            version = version_of(connection)  # from here on it is of one moment

            def progress(_status: int, left: int, total: int) -> None:
                report(total - left, total)

            connection.backup(copy, pages=_PAGES, progress=progress)
            copy.execute("PRAGMA journal_mode = DELETE")
            return version
    except (sqlite3.Error, OSError) as error:
        raise StorageUnavailable(
            f"cannot copy the state database {database}: {error}", hint="run it as root"
        ) from error


def quieten(place: Path, made_at: int) -> None:
    """Bring a copy up to this version, look whether it is one, and set aside what was under way.

    Raises BackupUnusable when it is damaged, of a newer version, or has what no database of ours
    has: a trigger would act on whoever uses it.
    """
    try:
        with closing(sqlite3.connect(place, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA journal_mode = DELETE")
            if not version_of(connection):
                raise BackupUnusable("the state in the backup is no database of ours")
            bring_up(connection, place, SCHEMA)
            _require_ours(connection)
            connection.execute("BEGIN IMMEDIATE")
            for statement in _SET_ASIDE:
                connection.execute(statement)
            connection.execute("INSERT INTO restored (one, made_at) VALUES (1, ?)", (made_at,))
            connection.execute("COMMIT")
    except StorageUnavailable as error:
        raise BackupUnusable(error.message, hint=error.hint) from error
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise BackupUnusable(f"the state in the backup is damaged: {error}") from error


def _require_ours(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
        raise BackupUnusable(f"the state in the backup is damaged: {verdict}")
    with closing(sqlite3.connect(":memory:")) as known:
        known.executescript(SCHEMA.tables)
        if _statements(connection) != _statements(known):
            raise BackupUnusable("the state in the backup has other tables than ours")


def _statements(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {" ".join(sql.split()) for (sql,) in rows}


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
    )
