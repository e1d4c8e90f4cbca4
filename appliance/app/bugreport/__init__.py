"""`dispatchctl bugreport`: what helps to find a mistake, and nothing that is nobody's business.

    sections     what is in it, each a heading and lines
    discretion   what must not be in it: secrets, and words that people wrote

It is shown before it is written: what is on the screen is all that is in the file. Nothing is
sent anywhere. Of the databases there are numbers in it, and not one row.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from appliance.app.control_commands import add_config
from appliance.errors import ConfigError

QUESTION = "Write this to {file}? [y/N] "


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `bugreport` into dispatchctl."""
    parser = commands.add_parser(
        "bugreport",
        help="what helps to find a mistake, without secrets or what people wrote",
        description="Show versions, what doctor finds, the settings without ids, the state of the "
        "units, the last log lines, the head of the audit log and how much there is of "
        "everything; with --out, write it to a file. Secrets are left out, and so is what people "
        "wrote. Nothing is sent anywhere.",
    )
    parser.set_defaults(run=run_bugreport)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write it there, after it was shown"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before it is written")
    add_config(parser)


def run_bugreport(arguments: argparse.Namespace) -> int:
    from appliance.app.bugreport.sections import report
    from appliance.app.files import write

    out: Path | None = arguments.out
    if out is not None and out.exists():
        raise ConfigError(f"{out} is there already", hint="name another file")
    text = report(arguments.config)
    sys.stdout.write(text)
    if out is None or not (arguments.yes or _agrees(out)):
        return 0
    write(out, text, mode=0o600)
    sys.stdout.write(f"\nwritten to {out}: read it once more before you send it\n")
    return 0


def _agrees(out: Path) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask on", hint="use --yes")
    try:
        return input(f"\n{QUESTION.format(file=out)}").strip().lower() in ("y", "yes")
    except EOFError:
        return False
