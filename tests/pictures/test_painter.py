"""Pictures of changed lines: in bounds whatever is painted, and what they show."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from appliance.core.diffs import Line, Sign
from appliance.pictures import painter
from appliance.pictures.painter import COLUMNS, FONTS, MAX_ROWS, ROW_HEIGHT, PillowPainter

pytestmark = pytest.mark.skipif(
    not any(Path(font).is_file() for font in FONTS), reason="no font here"
)
LINES = st.lists(
    st.builds(Line, st.sampled_from(Sign), st.text(max_size=300)), min_size=0, max_size=40
)


async def painted(*lines: Line) -> Image.Image:
    content = await PillowPainter().lines(lines)
    assert content is not None
    return Image.open(BytesIO(content)).convert("RGB")


def row_colour(image: Image.Image, row: int) -> tuple[int, ...]:
    """Of the paper at the right edge of a row."""
    found = image.getpixel((image.width - 2, painter.MARGIN + row * ROW_HEIGHT + ROW_HEIGHT // 2))
    assert isinstance(found, tuple)
    return found


async def test_added_lines_are_green_and_removed_ones_red() -> None:
    image = await painted(Line(Sign.ADDED, "a"), Line(Sign.REMOVED, "b"), Line(Sign.SAME, "c"))
    green, red, white = (row_colour(image, row) for row in range(3))
    assert green[1] > green[0]
    assert red[0] > red[1]
    assert min(white) > 250


async def test_a_long_line_is_broken_and_keeps_its_colour() -> None:
    short = await painted(Line(Sign.ADDED, "x" * COLUMNS))
    long = await painted(Line(Sign.ADDED, "x" * (COLUMNS + 1)))
    assert long.height == short.height + ROW_HEIGHT
    assert long.width == short.width
    assert row_colour(long, 1) == row_colour(long, 0)


async def test_a_picture_is_as_wide_as_a_phone_shows_it() -> None:
    image = await painted(Line(Sign.SAME, "x"))
    assert 1000 <= image.width <= 1200


@settings(max_examples=15, deadline=None)
@given(LINES)
def test_any_text_makes_a_picture_in_bounds(lines: list[Line]) -> None:
    content = PillowPainter()._painted(tuple(lines))
    assert content is not None
    image = Image.open(BytesIO(content))
    assert image.height <= MAX_ROWS * ROW_HEIGHT + 2 * painter.MARGIN
    assert image.width + image.height <= 10_000
    assert image.height / image.width < 20
    assert len(content) < 2 * 1024 * 1024


async def test_without_a_font_there_is_no_picture() -> None:
    assert await PillowPainter(["/nowhere.ttf"]).lines([Line(Sign.SAME, "x")]) is None


def test_who_paints_nothing_does_not_load_the_library() -> None:
    script = "import sys; import appliance.app.wiring; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
