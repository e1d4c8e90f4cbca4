"""The tar inside a backup: the manifest, and then exactly the files that it names.

Other programs can unpack it. It is not unpacked with `tarfile`, which would follow extensions of
any size: each header is looked at here, and has to be the next one that the manifest tells of.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Protocol

from appliance.backup import manifest as contents
from appliance.backup.manifest import Entry, Manifest
from appliance.errors import BackupUnusable

Report = Callable[[int, int], None]
"""Called now and then with the number of bytes done and of all bytes."""

Source = tuple[Entry, BinaryIO]

BLOCK = tarfile.BLOCKSIZE
PIECE_BYTES = 256 * 1024
END = bytes(2 * BLOCK)
SPARED_BYTES = 50_000_000
"""Room that unpacking leaves to the disk."""

_MAX_TRAILER = 64 * BLOCK  # tar programs fill up their last record


class Sink(Protocol):
    def write(self, content: bytes) -> None: ...


class Stream(Protocol):
    def read(self, size: int) -> bytes: ...


def write(out: Sink, manifest: Manifest, sources: Iterable[Source], report: Report) -> None:
    """Write a whole archive. `sources` are the files of the manifest, in its order.

    Raises BackupUnusable when one is not as long as was said, and OSError.
    """
    text = manifest.text()
    contents.parse(text)  # what could not be restored is not written either
    if len(text) > contents.MAX_BYTES:
        raise BackupUnusable("the list of what is to be backed up is too long")
    total = sum(entry.size for entry in manifest.entries)
    seconds = manifest.made_at // 1000
    out.write(_header(Entry(contents.NAME, len(text)), seconds) + text + _padding(len(text)))
    done = 0
    for entry, source in sources:
        out.write(_header(entry, seconds))
        for piece in _pieces(source, entry):
            out.write(piece)
            done += len(piece)
            report(done, total)
        out.write(_padding(entry.size))
    out.write(END)


def read_manifest(stream: Stream) -> Manifest:
    """The first file of an archive. Raises BackupUnusable."""
    entry = _next(stream)
    if entry.name != contents.NAME or entry.size > contents.MAX_BYTES:
        raise BackupUnusable("the backup does not begin with a list of what is in it")
    text = _exactly(stream, entry.size)
    _skip_padding(stream, entry.size)
    return contents.parse(text)


def unpack(stream: Stream, manifest: Manifest, place: Path, report: Report) -> None:
    """Write the files that follow the manifest below `place`, an empty directory.

    They are whole, and nothing else was in the archive, when this returns. Raises BackupUnusable
    and OSError; then what is there is of no use.
    """
    total = sum(entry.size for entry in manifest.entries)
    require_room(place, total)
    done = 0
    for entry in manifest.entries:
        if _next(stream) != entry:
            raise BackupUnusable(f"where {entry.name} should be, the backup holds something else")
        file = place / entry.name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(file, "xb", opener=_private) as out:
            for piece in _pieces(stream, entry):
                out.write(piece)
                done += len(piece)
                report(done, total)
        _skip_padding(stream, entry.size)
    _require_end(stream)


def require_room(directory: Path, size: int) -> None:
    """Raises BackupUnusable when so much does not fit."""
    disk = os.statvfs(directory)
    free = disk.f_bavail * disk.f_frsize
    if size + SPARED_BYTES > free:
        raise BackupUnusable(
            f"{directory} has {free // 1_000_000:,} MB free, and {size // 1_000_000:,} are needed",
            hint="make room there, or name another directory in TMPDIR",
        )


def _header(entry: Entry, seconds: int) -> bytes:
    info = tarfile.TarInfo(entry.name)
    info.size, info.mode, info.mtime = entry.size, 0o600, seconds
    return info.tobuf(tarfile.GNU_FORMAT)  # the form that says sizes beyond 8 GiB in one header


def _next(stream: Stream) -> Entry:
    block = _exactly(stream, BLOCK)
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.TarError, ValueError) as error:
        raise BackupUnusable(f"the backup holds something else than files: {error}") from error
    if info.type != tarfile.REGTYPE or info.size < 0:
        raise BackupUnusable("the backup holds something else than plain files")
    return Entry(info.name, info.size)


def _pieces(source: Stream, entry: Entry) -> Iterable[bytes]:
    left = entry.size
    while left:
        piece = source.read(min(left, PIECE_BYTES))
        if not piece:
            raise BackupUnusable(f"{entry.name} ends too early: {left:,} bytes are missing")
        left -= len(piece)
        yield piece


def _exactly(stream: Stream, size: int) -> bytes:
    found = stream.read(size)
    if len(found) != size:
        raise BackupUnusable("the backup ends too early")
    return found


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _skip_padding(stream: Stream, size: int) -> None:
    if any(_exactly(stream, -size % BLOCK)):
        raise BackupUnusable("the backup holds something between its files")


def _require_end(stream: Stream) -> None:
    rest = _exactly(stream, len(END)) + stream.read(_MAX_TRAILER)
    if any(rest) or stream.read(1):
        raise BackupUnusable("the backup holds something behind its last file")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
