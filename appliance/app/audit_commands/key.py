"""`dispatchctl audit key`: the public keys of the log, for somewhere outside this host."""

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
)
from appliance.app.control_commands import add_config
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from segno import QRCode

_PIXELS = 6  # of a picture, for each dot of the code


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    key = actions.add_parser("key", help="the public keys of the log, and another epoch's")
    verbs = key.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser("show", help="the keys that the log names")
    show.set_defaults(run=run_show)
    add_database(show)
    pin = verbs.add_parser("pin", help="the first key, to be kept outside this host: text and QR")
    pin.set_defaults(run=run_pin)
    add_database(pin)
    pin.add_argument("--png", type=Path, metavar="FILE", help="write the QR code as a picture")
    pin.add_argument("--svg", type=Path, metavar="FILE", help="the same for print")
    rotate = verbs.add_parser("rotate", help="end the epoch now: its key is destroyed")
    rotate.set_defaults(run=run_rotate)
    add_config(rotate)
    for parser in (show, pin, rotate):
        parser.add_argument("--json", action="store_true", help="answer as JSON")


def run_show(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print what the log says its keys are. Raises AuditUnavailable or AuditBroken."""
    from appliance.audit.keyring import public_keys

    keys = public_keys(database_of(arguments))
    found = {
        "public_key": str(keys.genesis),
        "identity_key": str(keys.identity),
        "epoch": keys.epoch,
        "epoch_key": str(keys.current),
    }
    if arguments.json:
        lines = [json.dumps({"format": JSON_FORMAT, **found})]
    else:
        lines = [f"{name.replace('_', ' '):<12} {value}" for name, value in found.items()]
    print_lines(lines, out)
    return 0


def run_pin(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Print the first public key, for people and for a camera; write pictures where asked to.

    Raises AuditUnavailable or AuditBroken when there is no such key, ApplianceError when a
    picture cannot be written.
    """
    from appliance.audit.keyring import public_keys

    out = out or sys.stdout
    key = str(public_keys(database_of(arguments)).genesis)
    code = _code(key)
    for path in filter(None, (arguments.png, arguments.svg)):
        _write(code, path, "png" if path == arguments.png else "svg")
    if arguments.json:
        print_lines([json.dumps({"format": JSON_FORMAT, "public_key": key})], out)
        return 0
    code.terminal(out, compact=True)
    print_lines(
        [
            key,
            "keep this outside this host; a log that did not begin with this key is another one",
            "to check later: dispatchctl audit verify --pubkey KEY",
        ],
        out,
    )
    return 0


def run_rotate(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Raises AuditUnavailable when it was not done."""
    from appliance.app.audit_access import administration
    from appliance.config import load

    with administration(load(arguments.config)) as log:
        log.rotate()
    done = json.dumps({"format": JSON_FORMAT, "rotated": True})
    sentence = "the epoch is over and its key destroyed: what it signed cannot be signed anew"
    print_lines([done if arguments.json else sentence], out)
    return 0


def _code(key: str) -> QRCode:
    import segno

    return segno.make(key, error="m", micro=False)


def _write(code: QRCode, path: Path, kind: str) -> None:
    try:
        with path.open("wb") as file:
            code.save(file, kind=kind, scale=_PIXELS)
    except OSError as error:
        raise ApplianceError(f"cannot write {path}: {error.strerror}") from error
