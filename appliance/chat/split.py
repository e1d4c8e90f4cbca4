"""A `Rich` cut into parts that a platform takes whole.

Limits are counted in UTF-16 code units, because that is how Telegram counts; for text without
astral characters it is the number of characters. No text is lost: the parts joined are the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from appliance.core.model import Rich, Span

BORDERS = ("\n\n", "\n", " ")
"""Where to cut, best first: between paragraphs, lines, words."""


def utf16_units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text) + sum(character > "\uffff" for character in text)


def split(body: Rich, limit: int) -> tuple[Rich, ...]:
    """Parts of at most `limit` (2 or more) units; spans that cross a cut go on in both parts.

    A border in the second half of a part is preferred to a fuller part. Code points stay whole.
    """
    return tuple(cut(body, start, end) for start, end in _ranges(body.text, limit))


def cut(body: Rich, start: int, end: int) -> Rich:
    """The part of a text between two code points, with what its spans have in it."""
    clipped = (_clip(span, start, end) for span in body.spans)
    return Rich(body.text[start:end], tuple(span for span in clipped if span.length > 0))


def _ranges(text: str, limit: int) -> Iterator[tuple[int, int]]:
    start = 0
    while (end := _reach(text, start, limit)) < len(text):
        end = _border(text, start, end)
        yield start, end
        start = end
    yield start, end


def _reach(text: str, start: int, limit: int) -> int:
    """The first code point from `start` on that does not fit any more."""
    units = 0
    for index in range(start, len(text)):
        units += 2 if text[index] > "\uffff" else 1
        if units > limit:
            return index
    return len(text)


def _border(text: str, start: int, end: int) -> int:
    middle = start + (end - start) // 2
    for border in BORDERS:
        found = text.rfind(border, middle, end)
        if found > start:
            return found + len(border)
    return end


def _clip(span: Span, start: int, end: int) -> Span:
    first = max(span.start, start)
    last = min(span.start + span.length, end)
    return replace(span, start=first - start, length=last - first)
