"""`dispatchctl audit anchor`: checkpoints of the log that are kept elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands import following
from appliance.app.audit_commands.shared import (
    JSON_FORMAT,
    add_database,
    database_of,
    local,
    print_lines,
    read_text,
)
from appliance.app.control_commands import add_config, connect
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.anchored import Anchored
    from appliance.audit.checkpoint import Note

RETURNED = "returned"
"""The sink of a checkpoint that somebody brought back."""
MAX_TEXT_CHARS = 1 << 24
MAX_NOTES = 1000


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    anchor = actions.add_parser("anchor", help="checkpoints of the log that are kept elsewhere")
    verbs = anchor.add_subparsers(dest="verb", required=True, metavar="VERB")
    listed = verbs.add_parser("list", help="who has confirmed which checkpoint")
    listed.set_defaults(run=run_list)
    add_database(listed)
    add = verbs.add_parser("add", help="take back a checkpoint that a chat or a file holds")
    add.set_defaults(run=run_add)
    add.add_argument(
        "text",
        nargs="?",
        default="-",
        metavar="FILE|TEXT",
        help="a file, or the message itself; words around the checkpoint do not matter. "
        "Default: standard input, so that a message can be pasted",
    )
    post = verbs.add_parser("post", help="have the running daemon post a checkpoint now")
    post.set_defaults(run=run_post)
    following.add_parsers(verbs)
    for parser in (add, post):
        add_config(parser)
    for parser in (listed, add, post):
        parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_list(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print what the log knows of its anchors, oldest first. Raises AuditUnavailable."""
    from appliance.audit.anchored import anchored

    found = anchored(database_of(arguments))
    if arguments.json:
        lines = [_as_json(anchor) for anchor in found]
    else:
        lines = [_line(anchor) for anchor in found] or ["no checkpoint is known to be elsewhere"]
    print_lines(lines, out)
    return 0


def run_add(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Record each checkpoint in the text; status 1 when one contradicts the log.

    Raises ApplianceError when there is none, or one is not signed by this log's identity.
    """
    from appliance.app.audit_access import administration
    from appliance.audit.anchored import contradiction
    from appliance.config import load

    settings = load(arguments.config)
    database = database_of(argparse.Namespace(database=None, config=arguments.config))
    notes = _notes(_text(arguments.text))
    against = {str(note): why for note in notes if (why := contradiction(database, note))}
    agreeing = [note for note in notes if str(note) not in against]
    if agreeing:
        with administration(settings) as log:
            for note in agreeing:
                log.record_anchor(note.checkpoint.size, RETURNED, str(note))
    results = [_added(note, against.get(str(note), "")) for note in notes]
    if arguments.json:
        print_lines([json.dumps({"format": JSON_FORMAT, **result}) for result in results], out)
    else:
        print_lines(map(_sentence, results), out)
    return int(bool(against))


def run_post(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print what each place answered; status 1 when none of them has the checkpoint.

    Raises ConfigError or ChatUnavailable when the daemon cannot be asked.
    """
    with connect(arguments.config) as client:
        report = client.ask("anchor")
    if arguments.json:
        print_lines([json.dumps({"format": JSON_FORMAT, **report})], out)
    else:
        print_lines(_posted(report), out)
    return int(not any(sink["kept"] >= report["size"] for sink in report["sinks"]))


def _posted(report: dict[str, Any]) -> Iterator[str]:
    yield f"checkpoint of {report['size']:,} records"
    if not report["sinks"]:
        yield "there is nowhere to post it to: see [audit] in the settings"
    for sink in report["sinks"]:
        has = "has it" if sink["kept"] >= report["size"] else "has not answered yet"
        yield f"{sink['name']}: {sink['problem'] or has}"


def _text(argument: str) -> str:
    if argument == "-":
        text = sys.stdin.read(MAX_TEXT_CHARS + 1)
    elif "\n" in argument:
        text = argument
    else:
        text = read_text(Path(argument))
    if len(text) > MAX_TEXT_CHARS:
        raise ApplianceError(f"that is more than {MAX_TEXT_CHARS:,} characters: no checkpoints")
    return text


def _notes(text: str) -> Sequence[Note]:
    from appliance.audit.claims import notes_in

    try:
        notes = list(notes_in(text))
    except ValueError as error:
        raise ApplianceError(f"a checkpoint in the text is damaged: {error}") from error
    if not notes:
        raise ApplianceError(
            "there is no checkpoint in the text",
            hint='give the whole message, from "dispatch-audit/…" to its last line',
        )
    if len(notes) > MAX_NOTES:
        return notes[-MAX_NOTES:]  # the newest of a file prove at least as much
    return notes


def _added(note: Note, why: str) -> dict[str, Any]:
    return {"size": note.checkpoint.size, "root": note.checkpoint.root.hex(), "contradiction": why}


def _sentence(result: dict[str, Any]) -> str:
    about = f"checkpoint of {result['size']:,} records"
    if result["contradiction"]:
        return f"{about}: signed by this log, but {result['contradiction']}"
    return f"{about}: signed by this log, agrees with it, recorded"


def _as_json(anchor: Anchored) -> str:
    return json.dumps(
        {
            "format": JSON_FORMAT,
            "size": anchor.size,
            "sink": anchor.sink,
            "time": anchor.time,
            "receipt": anchor.receipt,
        }
    )


def _line(anchor: Anchored) -> str:
    at = ""
    if anchor.time is not None:
        at = local(anchor.time, "%Y-%m-%d %H:%M:%S")
    return f"{anchor.size:>9,} records  until {at:<19}  {anchor.sink}"
