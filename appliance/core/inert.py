"""Text from outside whose words do nothing when they are touched.

Telegram makes its own sense of a message's text, on its server and in its clients: `@name` rings
somebody's phone, `/word` sends a command, `#tag`, `$CASH`, `+49 30 …`, `me@x.org`, `setup.py`
(a domain in Paraguay) and `tg://…` open something. None of that can be switched off. What can be:
in a code entity nothing is looked for, documented for bots and so in every client; and it shows
that the word is meant as it stands. So such words become code. Invisible characters in between
would do, too, but then the text is not what it looks like, and a copy of it does not work.

Web addresses stay active where they say openly where they lead: http or https, a plain host
name, nobody's name before it, and not to Telegram itself, whose links act on the reader's account.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from appliance.core.model import Rich, Span, Style

Range = tuple[int, int]
"""From and up to which code point."""

_TELEGRAM = re.compile(
    r"(?:.*\.)?(?:t\.me|telegram\.(?:me|dog|org)|telesco\.pe|tg\.dev|telegra\.ph|fragment\.com)"
)
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_AFTER_AN_ADDRESS = ".,;:!?\"'`)]}>*…”\u2019»"
_LABEL = r"\w(?:[\w-]{0,61}\w)?"

_PART_OF_A_WORD = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@~+=#$%&?-"
)
_LONGEST_REST = 256
_BLANK = "\x1f"

# Wider than what Telegram looks for, never narrower. Each alternative begins at the beginning of
# a word and gives up after a bounded number of characters.
_ACTIVE = re.compile(
    rf"""
      (?<![A-Za-z0-9+.-]) https?:// [^\s<>|"\\^`{{}}\[\]]{{1,2048}}
    | (?<![A-Za-z0-9+.-]) [A-Za-z][A-Za-z0-9+.-]{{1,15}}:// [^\s<>]{{1,2048}}
    | (?<![\w.+-]) [\w.+-]{{1,64}} @ (?:{_LABEL}\.){{1,8}} [^\W\d_]{{2,24}}
    | (?<!\w) @ \w{{2,64}}
    | (?<![\w/<>]) / [A-Za-z0-9_]{{1,64}} (?:@\w{{1,64}})? (?![\w/<>])
    | (?<!\w) \# (?=\w*[^\W\d]) \w{{1,256}}
    | (?<![\w$]) \$ [A-Z]{{1,12}} (?!\w)
    | (?<![\w+]) \+ \d (?:[ ().-]{{0,2}}\d){{5,16}} (?!\w)
    | (?<![\w.]) \d{{1,3}} (?:\.\d{{1,3}}){{3}} (?![\w.])
    | (?<![\w.@-]) (?:{_LABEL}\.){{1,40}} (?:[^\W\d_]{{2,24}}|xn--\w{{1,59}}) (?![\w@-])
    """,
    re.VERBOSE,
)


def leads_openly(address: str) -> bool:
    """Whether a web address may be touched: it leads where a reader thinks it does."""
    try:
        parts = urlsplit(address)
        host, name = (parts.hostname or "").rstrip("."), parts.username
        parts.port  # noqa: B018 (a property that raises)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and name is None
        and address.isprintable()
        and _HOST.fullmatch(host) is not None
        and "xn--" not in host
        and _TELEGRAM.fullmatch(host) is None
    )


def active_words(text: str) -> Iterator[Range]:
    """The words of a text that would do something, but for addresses that lead openly."""
    last = 0
    for found in _ACTIVE.finditer(text):
        word = found[0].rstrip(_AFTER_AN_ADDRESS)
        if found.start() >= last and not ("://" in word and leads_openly(word)):
            start, last = _whole(text, found.start(), found.start() + len(word), last)
            yield start, last


def _whole(text: str, start: int, end: int, after: int) -> Range:
    """All of the path, name or number that an active word is a part of."""
    first = max(after, start - _LONGEST_REST)
    while start > first and text[start - 1] in _PART_OF_A_WORD:
        start -= 1
    last = min(len(text), end + _LONGEST_REST)
    while end < last and text[end] in _PART_OF_A_WORD:
        end += 1
    return start, start + len(text[start:end].rstrip(_AFTER_AN_ADDRESS))


def still(body: Rich, outside: Sequence[Range] | None = None) -> Rich:
    """The text with its active words as code; of those only what lies in `outside`, where given.

    No other style is on them or on other code then, because platforms take nothing inside of code.
    """
    inert = [span for span in body.spans if span.style in (Style.CODE, Style.PRE)]
    there = _Code(inert)
    words = [
        Span(Style.CODE, start, end - start)
        for start, end in _found(there.blanked(body.text), outside)
    ]
    if not words and not inert:
        return body
    code = _Code([*inert, *words])
    others = [
        piece
        for span in body.spans
        if span.style not in (Style.CODE, Style.PRE)
        for piece in _around(span, code)
    ]
    order = sorted((*others, *code.spans), key=lambda span: (span.start, -span.length))
    return replace(body, spans=tuple(order))


class _Code:
    """Spans of code, which do not overlap each other, in their order."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = sorted(spans, key=lambda span: span.start)
        self._ends = [span.start + span.length for span in self.spans]

    def blanked(self, text: str) -> str:
        """The text with nothing in its code: what begins behind it begins there."""
        pieces, last = [], 0
        for span, end in zip(self.spans, self._ends, strict=True):
            pieces += [text[last : span.start], _BLANK * (end - max(last, span.start))]
            last = max(last, end)
        return "".join((*pieces, text[last:]))

    def within(self, start: int, end: int) -> Sequence[Span]:
        """Those that have anything of a range."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self.spans, end, lo=first, key=lambda span: span.start)
        return self.spans[first:last]


def _found(text: str, outside: Sequence[Range] | None) -> Iterator[Range]:
    if outside is None:
        yield from active_words(text)
        return
    for first, last in outside:
        for start, end in active_words(text[first:last]):
            yield first + start, first + end


def _around(span: Span, code: _Code) -> Iterator[Span]:
    """The pieces of a span between pieces of code; a quote goes on around them."""
    start, end = span.start, span.start + span.length
    inside = code.within(start, end)
    if span.style is Style.QUOTE or not inside:
        yield span
        return
    if span.style is Style.LINK:
        return
    for each in inside:
        if each.start > start:
            yield replace(span, start=start, length=each.start - start)
        start = each.start + each.length
    if end > start:
        yield replace(span, start=start, length=end - start)
