"""What several audit commands need: which log, moments as people write them, safe words."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from appliance.app.config_commands import DEFAULT_FILE
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.core.model import Millis

JSON_FORMAT = 1  # of what --json prints

_AGO = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "database",
        nargs="?",
        type=Path,
        help="the log: audit.db or its directory; default: the one of the settings",
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="default: %(default)s")


def database_of(arguments: argparse.Namespace) -> Path:
    from appliance.audit.database import DATABASE

    if arguments.database is None:
        from appliance.config import load

        return load(arguments.config).audit_directory / DATABASE
    path: Path = arguments.database
    return path / DATABASE if path.is_dir() else path


def moment(option: str, text: str | None, now: Millis) -> Millis | None:
    from appliance.core.model import Millis

    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return Millis(now - int(ago[1]) * _UNIT_SECONDS[ago[2]] * 1000)
    try:
        return Millis(int(datetime.fromisoformat(text).astimezone().timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise ApplianceError(
            f"{option} {text} is no moment", hint="2h, 3d, 2030-01-31 or 2030-01-31T14:00"
        ) from error


def local(time: int, form: str) -> str:
    """Milliseconds as a moment in the time of this place, worded as `strftime` takes it.

    The number where there is no date: a forged record can name a time that is in no calendar.
    """
    try:
        return f"{datetime.fromtimestamp(time / 1000, tz=UTC).astimezone():{form}}"
    except (ValueError, OverflowError, OSError):
        return f"{time} ms"


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ApplianceError(f"cannot read {path}: {error}") from error


@contextmanager
def written(path: Path | None, out: TextIO) -> Iterator[TextIO]:
    """Where an export goes: a file that is there when it is whole, or `out` without a path.

    The file has mode 0600, because it holds what people wrote. Raises ApplianceError.
    """
    if path is None:
        yield out
        return
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with open(unfinished, "w", encoding="utf-8", newline="", opener=_private) as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise ApplianceError(f"cannot write {path}: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def print_lines(lines: Iterable[str], out: TextIO | None) -> None:
    (out or sys.stdout).write("".join(f"{printable(line)}\n" for line in lines))


def printable(text: str) -> str:
    """One line in which nothing moves the cursor, turns the writing or hides."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
