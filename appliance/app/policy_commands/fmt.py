"""`dispatchctl policy fmt`: the rules in straight columns."""

from __future__ import annotations

import argparse
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from appliance.app.policy_commands.shared import (
    add_options,
    directory_of,
    print_json,
    settings_of,
)


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "fmt",
        help="put the rules into straight columns",
        description="Align the columns of every *.csv file of the policy. What the lines say and "
        "the comments stay as they are.",
        epilog="Exit status: 0 done, or with --check: all files are in shape; 1 some are not, or a "
        "file cannot be read or written.",
    )
    parser.set_defaults(run=run_fmt)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: all *.csv")
    parser.add_argument("--check", action="store_true", help="only say which files would change")
    add_options(parser)


def run_fmt(arguments: argparse.Namespace) -> int:
    from appliance.policy.fmt import formatted

    changed = []
    for file in arguments.files or _files(arguments):
        before = _read(file)
        after = formatted(before)
        if after != before:
            changed.append(str(file))
            if not arguments.check:
                _replace(file, after)
    if arguments.json:
        print_json({"changed": changed, "written": not arguments.check})
    else:
        for name in changed:
            print(f"{'would change' if arguments.check else 'changed'}: {name}")
        if not changed:
            print("all files are in shape")
    return 1 if changed and arguments.check else 0


def _files(arguments: argparse.Namespace) -> list[Path]:
    from appliance.errors import ApplianceError

    directory = arguments.policies or directory_of(arguments, settings_of(arguments))
    try:
        found = sorted(directory.iterdir())
    except OSError as error:
        raise ApplianceError(f"cannot read {directory}: {error.strerror}") from error
    files = [file for file in found if file.suffix == ".csv" and not file.name.startswith(".")]
    if not files:
        raise ApplianceError(f"there is no *.csv in {directory}", hint="name another: --policies")
    return files


def _read(file: Path) -> str:
    """The text as it is, line ends included."""
    from appliance.errors import ApplianceError

    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ApplianceError(f"cannot read {file}: {error}") from error


def _replace(file: Path, text: str) -> None:
    """In one step, so that nobody reads half a file; whoever could read it still can."""
    from appliance.errors import ApplianceError

    fresh = file.with_name(f".{file.name}.new")
    try:
        before = file.stat()
        with fresh.open("w", encoding="utf-8", newline="") as stream:
            os.fchown(stream.fileno(), before.st_uid, before.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(before.st_mode))
            stream.write(text)
        fresh.replace(file)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise ApplianceError(f"cannot write {file}: {error.strerror}") from error
