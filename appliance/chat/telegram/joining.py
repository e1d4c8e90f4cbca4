"""One long text that the sender's client cut in pieces, made whole again.

Telegram takes 4096 units a message; clients cut what is longer, at a word or line border where
there is one near, and send the pieces at once. The border's blank is lost on the way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.chat.split import utf16_units
from appliance.core.model import Incoming, Message, Place, Sender

FULL_UNITS = 4096
LONG_UNITS = 4000
"""A text of this length may go on in the next message."""
TOGETHER_MS = 1000
"""Pieces are sent at once; Telegram's time has whole seconds."""

_COMMAND = re.compile(r"/[a-z_]+(@\w+)?(\s|\Z)", re.IGNORECASE)
"""A "/stop" sent right after a long text is meant for us; "/usr/bin" may be its next piece."""


@dataclass(slots=True)
class _Piece:
    """The last piece so far of the text at `index`."""

    index: int
    message: Message


def join(batch: Sequence[Incoming]) -> tuple[Incoming, ...]:
    """The batch with every cut text in one message, at the place of its first piece."""
    joined: list[Incoming] = []
    pieces: dict[tuple[Sender, Place], _Piece] = {}
    for incoming in batch:
        if not isinstance(incoming, Message):
            joined.append(incoming)
            continue
        who = (incoming.sender, incoming.place)
        last = pieces.get(who)
        if last is not None and _goes_on(last.message, incoming):
            whole = joined[last.index]
            assert isinstance(whole, Message), "pieces are messages"
            joined[last.index] = _append(whole, last.message, incoming)
            last.message = incoming
        else:
            joined.append(incoming)
            pieces[who] = _Piece(len(joined) - 1, incoming)
    return tuple(joined)


def first_unfinished(batch: Sequence[Incoming | None]) -> int | None:
    """The index of the first text whose rest may not have come in yet."""
    last: dict[tuple[Sender, Place], tuple[int, Message]] = {}
    for index, incoming in enumerate(batch):
        if isinstance(incoming, Message):
            who = (incoming.sender, incoming.place)
            before = last.get(who)
            goes_on = before is not None and _goes_on(before[1], incoming)
            last[who] = (before[0] if before and goes_on else index, incoming)
    return min((start for start, message in last.values() if _is_long(message)), default=None)


def _is_long(message: Message) -> bool:
    return utf16_units(message.text) >= LONG_UNITS


def _goes_on(piece: Message, following: Message) -> bool:
    is_at_once = 0 <= following.sent_at - piece.sent_at <= TOGETHER_MS
    is_text = bool(following.text) and not _COMMAND.match(following.text)
    return _is_long(piece) and is_text and is_at_once


def _append(whole: Message, last: Message, piece: Message) -> Message:
    border = "" if utf16_units(last.text) >= FULL_UNITS else "\n"
    return replace(
        whole,
        text=whole.text + border + piece.text,
        joined=(*whole.joined, piece.key),
        message_id=piece.message_id,
    )
