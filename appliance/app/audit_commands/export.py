"""`dispatchctl audit export`: the log in the formats that other programs read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from appliance.app.audit_commands.shared import add_database, database_of
from appliance.errors import ApplianceError

Exporter = Callable[[Path, argparse.Namespace, TextIO], None]
"""Writes the log in a database to `arguments.output`, or to the stream where there is none."""


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    export = actions.add_parser("export", help="the log in the formats that other programs read")
    export.set_defaults(run=run_export)
    add_database(export)
    export.add_argument("--format", choices=FORMATS, required=True)
    export.add_argument("-o", "--output", type=Path, help="where to; tiles: a new directory")


def run_export(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Write the log in the chosen format; raises what its exporter raises."""
    FORMATS[arguments.format](database_of(arguments), arguments, out or sys.stdout)
    return 0


def _tiles(database: Path, arguments: argparse.Namespace, out: TextIO) -> None:
    """C2SP tlog-tiles: static files that verifiers written by others can check."""
    from appliance.audit.tiles import write_tiles

    if arguments.output is None:
        raise ApplianceError("tiles are many files", hint="name a new directory: --output DIR")
    head = write_tiles(database, arguments.output)
    out.write(f"{head.size} records in {arguments.output}\n")


FORMATS: Mapping[str, Exporter] = {"tiles": _tiles}
