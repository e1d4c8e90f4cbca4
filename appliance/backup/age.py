"""The age file format, version 1 (C2SP age), to one passphrase or one X25519 public key.

A file key wraps the content in chunks of 64 KiB, each authenticated with its number and whether it
is the last one: cut off, changed or reordered content is noticed, and no more than two chunks are
in memory. Reading is strict: what this writer would not have written is refused, but for
recipients of other kinds.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from appliance.backup import bech32
from appliance.errors import BackupUnusable

INTRO = b"age-encryption.org/v1"
CHUNK_BYTES = 64 * 1024
WORK = 17
"""log2 of scrypt's cost: half a second and 128 MiB for each guess."""

_MAX_WORK = 20
_MAX_HEADER_BYTES = 64 * 1024
_FILE_KEY_BYTES = 16
_NONCE_BYTES = 16
_SALT_BYTES = 16
_TAG_BYTES = 16
_NO_NONCE = bytes(12)  # each wrapping key is used once
_LINE = 64
_RECIPIENT, _IDENTITY = "age", "age-secret-key-"


@dataclass(frozen=True, slots=True)
class Passphrase:
    """What people remember. `work` is how expensive it is to try one (log2)."""

    text: str
    work: int = WORK

    def __repr__(self) -> str:
        return "Passphrase()"  # a trace is no place for it


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key: who has it can make backups, and not read them."""

    raw: bytes

    @staticmethod
    def parse(text: str) -> Recipient:
        """From "age1…". Raises ValueError."""
        return Recipient(_key(text, _RECIPIENT))

    def __str__(self) -> str:
        return bech32.encode(_RECIPIENT, self.raw)


class Identity:
    """The private key that belongs to a recipient."""

    def __init__(self, raw: bytes) -> None:
        self.key = X25519PrivateKey.from_private_bytes(raw)

    @staticmethod
    def parse(text: str) -> Identity:
        """From "AGE-SECRET-KEY-1…". Raises ValueError."""
        return Identity(_key(text, _IDENTITY))

    @property
    def recipient(self) -> Recipient:
        return Recipient(self.key.public_key().public_bytes_raw())


Lock = Passphrase | Recipient
Key = Passphrase | Identity


@dataclass(frozen=True, slots=True)
class _Stanza:
    """How one recipient finds the file key."""

    arguments: tuple[str, ...]
    body: bytes

    def lines(self) -> Iterator[str]:
        yield " ".join(("->", *self.arguments))
        text = _base64(self.body)
        for start in range(0, len(text) + 1, _LINE):  # the last line is shorter, or empty
            yield text[start : start + _LINE]


# --- writing


class Sealing:
    """A file that is written encrypted; it is whole only after `finish`."""

    def __init__(self, out: BinaryIO, lock: Lock) -> None:
        self._out = out
        file_key = os.urandom(_FILE_KEY_BYTES)
        nonce = os.urandom(_NONCE_BYTES)
        out.write(_header(_wrapped(file_key, lock), file_key) + nonce)
        self._chunks = _Chunks(file_key, nonce)
        self._waiting = bytearray()

    def write(self, content: bytes) -> None:
        """Raises OSError."""
        self._waiting += content
        while len(self._waiting) > CHUNK_BYTES:  # a full one may be the last one
            self._out.write(self._chunks.seal(bytes(self._waiting[:CHUNK_BYTES]), is_last=False))
            del self._waiting[:CHUNK_BYTES]

    def finish(self) -> None:
        """Write what is left, and that it was all. Raises OSError."""
        self._out.write(self._chunks.seal(bytes(self._waiting), is_last=True))


def _header(stanza: _Stanza, file_key: bytes) -> bytes:
    lines = "\n".join((INTRO.decode(), *stanza.lines(), "---")).encode()
    return lines + f" {_base64(_mac(file_key, lines))}\n".encode()


def _wrapped(file_key: bytes, lock: Lock) -> _Stanza:
    if isinstance(lock, Passphrase):
        salt = os.urandom(_SALT_BYTES)
        body = _sealed(_stretched(lock.text, salt, lock.work), file_key)
        return _Stanza(("scrypt", _base64(salt), str(lock.work)), body)
    ours = X25519PrivateKey.generate()
    share = ours.public_key().public_bytes_raw()
    shared = ours.exchange(X25519PublicKey.from_public_bytes(lock.raw))
    return _Stanza(("X25519", _base64(share)), _sealed(_agreed(shared, share, lock.raw), file_key))


# --- reading


class Opening:
    """An encrypted file that is read as its content.

    Raises BackupUnusable when it is no such file, this key does not open it, or, on the way, when
    something of it was changed or is missing: what `read` has returned is true all the same.
    """

    def __init__(self, source: BinaryIO, key: Key) -> None:
        self._source = source
        header = _Header(source)
        file_key = header.file_key(key)
        nonce = source.read(_NONCE_BYTES)
        if len(nonce) != _NONCE_BYTES:
            raise BackupUnusable("the backup is cut off")
        self._chunks = _Chunks(file_key, nonce)
        self._next = source.read(CHUNK_BYTES + _TAG_BYTES)
        self._content = b""
        self._is_over = False

    def read(self, size: int) -> bytes:
        """So many bytes, fewer only at the end."""
        found = []
        while size > 0 and (self._content or not self._is_over):
            if not self._content:
                self._content = self._chunk()
            found.append(self._content[:size])
            self._content = self._content[size:]
            size -= len(found[-1])
        return b"".join(found)

    def _chunk(self) -> bytes:
        sealed = self._next
        self._next = self._source.read(CHUNK_BYTES + _TAG_BYTES)
        self._is_over = not self._next
        return self._chunks.open(sealed, is_last=self._is_over)


class _Header:
    """What stands before the content."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._signed = bytearray()
        if self._line() != INTRO.decode():
            raise BackupUnusable("this is no backup: it is not of the age format")
        self._stanzas: list[_Stanza] = []
        while not (line := self._line(is_last=_is_end)).startswith("---"):
            self._stanzas.append(self._stanza(line))
        self._mac = _decoded(line.removeprefix("--- "))

    def file_key(self, key: Key) -> bytes:
        opens = _by_passphrase if isinstance(key, Passphrase) else _by_identity
        found = opens(self._stanzas, key)
        if found is None:
            raise BackupUnusable(_refusal(key, self._stanzas))
        if not compare_digest(_mac(found, bytes(self._signed)), self._mac):
            raise BackupUnusable("the backup was changed")
        return found

    def _stanza(self, line: str) -> _Stanza:
        mark, *arguments = line.split(" ")
        if mark != "->" or not arguments or not all(arguments):
            raise _malformed()
        text = ""
        while True:
            part = self._line()
            text += part
            if len(part) > _LINE:
                raise _malformed()
            if len(part) < _LINE:
                return _Stanza(tuple(arguments), _decoded(text))

    def _line(self, is_last: Callable[[bytes], bool] = lambda _: False) -> str:
        room = _MAX_HEADER_BYTES - len(self._signed)
        line = self._source.readline(room)
        if not line.endswith(b"\n"):
            raise BackupUnusable("this is no backup: it is not of the age format, or cut off")
        self._signed += b"---" if is_last(line) else line
        try:
            return line[:-1].decode("ascii")
        except UnicodeDecodeError:
            raise _malformed() from None


def _is_end(line: bytes) -> bool:
    return line.startswith(b"--- ")


def _by_passphrase(stanzas: Sequence[_Stanza], key: Key) -> bytes | None:
    assert isinstance(key, Passphrase)
    match [stanza.arguments for stanza in stanzas]:
        case [("scrypt", salt, work)] if work.isdecimal() and len(_decoded(salt)) == _SALT_BYTES:
            if not 0 < int(work[:3]) <= _MAX_WORK or work.startswith("0"):
                raise BackupUnusable(f"to try a passphrase would cost 2^{work[:3]}: too much")
            return _opened(_stretched(key.text, _decoded(salt), int(work)), stanzas[0].body)
        case _:
            return None


def _by_identity(stanzas: Sequence[_Stanza], key: Key) -> bytes | None:
    assert isinstance(key, Identity)
    for stanza in stanzas:
        match stanza.arguments:
            case ("X25519", text) if len(share := _decoded(text)) == len(key.recipient.raw):
                found = _opened(
                    _agreed(_exchanged(key, share), share, key.recipient.raw), stanza.body
                )
                if found is not None:
                    return found
    return None


def _exchanged(key: Identity, share: bytes) -> bytes:
    try:
        return key.key.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:  # a share of low order would make any secret known
        raise _malformed() from None


def _refusal(key: Key, stanzas: Sequence[_Stanza]) -> str:
    is_for_passphrase = any(stanza.arguments[0] == "scrypt" for stanza in stanzas)
    if isinstance(key, Passphrase):
        if is_for_passphrase:
            return "the passphrase is wrong"
        return "the backup was made for a key and not with a passphrase"
    if is_for_passphrase:
        return "the backup was made with a passphrase and not for a key"
    return "the backup was made for another key"


def _malformed() -> BackupUnusable:
    return BackupUnusable("the backup is not of the age format")


# --- keys and chunks


class _Chunks:
    """The content, piece by piece: a piece knows its number and whether it is the last one."""

    def __init__(self, file_key: bytes, nonce: bytes) -> None:
        self._cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
        self._number = 0

    def seal(self, content: bytes, *, is_last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(is_last), content, None)

    def open(self, sealed: bytes, *, is_last: bool) -> bytes:
        is_first = self._number == 0
        try:
            content = self._cipher.decrypt(self._nonce(is_last), sealed, None)
        except (InvalidTag, ValueError):
            raise BackupUnusable("the backup was changed, or is cut off") from None
        if not content and not is_first:
            raise _malformed()
        return content

    def _nonce(self, is_last: bool) -> bytes:
        number, self._number = self._number, self._number + 1
        return number.to_bytes(11, "big") + bytes([is_last])


def _derived(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, purpose).derive(secret)


def _agreed(shared: bytes, share: bytes, recipient: bytes) -> bytes:
    return _derived(shared, share + recipient, INTRO + b"/X25519")


def _stretched(passphrase: str, salt: bytes, work: int) -> bytes:
    salted = INTRO + b"/scrypt" + salt
    return Scrypt(salted, 32, n=1 << work, r=8, p=1).derive(passphrase.encode())


def _sealed(key: bytes, file_key: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(_NO_NONCE, file_key, None)


def _opened(key: bytes, body: bytes) -> bytes | None:
    if len(body) != _FILE_KEY_BYTES + _TAG_BYTES:
        raise _malformed()
    try:
        return ChaCha20Poly1305(key).decrypt(_NO_NONCE, body, None)
    except InvalidTag:
        return None


def _mac(file_key: bytes, header: bytes) -> bytes:
    mac = HMAC(_derived(file_key, b"", b"header"), SHA256())
    mac.update(header)
    return mac.finalize()


# --- text


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """Raises BackupUnusable for every other way to write the same."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise _malformed() from None
    if _base64(content) != text:
        raise _malformed()
    return content


def _key(text: str, prefix: str) -> bytes:
    found, raw = bech32.decode(text.strip())
    if found != prefix or len(raw) != 32:
        raise ValueError(f"it does not begin with {prefix}1")
    return raw
