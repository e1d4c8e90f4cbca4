"""`dispatchctl audit log`: the newest records that match, one line each."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.filters import add_filters, filter_of
from appliance.app.audit_commands.shared import (
    JSON_FORMAT,
    add_database,
    database_of,
    fit,
    printable,
)
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.search import Entry
    from appliance.core.events import FieldValue
    from appliance.core.model import Json

_DEFAULT_LIMIT = 100
_WIDTH = 80  # when the output is no terminal nobody can be asked


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    log = actions.add_parser("log", help="the newest records that match, one line each")
    log.set_defaults(run=run_log)
    add_database(log)
    add_filters(log)
    log.add_argument("-n", "--limit", type=int, default=_DEFAULT_LIMIT, help="default: %(default)s")
    log.add_argument("--json", action="store_true", help="one JSON object per line")


def run_log(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print the matching records, oldest first; raises what `entries` raises."""
    from appliance.audit.reader import entries
    from appliance.host.clock import SystemClock

    if arguments.limit < 1:
        raise ApplianceError("--limit must be at least 1")
    out = out or sys.stdout
    wanted = filter_of(arguments, SystemClock().now())
    line: Callable[[Entry], str] = _json_line if arguments.json else _liner(out)
    for entry in entries(database_of(arguments), wanted, limit=arguments.limit):
        out.write(line(entry) + "\n")
    return 0


def _json_line(entry: Entry) -> str:
    from appliance.core.records import encode

    record: dict[str, Json] = json.loads(encode(entry.record))
    return json.dumps({"format": JSON_FORMAT, "record": record, "values": dict(entry.values)})


def _liner(out: TextIO) -> Callable[[Entry], str]:
    width = shutil.get_terminal_size((_WIDTH, 0)).columns if out.isatty() else _WIDTH
    return lambda entry: _line(entry, width)


def _line(entry: Entry, width: int) -> str:
    """Number, time, who, what and under which rule, how it ended; as wide as the terminal."""
    record = entry.record
    at = datetime.fromtimestamp(record.time / 1000, tz=UTC).astimezone()
    begin = f"{record.seq:>6} {at:%m-%d %H:%M:%S} {fit(printable(record.actor.id), 9):<9} "
    outcome = "" if record.outcome == "noted" else str(record.outcome)
    rule = _rule(record.data)
    kind = record.kind.removesuffix(f".{outcome}")  # "request … allowed" says it once
    what = printable(" ".join([kind, *_details(entry)]))
    room = max(width - len(begin) - len(rule) - len(outcome) - 2, len(kind))
    return f"{begin}{fit(what, room):<{room}} {rule} {outcome}".rstrip()


def _rule(data: object) -> str:
    """Where the rule is, without the directory: "default.csv:14"."""
    rule = data.get("rule") if isinstance(data, dict) else None
    return fit(printable(rule.rpartition("/")[2]), 16) if isinstance(rule, str) else ""


def _details(entry: Entry) -> Iterator[str]:
    """The fields of a record that tell most come first: the end may be cut."""
    data = entry.record.data
    if isinstance(job := data.get("job"), int) and job:
        yield f"#{job}"
    for name in ("act", "tool", "agent", "object", "reason", "path", "version", "project"):
        if words := _words(data.get(name)):
            yield words
    yield from (entry.values[name] for name in ("text", "input") if name in entry.values)


def _words(value: FieldValue | None) -> str:
    return value if isinstance(value, str) else ""
