"""`dispatchctl audit prove`: files that prove a record, and that the log has only grown."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.pins import add_anchors, anchors_of
from appliance.app.audit_commands.shared import JSON_FORMAT, add_database, database_of, written

if TYPE_CHECKING:
    from appliance.audit.proof import Proofs


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    prove = actions.add_parser("prove", help="files that prove a record to outsiders")
    prove.set_defaults(run=run_prove)
    prove.add_argument("seq", type=int, metavar="SEQ", help="the number of the record")
    add_database(prove)
    add_anchors(prove, "a checkpoint that was kept: prove that the log has only grown since")
    prove.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where to put the files; default: here",
    )
    prove.add_argument("--json", action="store_true", help="answer as JSON")


def run_prove(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Write the files and name them; raises what `prove` raises."""
    from appliance.audit.proof import prove

    out = out or sys.stdout
    proofs = prove(database_of(arguments), arguments.seq, anchors_of(arguments))
    files = dict(_files(proofs, arguments.out))
    for path, text in files.items():
        with written(path, out) as file:
            file.write(text)
    lines = [_as_json(proofs, files)] if arguments.json else _sentences(proofs, files)
    out.write("".join(f"{line}\n" for line in lines))
    return 0


def _files(proofs: Proofs, directory: Path) -> Iterator[tuple[Path, str]]:
    yield directory / f"record-{proofs.seq}.tlog-proof", proofs.inclusion
    for old, text in proofs.growth.items():
        yield directory / f"growth-{old}-{proofs.note.checkpoint.size}.txt", text


def _sentences(proofs: Proofs, files: dict[Path, str]) -> Iterator[str]:
    size = proofs.note.checkpoint.size
    inclusion, *growth = files
    yield f"{inclusion}: record {proofs.seq} is in the log of {size} records (C2SP tlog-proof)"
    for path, old in zip(growth, proofs.growth, strict=True):
        yield f"{path}: the log of {old} records has grown to {size}"


def _as_json(proofs: Proofs, files: dict[Path, str]) -> str:
    return json.dumps(
        {
            "format": JSON_FORMAT,
            "seq": proofs.seq,
            "size": proofs.note.checkpoint.size,
            "files": [str(path) for path in files],
        }
    )
