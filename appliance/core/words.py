"""Our own words, said in no language yet: with gaps for values, styled, with buttons.

A reply is made of phrases. `in_language` fills them from a catalogue when it is known where the
reply goes. A phrase's key is its English text, so English needs no catalogue, and a phrase that
a catalogue does not know is said in English. What came from outside (`verbatim`, `code`, `block`)
is never looked up: it is nobody's phrase.

    Words().plain("Stopping job {job}.", job=12).reply()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from appliance.core.model import (
    Button,
    Catalogue,
    Phrase,
    Piece,
    Reply,
    Style,
    Value,
    Wording,
    filled,
)


def phrase(key: str, /, **values: Value) -> Phrase:
    """Words of ours; `key` is a literal, never made up from values (`tests/core/test_words`)."""
    return Phrase(key, tuple(values.items()))


def plural(count: int, one: str, many: str, /, **values: Value) -> Phrase:
    """`one` or `many`, with {count} filled in: "1 record", "1,204 records"."""
    return phrase(one if count == 1 else many, count=f"{count:,}", **values)


def in_language(reply: Reply, catalogue: Catalogue) -> Reply:
    """The reply with its words and buttons in one language."""
    body = reply.body
    if isinstance(body, Wording):
        body = body.rich(catalogue)
    rows = tuple(
        tuple(replace(button, label=filled(button.label, catalogue)) for button in row)
        for row in reply.buttons
    )
    return replace(reply, body=body, buttons=rows)


@dataclass
class Words:
    """A small builder: phrases in order, some of them styled."""

    pieces: list[Piece] = field(default_factory=list)

    def plain(self, said: str | Phrase, /, **values: Value) -> Words:
        return self._add(None, _phrase(said, values))

    def bold(self, said: str | Phrase, /, **values: Value) -> Words:
        return self._add(Style.BOLD, _phrase(said, values))

    def italic(self, said: str | Phrase, /, **values: Value) -> Words:
        return self._add(Style.ITALIC, _phrase(said, values))

    def verbatim(self, text: str) -> Words:
        """Text that is not ours to translate: a name, somebody's words, a line break."""
        return self._add(None, text)

    def code(self, text: str) -> Words:
        return self._add(Style.CODE, text)

    def block(self, text: str, language: str = "") -> Words:
        return self._add(Style.PRE, text, language)

    def quote(self, text: str) -> Words:
        return self._add(Style.QUOTE, text)

    def wording(self) -> Wording:
        return Wording(tuple(self.pieces))

    def reply(self, *rows: Sequence[Button]) -> Reply:
        return Reply(self.wording(), tuple(tuple(row) for row in rows))

    def _add(self, style: Style | None, said: str | Phrase, value: str = "") -> Words:
        self.pieces.append(Piece(said, style, value))
        return self


def _phrase(said: str | Phrase, values: Mapping[str, Value]) -> Phrase:
    return phrase(said, **values) if isinstance(said, str) else said


def say(said: str | Phrase, /, **values: Value) -> Reply:
    """One plain sentence."""
    return Words().plain(said, **values).reply()


def duration(milliseconds: int) -> str:
    """ "34 s", "2 min 5 s", "3 h 0 min"."""
    seconds = max(0, round(milliseconds / 1000))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def age(milliseconds: int) -> Phrase:
    return phrase("{duration} ago", duration=duration(milliseconds))
