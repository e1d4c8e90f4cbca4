"""How things look on a terminal: its width, colours where it has them, text that is wrapped.

Everything recorded goes through `printable` or `wrapped` before it gets here or by it: strangers
wrote half of it, and nothing of it may move the cursor or hide.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from appliance.app.audit_commands.shared import printable

_WIDTH = 80  # when the output is no terminal nobody can be asked
_QUIET_SECONDS = 2.0
_SHOWN_SECONDS = 0.1
_BAR = 20
_CLEAR_LINE = "\r\033[K"
_TAB = 4


class Ink(StrEnum):
    """What a colour says."""

    BOLD = "1"
    DIM = "2"
    BAD = "31"
    GOOD = "32"
    WAITING = "33"


OUTCOMES = {
    "allowed": Ink.GOOD,
    "succeeded": Ink.GOOD,
    "asked": Ink.WAITING,
    "cancelled": Ink.WAITING,
    "denied": Ink.BAD,
    "failed": Ink.BAD,
    "unknown": Ink.BAD,
}


@dataclass(frozen=True, slots=True)
class Screen:
    """Where lines are printed."""

    width: int
    has_colours: bool

    def ink(self, ink: Ink | None, text: str) -> str:
        """The text in this colour, where there are colours."""
        if ink is None or not text or not self.has_colours:
            return text
        return f"\033[{ink}m{text}\033[0m"


def screen_of(out: TextIO) -> Screen:
    """Colours only on a terminal that has them, and where nobody asked for none (no-color.org)."""
    if not out.isatty():
        return Screen(_WIDTH, has_colours=False)
    environment = os.environ  # noqa: TID251 - app/ reads the environment
    is_plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
    return Screen(shutil.get_terminal_size((_WIDTH, 0)).columns, has_colours=not is_plain)


def columns(text: str) -> int:
    """How many columns a printable text takes on a terminal."""
    return sum(map(_columns, text))


def fit(text: str, room: int) -> str:
    """The text, or as much of it as fits and an ellipsis."""
    return text if columns(text) <= room else text[: _split_at(text, room - 1)] + "…"


def fill(text: str, room: int) -> str:
    """The text made as wide as the room that it has."""
    fitted = fit(text, room)
    return fitted + " " * (room - columns(fitted))


def wrapped(text: str, room: int) -> Iterator[str]:
    """Lines of at most so many columns, cut between words where there are any."""
    for line in text.removesuffix("\n").split("\n"):
        rest = printable(line.rstrip("\r").expandtabs(_TAB))
        while columns(rest) > room:
            end = max(_split_at(rest, room), 1)
            blank = rest.rfind(" ", end // 2, end + 1)
            yield rest[: blank if blank > 0 else end]
            rest = rest[blank + 1 :] if blank > 0 else rest[end:]
        yield rest


@contextmanager
def progress(
    verb: str, seconds: Callable[[], float], things: str = "records"
) -> Iterator[Callable[[int, int], None]]:
    """A report for whoever waits longer than a moment.

    "reading ━━━━━━━━──────────── 40 % of 1,000,000 records · 95,000/s · 6 s left"
    """
    began, shown_at = seconds(), 0.0

    def report(done: int, total: int) -> None:
        nonlocal shown_at
        now = seconds()
        is_due = now - began > _QUIET_SECONDS and now - shown_at >= _SHOWN_SECONDS
        if is_due and done and sys.stderr.isatty():
            shown_at = now
            advance = _advance(done, total, now - began, things)
            sys.stderr.write(f"{_CLEAR_LINE}{verb} {advance}")
            sys.stderr.flush()

    try:
        yield report
    finally:
        if shown_at:
            sys.stderr.write(_CLEAR_LINE)


def _advance(done: int, total: int, seconds: float, things: str) -> str:
    total = max(done, total)  # a log in use grows
    rate = done / seconds
    filled = done * _BAR // total
    bar = "━" * filled + "─" * (_BAR - filled)
    left = math.ceil((total - done) / rate)
    return f"{bar} {done * 100 // total} % of {total:,} {things} · {rate:,.0f}/s · {left} s left"


def _split_at(text: str, room: int) -> int:
    """How many characters fit."""
    for index, character in enumerate(text):
        room -= _columns(character)
        if room < 0:
            return index
    return len(text)


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
