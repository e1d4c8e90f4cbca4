"""What the sender's client cut in pieces, made whole again: one long text, and one album.

Telegram takes 4096 units a message; clients cut what is longer, at a word or line border where
there is one near, and send the pieces at once. The border's blank is lost on the way. An album is
up to ten messages of one group, of which one has the caption.
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
LARGEST_ALBUM = 10

_COMMAND = re.compile(r"/[a-z_]+(@\w+)?(\s|\Z)", re.IGNORECASE)
"""A "/stop" sent right after a long text is meant for us; "/usr/bin" may be its next piece."""


@dataclass(slots=True)
class _Piece:
    """The last piece so far of the text or album at `index`."""

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
    """The index of the first text or album whose rest may not have come in yet."""
    last: dict[tuple[Sender, Place], tuple[int, int, Message]] = {}
    for index, incoming in enumerate(batch):
        if isinstance(incoming, Message):
            who = (incoming.sender, incoming.place)
            before = last.get(who)
            if before is not None and _goes_on(before[2], incoming):
                last[who] = (before[0], before[1] + 1, incoming)
            else:
                last[who] = (index, 1, incoming)
    open_ones = (start for start, count, message in last.values() if _may_go_on(message, count))
    return min(open_ones, default=None)


def _may_go_on(message: Message, count: int) -> bool:
    return _is_long(message) or (bool(message.album) and count < LARGEST_ALBUM)


def _is_long(message: Message) -> bool:
    return utf16_units(message.text) >= LONG_UNITS


def _goes_on(piece: Message, following: Message) -> bool:
    if piece.album or following.album:
        return piece.album == following.album
    is_at_once = 0 <= following.sent_at - piece.sent_at <= TOGETHER_MS
    is_text = bool(following.text) and not _COMMAND.match(following.text)
    return _is_long(piece) and is_text and is_at_once


def _append(whole: Message, last: Message, piece: Message) -> Message:
    return replace(
        whole,
        text=_captions(whole, piece) if piece.album else whole.text + _border(last) + piece.text,
        joined=(*whole.joined, piece.key),
        message_id=piece.message_id,
        pieces=(*whole.pieces, whole.message_id),
        is_aside=whole.is_aside and piece.is_aside,
        files=whole.files + piece.files,
        oddity=whole.oddity or piece.oddity,
    )


def _border(last: Message) -> str:
    return "" if utf16_units(last.text) >= FULL_UNITS else "\n"


def _captions(whole: Message, piece: Message) -> str:
    """Usually one file has it; where several have one, each is part of the task."""
    return "\n".join(filter(None, (whole.text, piece.text)))
