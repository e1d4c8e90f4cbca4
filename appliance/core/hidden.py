"""Somebody's text as it can be shown: what cannot be seen, or hides something, is written out."""

from __future__ import annotations

import re

# Direction overrides make a text read differently from what it says; other control and
# invisible characters only hide things (CVE-2021-42574, "Trojan Source"), whole texts even (tags
# and variation selectors). Joiners belong to emoji and to scripts other than ASCII's, tags to
# three flags, and more than four marks on one letter to no script.
_FLAGS = "|".join(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in land) + "\U000e007f"
    for land in ("gbeng", "gbsct", "gbwls")
)
_MARK = (
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
)
_HIDDEN = re.compile(
    f"({_FLAGS})|"
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<=[\x21-\x7e\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?=[\x21-\x7e])"
    f"|(?<=[\ufe0e\ufe0f])[\ufe0e\ufe0f]|(?<={_MARK * 4}){_MARK}"
)


def written_out(text: str) -> str:
    """ "rm \\u202ex": the text with every hidden character as its number."""
    return _HIDDEN.sub(_number, text)


def _number(found: re.Match[str]) -> str:
    if found[1]:  # a flag
        return found[1]
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def readable(text: str) -> str:
    """The text with hidden characters written out: what is read is what is run."""
    text = text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return written_out(text)


def shown(text: str, limit: int = 60) -> str:
    """A piece of somebody's text for use inside one of our sentences."""
    line = " ".join(readable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
