"""A QR code for a camera: on a terminal of any colours, or as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from segno import QRCode

BORDER = 2
"""Modules of white around it; cameras manage with less than the four of the standard."""
PIXELS = 8
BLACK_ON_WHITE = "\x1b[30;107m"
PLAIN = "\x1b[0m"
HALVES = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}


def terminal_lines(text: str) -> list[str]:
    """Two rows of modules a line, black on white whatever the colours of the terminal are."""
    rows = [[*map(bool, row)] for row in _code(text).matrix_iter(border=BORDER)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return [f"{BLACK_ON_WHITE}{line}{PLAIN}" for line in _halved(rows)]


def width(text: str) -> int:
    """The columns that it takes on a terminal."""
    return int(_code(text).symbol_size(border=BORDER)[0])


def write_png(text: str, path: Path) -> None:
    """Readable for nobody but its owner: it is as good as the code in it. Raises ApplianceError."""
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        with path.open("wb") as file:
            _code(text).save(file, kind="png", scale=PIXELS, border=4)
    except OSError as error:
        raise ApplianceError(f"cannot write {path}: {error.strerror}") from error


def _code(text: str) -> QRCode:
    import segno

    return segno.make(text, error="l", micro=False)


def _halved(rows: list[list[bool]]) -> Iterator[str]:
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        pairs = zip(upper, lower, strict=True)
        yield "".join(HALVES[int(above), int(below)] for above, below in pairs)
