"""`dispatchctl audit log`: the newest records that match, one line each."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.filters import add_filters, filter_of
from appliance.app.audit_commands.screen import (
    OUTCOMES,
    Ink,
    Screen,
    columns,
    fill,
    fit,
    progress,
    screen_of,
)
from appliance.app.audit_commands.shared import (
    JSON_FORMAT,
    add_database,
    database_of,
    local,
    printable,
)
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.search import Entry
    from appliance.core.events import FieldValue
    from appliance.core.model import Json

_DEFAULT_LIMIT = 100
_POLL_SECONDS = 0.5
_TIME, _TIME_WIDTH = "%m-%d %H:%M:%S", len("01-15 09:00:01")


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    log = actions.add_parser("log", help="the newest records that match, one line each")
    log.set_defaults(run=run_log)
    add_database(log)
    add_filters(log)
    log.add_argument("-n", "--limit", type=int, default=_DEFAULT_LIMIT, help="default: %(default)s")
    log.add_argument("-f", "--follow", action="store_true", help="go on with new ones; end: Ctrl-C")
    log.add_argument("--no-index", action="store_true", help="look at every record, trust no index")
    log.add_argument("--json", action="store_true", help="one JSON object per line")


def run_log(
    arguments: argparse.Namespace,
    out: TextIO | None = None,
    wait: Callable[[], None] = lambda: time.sleep(_POLL_SECONDS),
) -> int:
    """Print the matching records, oldest first, and with --follow those that come.

    Raises what `opened` raises, and AuditBroken, after all that can be read was printed.
    """
    from appliance.audit.reader import following, opened
    from appliance.host.clock import SystemClock

    if arguments.limit < 1:
        raise ApplianceError("--limit must be at least 1")
    out, clock, path = out or sys.stdout, SystemClock(), database_of(arguments)
    wanted = filter_of(arguments, clock.now())
    form = _Json() if arguments.json else _Lines(screen_of(out))
    with (
        progress("reading", clock.monotonic) as report,
        opened(path, report, use_index=not arguments.no_index) as log,
    ):
        found = log.newest(wanted, arguments.limit)
        last, damaged = log.size, list(log.damaged.values())
        pruned = log.pruned() if len(found) < arguments.limit else None
    for line in _told(found, pruned, form):
        out.write(line + "\n")
    for error in damaged:
        raise error
    if arguments.follow:
        out.flush()
        for entry in following(path, wanted, last, wait):
            out.write(form.entry(entry) + "\n")
            out.flush()
    return 0


def _told(found: Sequence[Entry], pruned: Entry | None, form: _Json | _Lines) -> Iterator[str]:
    """Each entry, and where records are missing that were pruned, who did it."""
    before = pruned.record.data.get("before") if pruned else None
    for entry in found:
        if pruned and isinstance(before, int) and entry.record.seq > before:
            yield form.pruned(pruned)
            pruned = None
        yield form.entry(entry)


class _Json:
    """One object a line, for programs."""

    def entry(self, entry: Entry) -> str:
        from appliance.core.records import encode

        record: dict[str, Json] = json.loads(encode(entry.record))
        return json.dumps({"format": JSON_FORMAT, "record": record, "values": dict(entry.values)})

    def pruned(self, entry: Entry) -> str:
        """Told by the record of it: all up to `before` but those of keys are gone."""
        before, reason = entry.record.data.get("before"), entry.record.data.get("reason")
        told = {"seq": entry.record.seq, "before": before, "reason": reason}
        return json.dumps({"format": JSON_FORMAT, "pruned": told})


class _Lines:
    """One line each, as wide as the screen."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def entry(self, entry: Entry) -> str:
        """Number, time, who, what and under which rule, how it ended."""
        ink, record = self._screen.ink, entry.record
        place = f"{record.seq:>6} {fill(local(record.time, _TIME), _TIME_WIDTH)} "
        is_agent = record.actor.type == "agent"  # of which there is one in each job
        who = fill(printable(record.actor.auth if is_agent else record.actor.id), 9)
        outcome = "" if record.outcome == "noted" else str(record.outcome)
        rule = _rule(entry)
        kind = record.kind.removesuffix(f".{outcome}")  # "request … allowed" says it once
        taken = len(place) + columns(who) + columns(rule) + len(outcome) + 3
        room = max(self._screen.width - taken, len(kind))
        what = fill(printable(" ".join([kind, *_details(entry)])), room)
        ends = (ink(Ink.DIM, rule), ink(OUTCOMES.get(outcome), outcome))
        return f"{ink(Ink.DIM, place)}{who} {what} {' '.join(ends)}".rstrip()

    def pruned(self, entry: Entry) -> str:
        record = entry.record
        told = (
            f"     … up to {record.data.get('before')} pruned by {record.actor.id} "
            f"on {local(record.time, '%Y-%m-%d')} [{record.seq}]: {record.data.get('reason')}"
        )
        return fit(printable(told), self._screen.width)


def _rule(entry: Entry) -> str:
    """Where the rule is, without the directory: "default.csv:14"."""
    return fit(printable(_words(entry.record.data.get("rule")).rpartition("/")[2]), 16)


def _details(entry: Entry) -> Iterator[str]:
    """The fields of a record that tell most come first: the end may be cut."""
    data = entry.record.data
    job = f"job:{data.get('job')}"
    if data.get("job") and job != entry.record.actor.auth:
        yield job
    for name in ("act", "tool", "agent", "object", "reason", "path", "version", "project"):
        if words := _words(data.get(name)):
            yield words
    yield from (entry.values[name] for name in ("text", "input") if name in entry.values)


def _words(value: FieldValue | None) -> str:
    return value if isinstance(value, str) else ""
