"""The code on a terminal is the code in the picture."""

from __future__ import annotations

from pathlib import Path

import segno

from appliance.app.qr import BLACK_ON_WHITE, BORDER, HALVES, PLAIN, terminal_lines, width, write_png

LINK = "https://t.me/a_bot_with_a_long_name_bot?start=" + "x" * 22


def test_half_blocks_hold_every_module() -> None:
    halves = {block: pair for pair, block in HALVES.items()}
    rows: list[list[int]] = []
    for line in terminal_lines(LINK):
        blocks = line.removeprefix(BLACK_ON_WHITE).removesuffix(PLAIN)
        assert len(blocks) == width(LINK)
        rows.append([halves[block][0] for block in blocks])
        rows.append([halves[block][1] for block in blocks])
    code = segno.make(LINK, error="l", micro=False)
    wanted = [[int(bool(module)) for module in row] for row in code.matrix_iter(border=BORDER)]
    assert rows[: len(wanted)] == wanted


def test_a_link_fits_on_forty_columns() -> None:
    assert width(LINK) <= 40


def test_a_picture_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "code.png"
    file.write_bytes(b"old")
    write_png(LINK, file)
    assert file.read_bytes().startswith(b"\x89PNG")
    assert file.stat().st_mode & 0o777 == 0o600
