"""Pictures, known by their first bytes: which kind, and whether a chat may show them as photos.

Nothing is decoded here: a file says its size, and one that says none, or too much, is just a file.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

FIRST_BYTES = 32
"""So many are enough to know which it is."""


class Picture(StrEnum):
    """The kinds of picture that chats and the agent show."""

    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    WEBP = "webp"


MAX_PIXELS = 40_000_000
MAX_SIDE = 10_000
MAX_RATIO = 20
"""Telegram shows no photo that is larger than 10,000 for both sides together, or narrower."""


def picture_in(content: bytes) -> Picture | None:
    """Which picture a file is by its first bytes, whatever its name says."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture.PNG
    if content.startswith(b"\xff\xd8\xff"):
        return Picture.JPEG
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return Picture.GIF
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Picture.WEBP
    return None


def is_showable(content: bytes) -> bool:
    """Whether a chat may show it as a photo: a picture whose size is told, and not too large."""
    size = _pixels(content)
    if size is None or min(size) < 1:
        return False
    wide, high = size
    is_small = wide * high <= MAX_PIXELS and wide + high <= MAX_SIDE
    return is_small and max(size) <= MAX_RATIO * min(size)


def _pixels(content: bytes) -> tuple[int, int] | None:
    match picture_in(content):
        case Picture.PNG if content[12:16] == b"IHDR":
            return _two(content[16:24], 4, "big")
        case Picture.GIF:
            return _two(content[6:10], 2, "little")
        case Picture.JPEG:
            return _of_jpeg(content)
        case Picture.WEBP:
            return _of_webp(content)
        case _:
            return None


def _two(content: bytes, width: int, order: Literal["big", "little"]) -> tuple[int, int] | None:
    if len(content) < 2 * width:
        return None
    first, second = content[:width], content[width : 2 * width]
    return int.from_bytes(first, order), int.from_bytes(second, order)


def _of_jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            found = _two(content[at + 5 : at + 9], 2, "big")
            return (found[1], found[0]) if found else None
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def _of_webp(content: bytes) -> tuple[int, int] | None:
    match content[12:16]:
        case b"VP8X" if len(content) >= 30:
            wide, high = content[24:27], content[27:30]
            return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
        case b"VP8L" if len(content) >= 25:
            bits = int.from_bytes(content[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if len(content) >= 30:
            found = _two(content[26:30], 2, "little")
            return (found[0] & 0x3FFF, found[1] & 0x3FFF) if found else None
        case _:
            return None
