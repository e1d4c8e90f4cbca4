"""Checkpoints outside the log: the words around them in a chat, and how to find them in a text.

A checkpoint leaves as a C2SP note and comes back as whatever a person copied: with words around
it, quoted, wrapped, its dashes made prettier. `find` gives the notes themselves again; whether
they are genuine is for their signatures to say.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.core.model import Reply
from appliance.core.words import Words, plural

# quoted or drawn into a box, and blanks at the end of a line
_MARGIN = re.compile(r"^[^\S\n]*(?:[>|│]+[^\S\n]*)*|[^\S\n]+$", re.MULTILINE)
_NAME = r"[^\s+]{1,128}"
_DASH = "[\u2014\u2013-]{1,2}"  # an em dash, or what became of it
_SIGNED = "[A-Za-z0-9+/]{80,160}={0,2}"
_SIGNATURE = re.compile(rf"{_DASH}\s+({_NAME})\s+({_SIGNED})\s*")
_NOTE = re.compile(
    rf"^({_NAME})\n([1-9][0-9]{{0,15}})\n([A-Za-z0-9+/]{{43}}=)\n\s*"
    rf"((?:{_DASH}\s+{_NAME}\s+{_SIGNED}\s*){{1,32}})",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a note of our own says. `epoch` names the key that signed it last."""

    origin: str
    size: int
    root: bytes
    epoch: str


def stated(note: str) -> Stated:
    """Read a note that our own log has just signed."""
    origin, size, root, _blank, *signatures = note.rstrip("\n").split("\n")
    key_id = b64decode(signatures[-1].rpartition(" ")[2])[:4]
    return Stated(origin, int(size), b64decode(root), key_id.hex())


def find(text: str) -> Iterator[str]:
    """The notes in a text, as they were when they left."""
    plain = _MARGIN.sub("", text.replace("\r\n", "\n"))
    for match in _NOTE.finditer(plain if plain.endswith("\n") else plain + "\n"):
        origin, size, root, signatures = match.groups()
        lines = (f"— {name} {raw}\n" for name, raw in _SIGNATURE.findall(signatures))
        yield f"{origin}\n{size}\n{root}\n\n{''.join(lines)}"


# --- what the owner reads


def checkpoint(note: str) -> Reply:
    """Quiet, and complete: the block is the note."""
    words = Words().bold("Audit checkpoint").verbatim(" · ")
    words.plain(plural(stated(note).size, "{count} record", "{count} records")).verbatim("\n")
    words.plain("Keep this message: it shows if one of them is ever changed or removed.")
    words.verbatim("\n")
    return replace(words.block(note.rstrip("\n")).reply(), silent=True)


def public_key(key: str) -> Reply:
    """Sent once, when the log is new."""
    words = Words().bold("Audit log").verbatim(" · ").plain("its public key").verbatim("\n")
    words.plain("Keep this message: a log that did not begin with this key is not ours.")
    words.verbatim("\n")
    return replace(words.block(key).reply(), silent=True)
