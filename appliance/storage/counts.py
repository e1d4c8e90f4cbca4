"""How much is in a state database, and nothing of what: for reports that leave the machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StorageUnavailable
from appliance.storage.migrations import version_of

SQLITE_VERSION = sqlite3.sqlite_version

# a line of it may be in a log line by mistake: whoever sends logs elsewhere leaves those out
_SAID = """
    SELECT coalesce(json_extract(content, '$.message.text'), json_extract(content, '$.edited[1]'))
        FROM (SELECT content FROM inbox ORDER BY seq DESC LIMIT 2000)
    UNION SELECT json_extract(work, '$.Prompt.text') FROM (SELECT work FROM job ORDER BY id DESC
        LIMIT 500)"""


@dataclass(frozen=True, slots=True)
class Counts:
    """`rows`: how many there are in each table; `jobs`: in each state."""

    schema: int
    rows: Mapping[str, int]
    jobs: Mapping[str, int]


def counts(database: Path) -> Counts:
    """Of a database that may be in use. Raises StorageUnavailable."""
    try:
        with closing(_opened(database)) as connection:
            tables = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                " ORDER BY name"
            ).fetchall()
            rows = {name: _number(connection, name) for (name,) in tables}
            jobs = dict(connection.execute("SELECT state, count(*) FROM job GROUP BY state"))
            return Counts(version_of(connection), rows, jobs)
    except sqlite3.Error as error:
        raise StorageUnavailable(f"cannot read the state database {database}: {error}") from error


def said(database: Path) -> frozenset[str]:
    """What people wrote lately, so that it can be left out. Raises StorageUnavailable."""
    try:
        with closing(_opened(database)) as connection:
            return frozenset(str(text) for (text,) in connection.execute(_SAID) if text)
    except sqlite3.Error as error:
        raise StorageUnavailable(f"cannot read the state database {database}: {error}") from error


def _number(connection: sqlite3.Connection, table: str) -> int:
    (number,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608
    return int(number)


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
