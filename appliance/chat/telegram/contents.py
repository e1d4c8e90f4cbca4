"""What a message of the Bot API holds besides text: files to be fetched, and things that are none.

{"document": {"file_id": "BQAC…", "file_name": "a.pdf", "file_size": 1200}, "caption": "sum up"}
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.chat.wellformed import well_formed
from appliance.core.model import FileKind, IncomingFile, Json, Oddity

MAX_FIELD = 1_000
"""Longer names and ids are nobody's; Telegram's own are below 256."""

_FILES = {
    "animation": FileKind.VIDEO,  # comes with a "document" of the same, which is left aside
    "document": FileKind.DOCUMENT,
    "voice": FileKind.VOICE,
    "audio": FileKind.AUDIO,
    "video": FileKind.VIDEO,
    "video_note": FileKind.VIDEO,
}
_ODDITIES = {
    "sticker": Oddity.STICKER,
    "location": Oddity.LOCATION,
    "venue": Oddity.LOCATION,
    "contact": Oddity.CONTACT,
    "poll": Oddity.POLL,
    "dice": Oddity.DICE,
    "game": Oddity.GAME,
    "story": Oddity.STORY,
    "checklist": Oddity.CHECKLIST,
    "paid_media": Oddity.PAID,
}
CONTENT = frozenset((*_FILES, *_ODDITIES, "photo"))
"""What people send besides text. What is in none of these (a pin, somebody joining) is nobody's
word."""


def files_in(message: Mapping[str, Json]) -> tuple[IncomingFile, ...]:
    """The message's file, of a photo the largest of its sizes."""
    if isinstance(sizes := message.get("photo"), list):
        readable = [file for size in sizes if (file := _file(FileKind.PHOTO, size))]
        return tuple(readable[-1:])  # Telegram lists them by size
    found = (_file(kind, message.get(name)) for name, kind in _FILES.items())
    return tuple(file for file in found if file)[:1]


def oddity_in(message: Mapping[str, Json]) -> Oddity | None:
    """What else it holds, if that is neither text nor a file."""
    return next((oddity for name, oddity in _ODDITIES.items() if name in message), None)


def _file(kind: FileKind, found: Json) -> IncomingFile | None:
    match found:
        case {"file_id": str(number), **about} if 0 < len(number) <= MAX_FIELD:
            return IncomingFile(
                kind,
                number,
                name=_text(about.get("file_name")),
                mime=_text(about.get("mime_type")),
                size=_whole(about.get("file_size")),
                seconds=_whole(about.get("duration")),
            )
        case _:
            return None


def _text(value: object) -> str:
    return well_formed(value)[:MAX_FIELD] if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 2**53 else 0
