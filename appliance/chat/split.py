"""A `Rich` cut into parts that a platform takes whole.

Limits are counted in UTF-16 code units, because that is how Telegram counts; for text without
astral characters it is the number of characters. No text is lost: the parts joined are the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from appliance.core.model import Rich, Span, Style

LOOKS = (Style.BOLD, Style.ITALIC, Style.STRIKE)
"""Without them a text says the same."""

BORDERS = ("\n\n", "\n", " ")
"""Where to cut, best first: between paragraphs, lines, words."""


def utf16_units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text) + sum(character > "\uffff" for character in text)


def split(body: Rich, limit: int, most_spans: int | None = None) -> tuple[Rich, ...]:
    """Parts of at most `limit` (2 or more) units; spans that cross a cut go on in both parts.

    A border in the second half of a part is preferred to a fuller part, and a block of code stays
    whole where it can. Code points stay whole. `most_spans` (2 or more): in each part; where
    there are more, what is only for looks goes first.
    """
    parts = (cut(body, start, end) for start, end in _ranges(body, limit, most_spans))
    return tuple(_lighter(part, most_spans) for part in parts)


def cuts_code(body: Rich, parts: Sequence[Rich]) -> bool:
    """Whether a block of code goes on from one part to the next."""
    blocks = [_range(span) for span in body.spans if span.style is Style.PRE]
    ends = itertools.accumulate(len(part.text) for part in parts[:-1])
    return any(start < end < last for end in ends for start, last in blocks)


def cut(body: Rich, start: int, end: int) -> Rich:
    """The part of a text between two code points, with what its spans have in it."""
    clipped = (_clip(span, start, end) for span in body.spans)
    return Rich(body.text[start:end], tuple(span for span in clipped if span.length > 0))


def _ranges(body: Rich, limit: int, most_spans: int | None) -> Iterator[tuple[int, int]]:
    text, start = body.text, 0
    while (end := _allowed(body, start, limit, most_spans)) < len(text):
        end = _before_code(body, start, end) or _border(text, start, end)
        yield start, end
        start = end
    yield start, end


def _allowed(body: Rich, start: int, limit: int, most_spans: int | None) -> int:
    end = _reach(body.text, start, limit)
    if most_spans is not None:
        inside = sorted(
            max(span.start, start)
            for span in body.spans
            if span.style not in LOOKS and _is_within(span, start, end)
        )
        if len(inside) > most_spans:
            end = max(inside[most_spans], start + 1)
    return end


def _lighter(part: Rich, most_spans: int | None) -> Rich:
    if most_spans is None or len(part.spans) <= most_spans:
        return part
    return replace(part, spans=tuple(span for span in part.spans if span.style not in LOOKS))


def _before_code(body: Rich, start: int, end: int) -> int | None:
    """Where the block of code begins that would be cut, if that is far enough on."""
    middle = start + (end - start) // 2
    for span in body.spans:
        first, last = _range(span)
        if span.style is Style.PRE and middle <= first < end < last and first > start:
            return first
    return None


def _range(span: Span) -> tuple[int, int]:
    return span.start, span.start + span.length


def _is_within(span: Span, start: int, end: int) -> bool:
    return span.start < end and span.start + span.length > start


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
