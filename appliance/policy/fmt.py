"""A *.csv file with its columns in line; what it says and its comments stay as they are.

Lines that stand together are one table. What does not look like a line of ours is left alone:
the loader will tell.
"""

from __future__ import annotations

from itertools import groupby

from appliance.policy.fields import SHAPES, cut, said_in

_GAP = "  "
MAX_WIDTH = 48
"""A longer column does not push the others out: its own line just gets longer."""


def formatted(text: str) -> str:
    """The file's text in columns. Formatting twice is the same as once."""
    lines = text.split("\n")
    tables = groupby(lines, key=_kind)
    done = [line for kind, table in tables for line in _table(kind, list(table))]
    return "\n".join(done).strip("\n") + "\n" if text.strip() else text


def _kind(raw: str) -> str:
    """Which table a line belongs to; "" for comments, blank lines and what is not understood."""
    mistakes: list[str] = []
    lines = cut("", raw, mistakes)
    return lines[0].kind if lines and not mistakes else ""


def _table(kind: str, lines: list[str]) -> list[str]:
    if kind not in SHAPES:
        return [line.rstrip(" \t") for line in lines]
    rows = [cut("", line, [])[0].fields for line in lines]
    widths = [
        max(
            (len(row[i]) for row in rows if i < len(row) - 1 and len(row[i]) <= MAX_WIDTH),
            default=0,
        )
        for i in range(max(map(len, rows)))
    ]
    written = [_row(row, widths) for row in rows]
    notes = [_comment(line) for line in lines]
    edge = max((len(row) for row, note in zip(written, notes, strict=True) if note), default=0)
    return [
        f"{row.ljust(edge)}{_GAP}{note}" if note else row
        for row, note in zip(written, notes, strict=True)
    ]


def _row(fields: tuple[str, ...], widths: list[int]) -> str:
    cells = [f"{field},".ljust(width + 1) for field, width in zip(fields, widths, strict=False)]
    return " ".join([*cells[: len(fields) - 1], fields[-1]]).rstrip(" ,")


def _comment(raw: str) -> str:
    said = said_in(raw)
    return raw[raw.index(said) + len(said) :].strip(" \t")
