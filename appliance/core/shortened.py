"""A long answer on a phone: its beginning, up to where a reader may well stop, and the rest.

What an agent says first is mostly what it has to say. The rest waits behind a button, and
nothing of it is lost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

PHONE_CHARACTERS = 38
"""In a line of a message on a small phone."""
LINES_AT_ONCE = 15
LONGEST_WHOLE = 20
"""So many lines are shown all the same: a button for five more is a nuisance."""

MORE = "more:"
"""A button for the rest of an answer."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


@dataclass(frozen=True, slots=True)
class ShowRest:
    """The rest of what was shown in part, by its number in this place."""

    number: int


def pressed(token: str) -> ShowRest | None:
    return read(token.removeprefix(MORE)) if token.startswith(MORE) else None


def read(text: str) -> ShowRest | None:
    """ "12" as typed behind /more; None: no number."""
    return ShowRest(int(text)) if re.fullmatch(r"[1-9][0-9]{0,9}", text) else None


@dataclass(frozen=True, slots=True)
class Shortened:
    """Both parts are Markdown. `cuts_code`: a block of code goes on from one to the other."""

    beginning: str
    rest: str
    cuts_code: bool = False


def shortened(text: str) -> Shortened | None:
    """A text in two parts; None: a phone shows it whole."""
    lines = text.rstrip().split("\n")
    if sum(map(_height, lines)) <= LONGEST_WHOLE:
        return None
    places = list(_places(lines))
    for good in (_is_between_paragraphs, _is_outside):
        if here := [place for place in places if good(place)]:
            return _cut(lines, here[-1])
    return _cut(lines, places[-1]) if places else _cut_line(lines)


@dataclass(frozen=True, slots=True)
class _Place:
    """Before which line one could stop. `fence`: what opens the block of code that one is in."""

    line: int
    fence: str
    follows_blank: bool
    is_in_table: bool


def _is_between_paragraphs(place: _Place) -> bool:
    return not place.fence and place.follows_blank


def _is_outside(place: _Place) -> bool:
    return not place.fence and not place.is_in_table


def _places(lines: list[str]) -> Iterator[_Place]:
    """After every line but the first, as far as a phone shows them at once."""
    height, fence = 0, ""
    for number, line in enumerate(lines[:-1]):
        height += _height(line)
        if height > LINES_AT_ONCE:
            return
        fence = _fence_after(line, fence)
        is_table = line.lstrip().startswith("|") and lines[number + 1].lstrip().startswith("|")
        # a heading belongs to what stands below it
        if not line.startswith("#") and not _is_blank_before(lines, number, "#"):
            yield _Place(number + 1, fence, not line.strip(), is_table)


def _is_blank_before(lines: list[str], number: int, sign: str) -> bool:
    return number > 0 and not lines[number].strip() and lines[number - 1].startswith(sign)


def _fence_after(line: str, fence: str) -> str:
    """The fence of the block of code that goes on behind this line, "" outside of one."""
    found = _FENCE.fullmatch(line)
    if found is None:
        return fence
    if not fence:
        return line
    opened = _FENCE.fullmatch(fence)
    assert opened is not None, "a fence is a line that matched"
    closes = found[1].startswith(opened[1]) and not found[2].strip()
    return "" if closes else fence


def _cut(lines: list[str], place: _Place) -> Shortened:
    before, behind = lines[: place.line], lines[place.line :]
    if place.fence:
        opened = _FENCE.fullmatch(place.fence)
        assert opened is not None, "a fence is a line that matched"
        before, behind = [*before, opened[1]], [place.fence, *behind]
    beginning = "\n".join(before).rstrip()
    return Shortened(beginning, "\n".join(behind).lstrip("\n"), bool(place.fence))


def _cut_line(lines: list[str]) -> Shortened:
    """A first line that is longer than all that is shown: cut between words."""
    text = "\n".join(lines)
    most = LINES_AT_ONCE * PHONE_CHARACTERS
    end = text.rfind(" ", most // 2, most)
    end = end if end > 0 else most
    return Shortened(text[:end].rstrip(), text[end:].lstrip())


def _height(line: str) -> int:
    return max(1, math.ceil(len(line) / PHONE_CHARACTERS))
