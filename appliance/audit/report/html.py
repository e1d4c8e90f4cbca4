"""HTML and SVG elements as values, and text that can do nothing but be read.

Text goes in as `str` and is escaped; only `element` makes `Markup`, which goes in as it is.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_CHARS = 8_000
"""Of one text on the page."""

_KEPT = "\n\t"
_VOID = frozenset(("meta", "br"))


@dataclass(frozen=True, slots=True)
class Markup:
    """A piece of the page that is safe because of how it was made."""

    text: str


Child = str | Markup
Attributes = Mapping[str, str | int]

NOTHING = Markup("")


def element(name: str, attributes: Attributes, *children: Child) -> Markup:
    """`<name …>children</name>`. Names are ours, never from outside."""
    words = "".join(f' {key}="{_escaped(str(value))}"' for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{words}>")
    return Markup(f"<{name}{words}>{joined(children).text}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    return Markup("".join(c.text if isinstance(c, Markup) else _escaped(c) for c in children))


def shortened(text: str, limit: int = MAX_CHARS) -> str:
    """Beginning and end of a long text, with what is missing said between them."""
    if len(text) <= limit:
        return text
    tail = limit // 4
    missing = len(text) - limit
    return (
        f"{text[: limit - tail]}\n[… {missing:,} characters are not shown here …]\n{text[-tail:]}"
    )


def visible(text: str) -> str:
    """The text with the escapes of whatever would move, hide or turn the writing around it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _escape(c) for c in text)


def one_line(text: str, limit: int = 160) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _escaped(text: str) -> str:
    return html.escape(visible(text))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
