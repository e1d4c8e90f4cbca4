"""`dispatchctl audit verify`: check every record, hash and signature."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.pins import add_pins, pins_of
from appliance.app.audit_commands.shared import (
    JSON_FORMAT,
    add_database,
    database_of,
    printable,
)

if TYPE_CHECKING:
    from appliance.audit.verify import Verification

_CLEAR_LINE = "\r\033[K"
STATUSES = {"intact": 0, "tampered": 1, "incomplete": 2}


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    verify = actions.add_parser("verify", help="check every record, hash and signature")
    verify.set_defaults(run=run_verify)
    add_database(verify)
    add_pins(verify)
    verify.add_argument("--json", action="store_true", help="answer as JSON")


def run_verify(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print the verdict; status 0 intact, 1 tampered, 2 incomplete."""
    from appliance.audit.verify import verify

    out = out or sys.stdout
    public_key, anchors = pins_of(arguments)
    reporting = sys.stderr.isatty() and not arguments.json
    found = verify(
        database_of(arguments),
        public_key=public_key,
        anchors=anchors,
        report=_progress if reporting else None,
    )
    if reporting:
        sys.stderr.write(_CLEAR_LINE)
    lines = [_as_json(found)] if arguments.json else _sentences(found)
    out.write("\n".join(lines) + "\n")
    return STATUSES[found.verdict]


def _progress(done: int, total: int) -> None:
    sys.stderr.write(f"{_CLEAR_LINE}{done * 100 // total} % of {total} records")


def _sentences(found: Verification) -> Sequence[str]:
    return [_verdict(found), *_limits(found), *(f"note: {printable(r)}" for r in found.remarks)]


def _verdict(found: Verification) -> str:
    if found.verdict == "intact":
        return f"intact: all {found.size} records are what was signed, in {found.epochs} epochs"
    where = f" at record {found.seq}" if found.seq else ""
    return f"{found.verdict}{where}: {printable(found.reason)}"


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
            "format": JSON_FORMAT,
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
