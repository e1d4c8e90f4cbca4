"""The signing key of an epoch: made, kept in one file, destroyed.

Files are written under another name, synced and renamed, and the directory is synced: after a
crash a key is there whole or not at all. A destroyed key is overwritten before it is unlinked;
on flash and copy-on-write file systems the old blocks may outlive that, which is why an epoch is
short and its successor is named by a signed record.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.audit.checkpoint import Checkpoint

IDENTITY = "identity.key"

_SEED_BYTES = 32
_KEY_FILE = re.compile(r"epoch-([0-9]+)\.key", re.ASCII)


class SigningKey:
    """An epoch's private key. It never leaves this object but into its own file."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    def sign(self, checkpoint: Checkpoint) -> bytes:
        return self._key.sign(checkpoint.text().encode())


def create(directory: Path, epoch: int) -> SigningKey:
    """Make a new key and keep it for this epoch, in place of any left by an unfinished try."""
    return _create(_path(directory, epoch))


def load(directory: Path, epoch: int) -> SigningKey:
    """The key of an epoch. Raises OSError when it is missing, ValueError when it is not a key."""
    return _load(_path(directory, epoch))


def create_identity(directory: Path) -> SigningKey:
    """Make the key that stays with a log for ever, in place of any left by an unfinished try."""
    return _create(directory / IDENTITY)


def load_identity(directory: Path) -> SigningKey:
    """The log's identity. Raises OSError when it is missing, ValueError when it is not a key."""
    return _load(directory / IDENTITY)


def destroy_others(directory: Path, epoch: int) -> None:
    """Destroy all keys but this epoch's: past ones, and one made for a record never written."""
    for found, path in list(_keys(directory)):
        if found != epoch:
            _destroy(path)
    sync_directory(directory)


def destroy_all(directory: Path) -> None:
    """Destroy every key, the identity too: nothing can be added to the log any more."""
    for path in files(directory):
        _destroy(path)
    sync_directory(directory)


def files(directory: Path) -> list[Path]:
    """The files in which the keys of a log are."""
    identity = directory / IDENTITY
    return [path for _, path in _keys(directory)] + [identity] * identity.exists()


def write_durably(path: Path, content: bytes, *, mode: int) -> None:
    """Put a file in place at once, or not at all, and return when it is on the disk."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        unfinished.rename(path)
    except OSError:
        unfinished.unlink()  # on a full disk the part that was written is in the way
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make names that were added or removed durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path) -> SigningKey:
    key = Ed25519PrivateKey.generate()
    write_durably(path, key.private_bytes_raw(), mode=0o600)
    return SigningKey(key)


def _load(path: Path) -> SigningKey:
    seed = path.read_bytes()
    if len(seed) != _SEED_BYTES:
        raise ValueError(f"{path} is not a key")
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed))


def _path(directory: Path, epoch: int) -> Path:
    return directory / f"epoch-{epoch}.key"


def _keys(directory: Path) -> Iterator[tuple[int, Path]]:
    for path in directory.iterdir():
        if match := _KEY_FILE.fullmatch(path.name):
            yield int(match[1]), path


def _destroy(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(_SEED_BYTES))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
