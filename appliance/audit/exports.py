"""The log as JSON lines and as a table, for people's own tools.

JSON lines, one object per row, `format` 1:

    {"format": 1, "seq": 7, "leaf": HEX, "pruned": false, "record": {…}, "values": {…}, "gone": {…}}

`record` is the record as it was signed (its canonical encoding hashes to `leaf`), null when it
was pruned. `values` are the private values still kept; `gone` says of the others "redacted" (a
record tells who did it and why) or "missing" (nothing does).

CSV (RFC 4180): `COLUMNS`, every cell quoted. A spreadsheet takes a cell that begins with = + - @,
a tab or a line break for a formula and runs it, and half of a log is text that strangers wrote:
such a cell gets a leading quote ('), which spreadsheets hide. Take JSON lines where bytes matter.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from typing import TextIO

from appliance.audit.moments import utc
from appliance.audit.rows import Row
from appliance.core.events import FieldValue
from appliance.core.model import Json
from appliance.core.records import Record

FORMAT = 1

COLUMNS = (
    "seq",
    "time",  # UTC
    "kind",
    "outcome",
    "actor_type",
    "actor",
    "auth",
    "project",
    "job",
    "act",
    "object",
    "rule",
    "reason",
    "approval",
    "session",
    "cause",
    "data",  # the remaining fields, as JSON
    "values",  # as JSON
    "gone",  # names, each with "redacted" or "missing"
    "pruned",
    "leaf",
)

_OWN_COLUMN = ("project", "job", "act", "object", "rule", "reason", "approval")
# Excel and others also take the full-width forms for operators
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001


def write_jsonl(rows: Iterable[Row], out: TextIO) -> None:
    """One JSON object per row."""
    for row in rows:
        out.write(json.dumps(_object(row)) + "\n")


def write_csv(rows: Iterable[Row], out: TextIO) -> None:
    """A table with a heading; `out` must not translate line ends."""
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_harmless(cell) for cell in _cells(row))


def _object(row: Row) -> dict[str, Json]:
    return {
        "format": FORMAT,
        "seq": row.seq,
        "leaf": row.leaf.hex(),
        "pruned": row.encoded is None,
        "record": None if row.encoded is None else json.loads(row.encoded),
        "values": dict(row.values),
        "gone": dict(row.gone),
    }


def _cells(row: Row) -> list[str]:
    told = _told(row.record) if row.record else {}
    cells = {
        **told,
        "seq": str(row.seq),
        "values": _compact(row.values) if row.values else "",
        "gone": " ".join(f"{name}:{why}" for name, why in row.gone.items()),
        "pruned": "" if row.record else "pruned",
        "leaf": row.leaf.hex(),
    }
    return [cells.get(column, "") for column in COLUMNS]


def _told(record: Record) -> dict[str, str]:
    data = record.data
    rest = {name: value for name, value in data.items() if name not in _OWN_COLUMN}
    return {
        **{name: _plain(data[name]) for name in _OWN_COLUMN if name in data},
        "time": utc(record.time),
        "kind": record.kind,
        "outcome": record.outcome,
        "actor_type": record.actor.type,
        "actor": record.actor.id,
        "auth": record.actor.auth,
        "session": record.session,
        "cause": " ".join(record.cause),
        "data": _compact(rest) if rest else "",
    }


def _plain(value: FieldValue) -> str:
    return value if isinstance(value, str) else _compact(value)


def _compact(value: FieldValue | Mapping[str, FieldValue]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _harmless(cell: str) -> str:
    encodable = cell.encode(errors="backslashreplace").decode()  # half a character is no UTF-8
    return "'" + encodable if encodable.startswith(_FORMULA) else encodable
