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

from appliance.core.inert import still
from appliance.core.model import (
    Button,
    Catalogue,
    Phrase,
    Piece,
    Reply,
    Rich,
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
    return phrase(one if count == 1 else many, count=number(count), **values)


def in_language(reply: Reply, catalogue: Catalogue) -> Reply:
    """The reply with its words and buttons in one language."""
    body = reply.body
    if isinstance(body, Wording):
        body = _said(body, catalogue)
    rows = tuple(
        tuple(replace(button, label=filled(button.label, catalogue)) for button in row)
        for row in reply.buttons
    )
    footer = reply.footer
    if isinstance(footer, Wording):
        footer = _said(footer, catalogue)
    return replace(reply, body=body, buttons=rows, footer=footer)


def _said(wording: Wording, catalogue: Catalogue) -> Rich:
    return still(wording.rich(catalogue), tuple(wording.outside(catalogue)))


def one_below_the_other(first: Wording, second: Rich | Wording | None) -> Wording:
    """Two footers in one."""
    if not isinstance(second, Wording):
        return first
    return Wording((*first.pieces, Piece("\n"), *second.pieces))


@dataclass
class Words:
    """A small builder: phrases in order, some of them styled."""

    pieces: list[Piece] = field(default_factory=list)

    def plain(self, said: str | Phrase, /, **values: Value) -> Words:
        return self._add(None, _phrase(said, values))

    def line(self, said: str | Phrase, /, **values: Value) -> Words:
        """The same on a new line."""
        return self.verbatim("\n").plain(said, **values)

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


def duration(milliseconds: int) -> Phrase:
    """ "34 s", "2 min 5 s", "3 h 0 min"."""
    seconds = max(0, round(milliseconds / 1000))
    if seconds < 60:
        return phrase("{seconds} s", seconds=seconds)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60 and not seconds:
        return phrase("{minutes} min", minutes=minutes)
    if minutes < 60:
        return phrase("{minutes} min {seconds} s", minutes=minutes, seconds=seconds)
    hours, minutes = divmod(minutes, 60)
    return phrase("{hours} h {minutes} min", hours=hours, minutes=minutes)


def age(milliseconds: int) -> Phrase:
    return phrase("{duration} ago", duration=duration(milliseconds))


def number(count: int) -> Value:
    """ "1,204": grouped as the language does it."""
    if abs(count) < 1000:
        return count
    thousands, rest = divmod(abs(count), 1000)
    whole = number(thousands if count > 0 else -thousands)
    return phrase("{thousands},{rest}", thousands=whole, rest=f"{rest:03}")


def dollars(microdollars: int) -> Phrase:
    """ "$0.12"."""
    whole, cents = divmod(round(microdollars / 10_000), 100)
    return phrase("${whole}.{cents}", whole=number(whole), cents=f"{cents:02}")


def either(names: Sequence[str]) -> Value:
    """ "a", "a or b", "a or b or c"."""
    whole: Value = names[0] if names else ""
    for name in names[1:]:
        whole = phrase("{before} or {next}", before=whole, next=name)
    return whole
