"""`dispatchctl audit anchor show|keep`: the log of one machine, followed from another one.

    host$ dispatchctl audit anchor show --since kept.txt >growth.txt
    here$ dispatchctl audit anchor keep kept.txt growth.txt

What is kept is a text: the key of the log's identity, then every checkpoint that was accepted. It
may be given to `verify --anchor` as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.shared import (
    JSON_FORMAT,
    add_database,
    database_of,
    print_lines,
    read_text,
)
from appliance.app.files import write
from appliance.errors import ApplianceError, AuditBroken

if TYPE_CHECKING:
    from appliance.audit.checkpoint import Note, PublicKey

MAX_TEXT_CHARS = 1 << 24
MODE = 0o644
"""Nothing in it is secret."""


def add_parsers(verbs: argparse._SubParsersAction[Any]) -> None:
    show = verbs.add_parser(
        "show", help="the newest checkpoint, and a proof that the log has only grown to it"
    )
    show.set_defaults(run=run_show)
    add_database(show)
    show.add_argument(
        "--since",
        type=Path,
        metavar="FILE",
        help="grown since the last checkpoint in this text (-: standard input; default: since "
        "the log began)",
    )
    keep = verbs.add_parser(
        "keep",
        help="on another machine: keep what `show` has printed, if the log has only grown",
        description="Check a checkpoint of another machine's log, and add it to the ones that are "
        "kept here. Nothing of that machine is believed but the key.",
        epilog="Exit status: 0 it is kept, 65 the log there was cut off, rewritten or replaced.",
    )
    keep.set_defaults(run=run_keep)
    keep.add_argument("kept", type=Path, metavar="KEPT", help="where they are kept, one log a file")
    keep.add_argument(
        "growth",
        nargs="?",
        default="-",
        metavar="FILE",
        help="what `show` has printed (default: standard input)",
    )
    keep.add_argument(
        "--identity",
        metavar="KEY",
        help="the log's identity key (audit key show), to begin with; later it must be the same",
    )
    keep.add_argument("--json", action="store_true", help="answer as JSON")


def run_show(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print the proof. Raises AuditUnavailable, AuditBroken or ApplianceError."""
    from appliance.audit.proof import growth_since

    notes = _notes(_text(str(arguments.since))) if arguments.since else []
    (out or sys.stdout).write(growth_since(database_of(arguments), notes[-1] if notes else None))
    return 0


def run_keep(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Raises AuditBroken when it is not kept, ApplianceError when a file cannot be used."""
    from appliance.audit.following import followed

    before = read_text(arguments.kept) if arguments.kept.exists() else ""
    identity = _identity(arguments, before)
    notes = _notes(before)
    last = notes[-1] if notes else None
    note = followed(_text(arguments.growth), identity, last)
    is_new = last is None or last.checkpoint != note.checkpoint
    if is_new:
        text = before or f"{identity}\n"
        write(arguments.kept, f"{text}\n{note}", mode=MODE)
    size, old = note.checkpoint.size, last.checkpoint.size if last else 0
    facts = {"size": size, "since": old, "changed": is_new, "origin": note.checkpoint.origin}
    line = json.dumps({"format": JSON_FORMAT, **facts}) if arguments.json else _sentence(size, old)
    print_lines([line], out)
    return 0


def _sentence(size: int, old: int) -> str:
    if not old:
        return f"followed from now on: {size:,} records, signed by its identity"
    if size == old:
        return f"as before: {size:,} records"
    return f"the log of {old:,} records has grown to {size:,}, and the old ones are the same"


def _identity(arguments: argparse.Namespace, before: str) -> PublicKey:
    """The key that was kept, or the one to begin with."""
    from appliance.audit.checkpoint import parse_public_key

    known = before.partition("\n")[0] or arguments.identity
    if known is None:
        raise ApplianceError(
            f"nothing is kept in {arguments.kept} yet",
            hint="begin with --identity KEY, from: dispatchctl audit key show",
        )
    try:
        key = parse_public_key(known)
        is_other = arguments.identity and parse_public_key(arguments.identity) != key
    except ValueError as error:
        raise ApplianceError(f"the identity key: {error}") from error
    if is_other:
        raise AuditBroken(
            f"{arguments.kept} was begun with another key than --identity: this is another log"
        )
    return key


def _notes(text: str) -> list[Note]:
    from appliance.audit.claims import notes_in

    try:
        return list(notes_in(text))
    except ValueError as error:
        raise ApplianceError(f"a checkpoint that was kept is damaged: {error}") from error


def _text(place: str) -> str:
    if place != "-":
        return read_text(Path(place))
    text = sys.stdin.read(MAX_TEXT_CHARS + 1)
    if len(text) > MAX_TEXT_CHARS:
        raise ApplianceError(f"that is more than {MAX_TEXT_CHARS:,} characters")
    return text
