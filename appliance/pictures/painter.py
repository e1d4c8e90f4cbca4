"""The port `Painter`: lines of a change as a PNG as wide as a phone shows it well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.core.diffs import Line, Sign

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

log = logging.getLogger(__name__)

COLUMNS = 72
"""Signs of a row; a longer line is broken. A phone shows so many without zooming."""

MAX_ROWS = 120
MARGIN = 16
SIGN_WIDTH = 26
FONT_SIZE = 23
ROW_HEIGHT = 31

FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf",
    "/usr/share/fonts/TTF/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf",
    "/System/Library/Fonts/Menlo.ttc",
)
"""Where fonts with signs of one width are; Debian's package says that it wants the first."""


@dataclass(frozen=True, slots=True)
class _Ink:
    paper: str
    sign: str
    text: str = "#1f2328"


_INKS = {
    Sign.HEAD: _Ink("#ddf4ff", "#57606a", "#57606a"),
    Sign.SAME: _Ink("#ffffff", "#57606a"),
    Sign.ADDED: _Ink("#dafbe1", "#116329"),
    Sign.REMOVED: _Ink("#ffebe9", "#a40e26"),
    Sign.NOTE: _Ink("#ffffff", "#57606a", "#57606a"),
}


class PillowPainter:
    """Paints in a thread, so that nobody waits for it."""

    def __init__(self, fonts: Sequence[str] = FONTS) -> None:
        self._fonts = tuple(fonts)

    async def lines(self, lines: Sequence[Line]) -> bytes | None:
        """See `appliance.ports.Painter`."""
        return await asyncio.to_thread(self._painted, tuple(lines))

    def _painted(self, lines: tuple[Line, ...]) -> bytes | None:
        font = next((path for path in self._fonts if Path(path).is_file()), None)
        if font is None:
            log.info("no pictures: none of the fonts is installed (%s)", ", ".join(self._fonts))
            return None
        return _painted(lines, font)


@dataclass(frozen=True, slots=True)
class _Row:
    sign: Sign
    text: str
    is_first: bool


def _rows(lines: Sequence[Line]) -> Iterator[_Row]:
    """Long lines are broken where the room ends, whatever stands there: it is code."""
    for line in lines:
        text = line.text
        yield _Row(line.sign, text[:COLUMNS], is_first=True)
        for start in range(COLUMNS, len(text), COLUMNS):
            yield _Row(line.sign, text[start : start + COLUMNS], is_first=False)


def _painted(lines: tuple[Line, ...], font_path: str) -> bytes:
    # late, because it costs 15 MB that nobody should pay who never looks at a picture
    from PIL import Image, ImageDraw

    rows = list(_rows(lines))[:MAX_ROWS]
    font = _font(font_path)
    left = MARGIN + SIGN_WIDTH
    width = left + round(font.getlength("m" * COLUMNS)) + MARGIN
    height = max(1, len(rows)) * ROW_HEIGHT + 2 * MARGIN
    image = Image.new("RGB", (width, height), _INKS[Sign.SAME].paper)
    draw = ImageDraw.Draw(image)
    for index, row in enumerate(rows):
        ink, top = _INKS[row.sign], MARGIN + index * ROW_HEIGHT
        draw.rectangle((0, top, width, top + ROW_HEIGHT - 1), fill=ink.paper)
        if row.is_first and row.sign in (Sign.ADDED, Sign.REMOVED):
            draw.text((MARGIN, top + 2), row.sign.value, font=font, fill=ink.sign)
        draw.text((left, top + 2), row.text, font=font, fill=ink.text)
    kept = BytesIO()
    image.quantize(colors=32).save(kept, "PNG", optimize=True)
    return kept.getvalue()


@cache
def _font(path: str) -> FreeTypeFont:
    from PIL import ImageFont

    # the simple layout: what is painted may hold any sign, and shaping is not what code needs
    return ImageFont.truetype(path, FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)
