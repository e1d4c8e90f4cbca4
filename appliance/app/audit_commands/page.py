"""A page of lines about records: what happened, with its time on the left, its record on the right.

Half of what is told was written by strangers: every text goes through `wrapped`.
"""

from __future__ import annotations

from appliance.app.audit_commands.screen import Ink, Screen, columns, fit, wrapped
from appliance.app.audit_commands.shared import local, printable
from appliance.audit.reader import Redactions
from appliance.audit.search import Entry
from appliance.audit.story import Protection
from appliance.core.events import FieldValue, Who

MARGIN = len("09:00:01  ")
_LABEL = 14
_QUOTED_LINES = 12  # of a text, unless all of it is asked for
_BAR = "│ "


class Page:
    """Lines no wider than the screen, with the time on the left and the record on the right."""

    def __init__(self, screen: Screen, redactions: Redactions, *, is_full: bool) -> None:
        self.lines: list[str] = []
        self._screen = screen
        self._redactions = redactions
        self._is_full = is_full
        self._day = self._time = ""

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def gap(self) -> None:
        """One empty line, never two."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self, text: str, ink: Ink | None = None, *, indent: int = 0) -> None:
        """A text as long as it is."""
        for line in wrapped(text, self._screen.width - indent):
            self.lines.append(" " * indent + self._screen.ink(ink, line))

    def field(self, name: str, value: str, ink: Ink | None = None) -> None:
        """A name and a value."""
        label = f"{printable(name):<{_LABEL - 1}} "
        room = max(self._screen.width - columns(label), _LABEL)
        for line in wrapped(value or "—", room):
            self.lines.append(self._screen.ink(Ink.DIM, label) + self._screen.ink(ink, line))
            label = " " * len(label)

    def event(self, entry: Entry, text: str, ink: Ink | None = None) -> None:
        """What happened when, and in which record it stands."""
        number = f"[{entry.record.seq}]"
        room = self._screen.width - MARGIN - len(number) - 1
        first, *more = wrapped(text, room)
        self.lines.append(
            self._screen.ink(Ink.DIM, f"{self._when(entry):<{MARGIN}}")
            + self._screen.ink(ink, first)
            + " " * (room - columns(first) + 1)
            + self._screen.ink(Ink.DIM, number)
        )
        self.lines += [" " * MARGIN + self._screen.ink(ink, line) for line in more]

    def quote(self, entry: Entry | None, name: str) -> None:
        """A private value, or why it is gone; nothing where there was none."""
        if entry is None or name not in entry.record.commitments:
            return
        if name in entry.values:
            self.quote_text(entry.values[name])
        else:
            told = self._redactions.get((entry.record.seq, name))
            self.text(why_gone(name, told), Ink.WAITING if told else Ink.BAD, indent=MARGIN)

    def quote_text(self, text: str) -> None:
        """What somebody wrote, cut unless all of it is wanted."""
        lines = list(wrapped(text, self._screen.width - MARGIN - len(_BAR)))
        shown = len(lines) if self._is_full or len(lines) <= _QUOTED_LINES else _QUOTED_LINES - 1
        bar = " " * MARGIN + self._screen.ink(Ink.DIM, _BAR)
        self.lines += [(bar + line).rstrip() for line in lines[:shown]]
        if left := len(lines) - shown:
            self.text(f"└ {left} more lines: --full", Ink.DIM, indent=MARGIN)

    def _when(self, entry: Entry) -> str:
        """The time, where it is another than on the line before."""
        if (day := moment_of(entry, "%A, %Y-%m-%d %Z")) != self._day:
            self.gap()
            self.text(day, Ink.DIM)
            self._day = day
        before, self._time = self._time, fit(moment_of(entry, "%H:%M:%S"), MARGIN - 2)
        return "" if self._time == before else self._time


def tell_protection(page: Page, protection: Protection) -> None:
    """What stands against a change of what was told."""
    if not protection.signed_at:
        page.text("not signed: run dispatchctl audit verify", Ink.BAD)
        return
    page.text(f"signed by the key of epoch {protection.epoch}, head {protection.signed_at}")
    for sink, size in protection.anchors:
        page.text(f"anchored to {sink}, head {size}", Ink.GOOD)
    if not protection.anchors:
        page.text("no anchor since: nothing but that key protects it", Ink.WAITING)
    page.text("whether it is what was signed, tells: dispatchctl audit verify", Ink.DIM)


def why_gone(name: str, told_by: Entry | None, verb: str = "redacted") -> str:
    """What became of something that is not kept any more."""
    if told_by is None:
        return f"{name} is missing, and no record says why: run dispatchctl audit verify"
    who, reason = known(told_by.record.actor), word(told_by, "reason")
    when = moment_of(told_by, "%Y-%m-%d %H:%M")
    return f"{name} was {verb} by {who} on {when}: {reason} [{told_by.record.seq}]"


def known(who: Who) -> str:
    """A name, and how we know."""
    return f"{who.id} ({who.auth})" if who.auth else who.id


def moment_of(entry: Entry, form: str) -> str:
    """When it was recorded, in the time of this place."""
    return local(entry.record.time, form)


def word(entry: Entry, name: str) -> str:
    """A field of a record as text, "" when it has none."""
    return in_words(entry.record.data.get(name, ""))


def in_words(value: FieldValue) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
