"""Text from outside, made fit to be stored, signed and sent."""

from __future__ import annotations

import re
import unicodedata

_UNFIT = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_VISIBLE = frozenset("LMNPS")
"""Letters, marks, numbers, punctuation, symbols: first letters of Unicode's categories."""


def well_formed(text: str) -> str:
    """The text without NUL and half surrogate pairs, of the same length: spans stay right.

    Neither has a form in UTF-8 that every store, log and platform takes.
    """
    return _UNFIT.sub(_REPLACEMENT, text)


def is_blank(text: str) -> bool:
    """Whether nothing of the text can be seen; platforms refuse such messages."""
    return not any(unicodedata.category(character)[0] in _VISIBLE for character in text)
