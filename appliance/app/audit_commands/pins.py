"""What was kept elsewhere and is held against the log: its first public key, checkpoints."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.app.audit_commands.shared import read_text
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.checkpoint import Note, PublicKey


def add_pins(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pubkey", help="the log's first public key, or a file that holds it")
    add_anchors(parser, "a text with checkpoints of it, such as a message that was kept")


def add_anchors(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--anchor", action="append", default=[], type=Path, metavar="FILE", help=what
    )


def pins_of(arguments: argparse.Namespace) -> tuple[PublicKey | None, list[Note]]:
    """The key and the checkpoints that were given. Raises ApplianceError."""
    key = None if arguments.pubkey is None else _public_key(arguments.pubkey)
    return key, anchors_of(arguments)


def anchors_of(arguments: argparse.Namespace) -> list[Note]:
    """The checkpoints that were given. Raises ApplianceError."""
    return [note for path in arguments.anchor for note in _anchors(path)]


def _public_key(argument: str) -> PublicKey:
    from appliance.audit.checkpoint import parse_public_key

    text = argument if "+" in argument else read_text(Path(argument))
    try:
        return parse_public_key(text)
    except ValueError as error:
        raise ApplianceError(f"--pubkey {argument}: {error}") from error


def _anchors(path: Path) -> list[Note]:
    """The checkpoints in a file, which may be a whole conversation around them."""
    from appliance.audit.claims import notes_in

    try:
        notes = list(notes_in(read_text(path)))
    except ValueError as error:
        raise ApplianceError(f"--anchor {path}: {error}") from error
    if not notes:
        raise ApplianceError(
            f"--anchor {path}: there is no checkpoint in it",
            hint="a checkpoint is a name, a number, a hash, an empty line and signatures",
        )
    return notes
