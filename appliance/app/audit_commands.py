"""`dispatchctl audit log|verify`: who did what, and is it what was written?"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.config_commands import DEFAULT_FILE
from appliance.errors import ApplianceError

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.audit.checkpoint import Note, PublicKey
    from appliance.audit.reader import Entry, Filter
    from appliance.audit.verify import Verification
    from appliance.core.events import FieldValue
    from appliance.core.model import Json, Millis

LOG_FORMAT = 1  # of what --json prints

_DEFAULT_LIMIT = 100
_WIDTH = 80  # when the output is no terminal nobody can be asked
_CLEAR_LINE = "\r\033[K"
_STATUSES = {"intact": 0, "tampered": 1, "incomplete": 2}
_AGO = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `audit …` into dispatchctl; the chosen function is in `arguments.run`."""
    audit = commands.add_parser("audit", help="who did what, and is it what was written?")
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_log(actions.add_parser("log", help="the newest records that match, one line each"))
    _add_verify(actions.add_parser("verify", help="check every record, hash and signature"))


def _add_log(log: argparse.ArgumentParser) -> None:
    log.set_defaults(run=run_log)
    _add_database(log)
    log.add_argument("--who", help="a user, or how it was known: telegram:4711, job:12")
    log.add_argument("--project", help="records of a project and of its jobs")
    log.add_argument("--job", type=int, help="records of one job")
    log.add_argument("--kind", help='an event such as "request.denied", or its first word')
    log.add_argument("--outcome", help="allowed, asked, denied, succeeded, failed, cancelled, …")
    log.add_argument("--since", help="2h, 3d, 2030-01-31 or 2030-01-31T14:00 (local time)")
    log.add_argument("--until", help="like --since; that moment itself is left out")
    log.add_argument("--text", help="text anywhere in a record or its private values")
    log.add_argument("-n", "--limit", type=int, default=_DEFAULT_LIMIT, help="default: %(default)s")
    log.add_argument("--json", action="store_true", help="one JSON object per line")


def _add_verify(verify: argparse.ArgumentParser) -> None:
    verify.set_defaults(run=run_verify)
    _add_database(verify)
    verify.add_argument("--pubkey", help="the log's first public key, or a file that holds it")
    verify.add_argument(
        "--anchor", action="append", default=[], type=Path, help="a file with a checkpoint of it"
    )
    verify.add_argument("--json", action="store_true", help="answer as JSON")


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "database", nargs="?", type=Path, help="audit.db; default: the one of the settings"
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="default: %(default)s")


# --- audit log


def run_log(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print the matching records, oldest first; raises what `entries` raises."""
    from appliance.audit.reader import entries
    from appliance.host.clock import SystemClock

    out = out or sys.stdout
    wanted = _filter(arguments, SystemClock().now())
    line: Callable[[Entry], str] = _json_line if arguments.json else _liner(out)
    for entry in entries(_database(arguments), wanted, limit=arguments.limit):
        out.write(line(entry) + "\n")
    return 0


def _filter(arguments: argparse.Namespace, now: Millis) -> Filter:
    from appliance.audit.reader import Filter
    from appliance.core.records import Outcome

    if arguments.limit < 1:
        raise ApplianceError("--limit must be at least 1")
    if arguments.outcome not in (None, *Outcome):
        raise ApplianceError(
            f"there is no outcome called {arguments.outcome}", hint=f"it is {', '.join(Outcome)}"
        )
    return Filter(
        who=arguments.who,
        project=arguments.project,
        job=arguments.job,
        kind=arguments.kind,
        outcome=arguments.outcome and Outcome(arguments.outcome),
        since=_moment("--since", arguments.since, now),
        until=_moment("--until", arguments.until, now),
        text=arguments.text,
    )


def _moment(option: str, text: str | None, now: Millis) -> Millis | None:
    from appliance.core.model import Millis

    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return Millis(now - int(ago[1]) * _UNIT_SECONDS[ago[2]] * 1000)
    try:
        return Millis(int(datetime.fromisoformat(text).astimezone().timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise ApplianceError(
            f"{option} {text} is no moment", hint="2h, 3d, 2030-01-31 or 2030-01-31T14:00"
        ) from error


def _json_line(entry: Entry) -> str:
    from appliance.core.records import encode

    record: dict[str, Json] = json.loads(encode(entry.record))
    return json.dumps({"format": LOG_FORMAT, "record": record, "values": dict(entry.values)})


def _liner(out: TextIO) -> Callable[[Entry], str]:
    width = shutil.get_terminal_size((_WIDTH, 0)).columns if out.isatty() else _WIDTH
    return lambda entry: _line(entry, width)


def _line(entry: Entry, width: int) -> str:
    """Number, time, who, what and under which rule, how it ended; as wide as the terminal."""
    record = entry.record
    at = datetime.fromtimestamp(record.time / 1000, tz=UTC).astimezone()
    begin = f"{record.seq:>6} {at:%m-%d %H:%M:%S} {_fit(_printable(record.actor.id), 9):<9} "
    outcome = "" if record.outcome == "noted" else str(record.outcome)
    rule = _rule(record.data)
    kind = record.kind.removesuffix(f".{outcome}")  # "request … allowed" says it once
    what = _printable(" ".join([kind, *_details(entry)]))
    room = max(width - len(begin) - len(rule) - len(outcome) - 2, len(kind))
    return f"{begin}{_fit(what, room):<{room}} {rule} {outcome}".rstrip()


def _rule(data: object) -> str:
    """Where the rule is, without the directory: "default.csv:14"."""
    rule = data.get("rule") if isinstance(data, dict) else None
    return _fit(_printable(rule.rpartition("/")[2]), 16) if isinstance(rule, str) else ""


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


def _fit(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _printable(text: str) -> str:
    """One line in which nothing moves the cursor, turns the writing or hides."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


# --- audit verify


def run_verify(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print the verdict; status 0 intact, 1 tampered, 2 incomplete."""
    from appliance.audit.verify import verify

    out = out or sys.stdout
    reporting = sys.stderr.isatty() and not arguments.json
    found = verify(
        _database(arguments),
        public_key=arguments.pubkey and _public_key(arguments.pubkey),
        anchors=[_anchor(path) for path in arguments.anchor],
        report=_progress if reporting else None,
    )
    if reporting:
        sys.stderr.write(_CLEAR_LINE)
    lines = [_as_json(found)] if arguments.json else _sentences(found)
    out.write("\n".join(lines) + "\n")
    return _STATUSES[found.verdict]


def _public_key(argument: str) -> PublicKey:
    from appliance.audit.checkpoint import parse_public_key

    text = argument if "+" in argument else _read(Path(argument))
    try:
        return parse_public_key(text)
    except ValueError as error:
        raise ApplianceError(f"--pubkey {argument}: {error}") from error


def _anchor(path: Path) -> Note:
    from appliance.audit.checkpoint import parse_note

    try:
        return parse_note(_read(path))
    except ValueError as error:
        raise ApplianceError(f"--anchor {path}: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ApplianceError(f"cannot read {path}: {error}") from error


def _progress(done: int, total: int) -> None:
    sys.stderr.write(f"{_CLEAR_LINE}{done * 100 // total} % of {total} records")


def _sentences(found: Verification) -> Sequence[str]:
    return [_verdict(found), *_limits(found), *(f"note: {_printable(r)}" for r in found.remarks)]


def _verdict(found: Verification) -> str:
    if found.verdict == "intact":
        return f"intact: all {found.size} records are what was signed, in {found.epochs} epochs"
    where = f" at record {found.seq}" if found.seq else ""
    return f"{found.verdict}{where}: {_printable(found.reason)}"


def _limits(found: Verification) -> Iterator[str]:
    """What the verdict rests on, and what it cannot know."""
    if found.verdict != "intact":
        if 0 < found.size < found.seq:
            yield f"the first {found.size} records are what was signed"
        return
    yield f"head: {found.size} {found.root.hex()}"
    yield f"public key: {found.public_key}" + (" (as given)" if found.pinned else "")
    if not found.pinned:
        yield "compare that key with one kept elsewhere: --pubkey"
    if found.anchored:
        yield f"anchored to record {found.anchored}"
    unanchored = found.size - found.anchored
    if unanchored:
        yield f"the last {unanchored} records are protected by the signing keys only"


def _as_json(found: Verification) -> str:
    return json.dumps(
        {
            "format": LOG_FORMAT,
            "verdict": found.verdict,
            "reason": found.reason,
            "seq": found.seq,
            "size": found.size,
            "root": found.root.hex(),
            "public_key": found.public_key,
            "pinned": found.pinned,
            "epochs": found.epochs,
            "anchored": found.anchored,
            "remarks": found.remarks,
        }
    )


def _database(arguments: argparse.Namespace) -> Path:
    from appliance.audit.database import DATABASE, DIRECTORY
    from appliance.config import load

    if arguments.database is None:
        return Path(load(arguments.config).daemon.state) / DIRECTORY / DATABASE
    path: Path = arguments.database
    return path / DATABASE if path.is_dir() else path
