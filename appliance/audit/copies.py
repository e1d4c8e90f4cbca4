"""Copies of a log for backups: of one moment, made while it is written. Keys are never copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from appliance.audit.database import ERRORS, consulted
from appliance.errors import AuditUnavailable

Report = Callable[[int, int], None]
"""Called now and then with the number of pages copied and of all pages."""

_PAGES = 2000


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
