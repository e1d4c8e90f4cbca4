"""Files of the administrator's, changed in one step: nobody reads half a file, nor after a cut."""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import ConfigError

_HERE = -100  # AT_FDCWD
_SWAP = 2  # RENAME_EXCHANGE on Linux, RENAME_SWAP on macOS


def write(file: Path, content: str | bytes, *, mode: int) -> None:
    """Put a file of ours in place at once, or not at all; it is on the disk when this returns.

    Raises ConfigError.
    """
    with _telling("write", file):
        _put(file, content, os.geteuid(), os.getegid(), mode)


def rewrite(file: Path, content: str | bytes) -> None:
    """The same for a file that is there, which keeps its owner and mode. Raises ConfigError."""
    with _telling("write", file):
        before = file.stat()
        _put(file, content, before.st_uid, before.st_gid, stat.S_IMODE(before.st_mode))


def remove(file: Path) -> bool:
    """Whether it was there. Raises ConfigError."""
    with _telling("remove", file):
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        sync(file.parent)
    return True


def exchange(one: Path, other: Path) -> None:
    """Two directories take each other's place in one step: nobody ever finds neither, or half.

    Raises OSError, also where the file system cannot do it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if sys.platform == "darwin":
        failed = libc.renamex_np(*names, _SWAP)
    else:
        failed = libc.renameat2(_HERE, names[0], _HERE, names[1], _SWAP)
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
    for parent in {one.parent, other.parent}:
        sync(parent)


def sync(directory: Path) -> None:
    """Make names that were added or removed durable. Raises OSError."""
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _put(file: Path, content: str | bytes, uid: int, gid: int, mode: int) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(number, "wb") as stream:
            os.fchown(number, uid, gid)
            os.fchmod(number, mode)
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(number)
        fresh.replace(file)
        sync(file.parent)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


@contextmanager
def _telling(what: str, file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "run it as root" if isinstance(error, PermissionError) else None
        raise ConfigError(f"cannot {what} {file}: {error.strerror}", hint=hint) from error
