"""What a witness signs: that at some time this checkpoint was the largest it had seen.

Format: c2sp.org/tlog-cosignature, Ed25519 (cosignature/v1).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_LINES = 16

_ALGORITHM = b"\x04"
_KEY = re.compile(r"([^\s+]{1,128})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})")
_LINE = re.compile(r"\u2014 ([^\s+]{1,128}) ([A-Za-z0-9+/]{102}==)")


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness by its name and key."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ALGORITHM + self.raw).digest()[:4]

    def signed(self, body: str, signature: bytes) -> bool:
        """Whether this is its timestamped signature over the text of a checkpoint."""
        seconds, raw = struct.unpack(">Q64s", signature)
        message = f"cosignature/v1\ntime {seconds}\n{body}"
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(raw, message.encode())
        except InvalidSignature:
            return False
        return True


def parse_cosigner(text: str) -> Cosigner:
    """Read a verifier key, NAME+ID+KEY. Raises ValueError when it is none of a witness."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise ValueError("the key of a witness is NAME+ID+KEY in one line")
    name, key_id, encoded = match.groups()
    raw = base64.b64decode(encoded)
    cosigner = Cosigner(name, raw[1:])
    if raw[:1] != _ALGORITHM or cosigner.id.hex() != key_id:
        raise ValueError("the key is not for Ed25519 cosignatures, or does not match its id")
    return cosigner


def cosignatures(answer: str, body: str, cosigner: Cosigner | None) -> list[str]:
    """The lines of an answer that count: the cosigner's valid ones, all when it is not known.

    Raises ValueError when there is none.
    """
    found = [match for line in answer.split("\n")[:MAX_LINES] if (match := _LINE.fullmatch(line))]
    if cosigner is not None:
        found = [match for match in found if _is_from(cosigner, body, match[1], match[2])]
    if not found:
        raise ValueError("none that is valid" if cosigner else "none that can be read")
    return [match[0] for match in found]


def _is_from(cosigner: Cosigner, body: str, name: str, encoded: str) -> bool:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    return (name, raw[:4]) == (cosigner.name, cosigner.id) and cosigner.signed(body, raw[4:])
