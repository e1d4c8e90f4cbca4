"""Bech32 (BIP 173), in which age writes keys: a mistyped character is noticed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def encode(prefix: str, content: bytes) -> str:
    """In small letters."""
    values = list(_regrouped(content, 8, 5))
    rest = _polymod((*_spread(prefix), *values, *(0,) * _CHECKSUM)) ^ 1
    checksum = [rest >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_LETTERS[value] for value in (*values, *checksum))}"


def decode(text: str) -> tuple[str, bytes]:
    """Prefix, in small letters, and content. Raises ValueError."""
    small = text.lower()
    if text not in (small, text.upper()):
        raise ValueError("small and capital letters are mixed")
    prefix, one, rest = small.rpartition("1")
    if not prefix or not one or len(rest) < _CHECKSUM or not set(rest) <= set(_LETTERS):
        raise ValueError("it is not of the form age1…")
    values = [_LETTERS.index(letter) for letter in rest]
    if _polymod((*_spread(prefix), *values)) != 1:
        raise ValueError("a character of it is wrong")
    content = bytes(_regrouped(values[:-_CHECKSUM], 5, 8))
    if encode(prefix, content) != small:
        raise ValueError("it has bits that belong to nothing")
    return prefix, content


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum


def _spread(prefix: str) -> tuple[int, ...]:
    return (*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix))


def _regrouped(values: Iterable[int], width: int, wanted: int) -> Iterator[int]:
    """The same bits in groups of another width; what is left over is filled up with zeros."""
    kept = bits = 0
    for value in values:
        kept, bits = kept << width | value, bits + width
        while bits >= wanted:
            bits -= wanted
            yield kept >> bits & (1 << wanted) - 1
            kept &= (1 << bits) - 1
    if bits and wanted < width:
        yield kept << wanted - bits
