"""`dispatchctl audit export`: the log in the formats that other programs read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.filters import add_filters, filter_of
from appliance.app.audit_commands.screen import progress
from appliance.app.audit_commands.shared import add_database, database_of, written
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.rows import Row
    from appliance.audit.search import Filter

Exporter = Callable[[Path, argparse.Namespace, TextIO], None]
"""Writes the log in a database to `arguments.out`, or to the stream where there is none."""


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    export = actions.add_parser("export", help="the log in the formats that other programs read")
    export.set_defaults(run=run_export)
    add_database(export)
    export.add_argument(
        "--format",
        choices=FORMATS,
        required=True,
        help="tiles: for verifiers; jsonl, csv: for your own tools; ocsf: for a SIEM",
    )
    export.add_argument(
        "-o", "--out", type=Path, help="a file; tiles: a new directory (default: standard output)"
    )
    add_filters(export)


def run_export(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Write the log in the chosen format; raises what its exporter raises."""
    FORMATS[arguments.format](database_of(arguments), arguments, out or sys.stdout)
    return 0


def _tiles(database: Path, arguments: argparse.Namespace, out: TextIO) -> None:
    """C2SP tlog-tiles: static files that verifiers written by others can check."""
    from appliance.audit.tiles import write_tiles

    if _wanted(arguments) is not None:
        raise ApplianceError("tiles are of the whole log", hint="leave the filters away")
    if arguments.out is None:
        raise ApplianceError("tiles are many files", hint="name a new directory: --out DIR")
    head = write_tiles(database, arguments.out)
    out.write(f"{head.size} records in {arguments.out}\n")


def _jsonl(database: Path, arguments: argparse.Namespace, out: TextIO) -> None:
    from appliance.audit.exports import write_jsonl

    _write(write_jsonl, database, arguments, out)


def _csv(database: Path, arguments: argparse.Namespace, out: TextIO) -> None:
    from appliance.audit.exports import write_csv

    _write(write_csv, database, arguments, out)


def _ocsf(database: Path, arguments: argparse.Namespace, out: TextIO) -> None:
    from appliance.audit.ocsf import write_ocsf

    _write(write_ocsf, database, arguments, out)


def _write(
    write: Callable[[Iterator[Row], TextIO], None],
    database: Path,
    arguments: argparse.Namespace,
    out: TextIO,
) -> None:
    from appliance.audit.rows import rows
    from appliance.host.clock import SystemClock

    wanted = _wanted(arguments)
    with (
        progress("exporting", SystemClock().monotonic) as report,
        written(arguments.out, out) as target,
    ):
        write(rows(database, wanted, report), target)


def _wanted(arguments: argparse.Namespace) -> Filter | None:
    """The filter, None when the whole log is wanted."""
    from appliance.audit.search import Filter
    from appliance.host.clock import SystemClock

    wanted = filter_of(arguments, SystemClock().now())
    return None if wanted == Filter() else wanted


FORMATS: Mapping[str, Exporter] = {"tiles": _tiles, "jsonl": _jsonl, "csv": _csv, "ocsf": _ocsf}
