"""Finds records for people, newest last. It reads, and vouches for nothing: see `verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from appliance.audit.database import ERRORS, reading
from appliance.core.model import Millis
from appliance.core.records import Outcome, Record, decode
from appliance.errors import AuditBroken, AuditUnavailable


@dataclass(frozen=True, slots=True)
class Filter:
    """What records must fulfil; all that is given, nothing that is None.

    `who` is a name or how it was known ("telegram:4711"); `kind` a whole kind or its first word;
    `since` is included, `until` is not; `text` is looked for in everything, private values too.
    A project's records are those that name it, or a job that does.
    """

    who: str | None = None
    project: str | None = None
    job: int | None = None
    kind: str | None = None
    outcome: Outcome | None = None
    since: Millis | None = None
    until: Millis | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with those of its private values that are still kept."""

    record: Record
    values: Mapping[str, str]


def entries(path: Path, wanted: Filter, *, limit: int) -> list[Entry]:
    """The newest matching entries, oldest first.

    Raises AuditUnavailable when the log cannot be read, AuditBroken when a record makes no sense.
    """
    try:
        with reading(path) as connection:
            # plugins of sqlite-utils are code of strangers, and none is needed here
            database = Database(connection, execute_plugins=False, recursive_triggers=False)
            return list(_entries(database, wanted, limit))
    except ERRORS as error:
        raise AuditUnavailable(
            f"cannot read the audit log {path}: {error}",
            hint="is the path right, and may you read it? Has dispatchd ever run?",
        ) from error


def _entries(database: Database, wanted: Filter, limit: int) -> Iterator[Entry]:
    where, parameters = _conditions(wanted)
    rows = database.query(
        f"SELECT seq, rec FROM (SELECT seq, rec, {_FIELDS} FROM leaf) AS r "  # noqa: S608 - ours
        f"WHERE {where} ORDER BY seq DESC LIMIT :limit",
        {**parameters, "limit": limit},
    )
    for row in reversed(list(rows)):
        yield Entry(_decoded(row["seq"], row["rec"]), _values(database, row["seq"]))


def _decoded(seq: int, encoded: bytes) -> Record:
    try:
        return decode(encoded)
    except ValueError as error:
        raise AuditBroken(
            f"record {seq} of the audit log is damaged: {error}",
            hint="run: dispatchctl audit verify",
        ) from error


def _values(database: Database, seq: int) -> dict[str, str]:
    rows = database.query("SELECT name, value FROM payload WHERE seq=:seq", {"seq": seq})
    return {row["name"]: row["value"] for row in rows}


# --- filters as SQL: each field of `Filter` is one condition with one parameter

_FIELDS = ", ".join(
    f"json_extract(CAST(rec AS TEXT), '$.{path}') AS {name}"
    for name, path in {
        "t": "t",
        "kind": "kind",
        "actor": "actor.id",
        "auth": "actor.auth",
        "outcome": "outcome",
        "project": "d.project",
        "job": "d.job",
    }.items()
)

_CONDITIONS = {
    "who": ":who IN (actor, auth)",
    "project": "(project = :project OR job IN (SELECT json_extract(CAST(rec AS TEXT), '$.d.job') "
    "FROM leaf WHERE json_extract(CAST(rec AS TEXT), '$.d.project') = :project))",
    "job": "(job = :job OR auth = 'job:' || :job)",
    "kind": "(kind = :kind OR kind LIKE :kind || '.%')",
    "outcome": "outcome = :outcome",
    "since": "t >= :since",
    "until": "t < :until",
    # records hold text as JSON writes it, values as it is
    "text": "(instr(lower(CAST(rec AS TEXT)), lower(:encoded)) OR EXISTS (SELECT 1 FROM payload "
    "WHERE payload.seq = r.seq AND instr(lower(value), lower(:text))))",
}


def _conditions(wanted: Filter) -> tuple[str, dict[str, str | int]]:
    given = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) is not None}
    where = " AND ".join(_CONDITIONS[name] for name in given) or "TRUE"
    if wanted.text is not None:
        given["encoded"] = json.dumps(wanted.text, ensure_ascii=False)[1:-1]
    return where, given
