"""Pictures are known by their content, and large ones are not shown."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.pictures import Picture, is_showable, picture_in


def png(wide: int, high: int) -> bytes:
    header = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + b"\0" * 4


def jpeg(wide: int, high: int) -> bytes:
    frame = struct.pack(">HBHHB", 17, 8, high, wide, 3)
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF" + b"\0" * 10 + b"\xff\xc0" + frame


def gif(wide: int, high: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", wide, high)


def webp(wide: int, high: int) -> bytes:
    size = (wide - 1).to_bytes(3, "little") + (high - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + size


def lossless(wide: int, high: int) -> bytes:
    bits = (wide - 1) | (high - 1) << 14
    return b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", bits)


def lossy(wide: int, high: int) -> bytes:
    return b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 7 + b"\x9d\x01\x2a" + struct.pack("<HH", wide, high)


MAKERS = (png, jpeg, gif, webp, lossless, lossy)


@pytest.mark.parametrize("make", MAKERS)
def test_pictures_of_an_ordinary_size_are_shown(make: object) -> None:
    assert callable(make)
    assert is_showable(make(800, 600))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("size", [(9999, 9999), (2000, 90), (1, 6000)])
def test_large_and_narrow_ones_are_only_files(make: object, size: tuple[int, int]) -> None:
    assert callable(make)
    assert not is_showable(make(*size))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(1, 1), Picture.PNG),
        (jpeg(1, 1), Picture.JPEG),
        (gif(1, 1), Picture.GIF),
        (webp(1, 1), Picture.WEBP),
        (b"\x7fELF\x02\x01", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (zlib.compress(b"x" * 10_000), None),
        (b"", None),
    ],
)
def test_a_picture_is_told_by_its_first_bytes(content: bytes, kind: Picture | None) -> None:
    assert picture_in(content) is kind


@given(st.sampled_from(MAKERS).map(lambda make: make(100, 100)), st.integers(0, 60))
def test_what_is_cut_off_is_no_picture_to_be_shown(whole: bytes, length: int) -> None:
    is_showable(whole[:length])


@given(st.binary(max_size=80))
def test_any_bytes_can_be_asked_about(content: bytes) -> None:
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP"):
        is_showable(start + content)
