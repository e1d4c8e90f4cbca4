"""C2SP checkpoints and signed notes: the text that is signed, and keys and notes as text.

Formats: c2sp.org/tlog-checkpoint, c2sp.org/signed-note. Only what we write is read: Ed25519
signatures, and checkpoints without extension lines.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_NOTE_CHARS = 4_096

_ED25519 = b"\x01"
_KEY_BYTES = 32
_HASH_BYTES = 32
_SIGNATURE_BYTES = 64
_ORIGIN_PREFIX = "dispatch-audit/"
_SIZE = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_NAME = re.compile(r"[^\s+]{1,128}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: its name, the number of its records and the root of their tree."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key with the name of the log that it signs for."""

    name: str
    raw: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        """The verifier key of c2sp.org/signed-note: name, id and key in one line."""
        return f"{self.name}+{self.id.hex()}+{_base64(_ED25519 + self.raw)}"

    def signed(self, checkpoint: Checkpoint, signature: bytes) -> bool:
        """Whether the signature is this key's over this checkpoint."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(
                signature, checkpoint.text().encode()
            )
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note. `key_id` is a hint; only the key itself can tell."""

    name: str
    key_id: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with the signatures below it, as it is published."""

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        lines = (f"— {s.name} {_base64(s.key_id + s.raw)}\n" for s in self.signatures)
        return f"{self.checkpoint.text()}\n{''.join(lines)}"

    def signed_by(self, key: PublicKey) -> bool:
        """Whether one of the signatures is this key's."""
        return any(
            (s.name, s.key_id) == (key.name, key.id) and key.signed(self.checkpoint, s.raw)
            for s in self.signatures
        )


def origin_of(public: bytes) -> str:
    """The name of the log that begins with this public key: no other key can have it."""
    return _ORIGIN_PREFIX + sha256(public).hexdigest()[:32]


def note(checkpoint: Checkpoint, key: PublicKey, signature: bytes) -> Note:
    """The note that publishes a signed checkpoint."""
    return Note(checkpoint, (signature_line(key, signature),))


def signature_line(key: PublicKey, signature: bytes) -> Signature:
    """A signature as a note carries it."""
    return Signature(key.name, key.id, signature)


def parse_note(text: str) -> Note:
    """Read a note. Raises ValueError when it is not a checkpoint with at least one signature."""
    if len(text) > MAX_NOTE_CHARS:
        raise ValueError(f"a note has at most {MAX_NOTE_CHARS} characters")
    body, blank, signatures = text.partition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise ValueError("a note is a text, an empty line and signatures")
    return Note(
        _parse_checkpoint(body + "\n"),
        tuple(_parse_signature(line) for line in signatures[:-1].split("\n")),
    )


def parse_public_key(text: str) -> PublicKey:
    """Read a verifier key. Raises ValueError when it is malformed or no Ed25519 key."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise ValueError("a public key is NAME+ID+KEY in one line")
    name, key_id, encoded = parts
    algorithm, raw = _split(_bytes(encoded, 1 + _KEY_BYTES, "public key"), 1)
    key = PublicKey(_checked_name(name), raw)
    if algorithm != _ED25519 or key.id.hex() != key_id:
        raise ValueError("the public key is no Ed25519 key, or does not match its id")
    return key


def encode_key(raw: bytes) -> str:
    """A public key as records carry it."""
    return _base64(raw)


def decode_key(text: str) -> bytes:
    """Read a public key from a record. Raises ValueError when it is malformed."""
    return _bytes(text, _KEY_BYTES, "public key")


def _parse_checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise ValueError("a checkpoint has three lines: origin, size and root")
    origin, size, root, _ = lines
    if not _SIZE.fullmatch(size):
        raise ValueError("the size of a checkpoint is a number of records")
    return Checkpoint(_checked_name(origin), int(size), _bytes(root, _HASH_BYTES, "root"))


def _parse_signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.rpartition(" ")
    if dash != "—":
        raise ValueError("a signature line begins with an em dash")
    key_id, raw = _split(_bytes(encoded, 4 + _SIGNATURE_BYTES, "signature"), 4)
    return Signature(_checked_name(name), key_id, raw)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a name in a note is not empty and has neither blanks nor plus signs")
    return name


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(encoded: str, length: int, what: str) -> bytes:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the {what} is not base64") from error
    # a second spelling of the same bytes is refused: one note, one text
    if len(raw) != length or _base64(raw) != encoded:
        raise ValueError(f"the {what} has not {length} bytes")
    return raw


def _split(raw: bytes, at: int) -> tuple[bytes, bytes]:
    return raw[:at], raw[at:]
