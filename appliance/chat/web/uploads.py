"""Files that people hand over on the page: kept until the task that they came with takes them.

    ROOT/anna/3f2c…       whole, under the id that the page gave it
    ROOT/anna/3f2c….part  still coming in, or cut off

A file is what its sender says only as far as its bytes go: its name comes later, with the message,
and is never a path here. It stays after its task has taken it, for the task may be tried again;
the oldest go after some days, or when new ones need the room.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.core.model import IncomingFile, UserName
from appliance.core.pictures import FIRST_BYTES, picture_in
from appliance.errors import ChatRefused, StorageUnavailable
from appliance.ports import Clock

CHUNK_BYTES = 1 << 16
DAY_MS = 24 * 3600 * 1000
PART = ".part"
UPLOAD_ID = r"[A-Za-z0-9_-]{8,64}"
_NUMBER = re.compile(rf"[a-z][a-z0-9-]{{0,31}}/{UPLOAD_ID}")


class TooLarge(ValueError):
    """More than is taken here; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What may come, and what stays: of one file, of all together, and for how long."""

    file_bytes: int
    files: int
    all_bytes: int
    days: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is there. `number` is what `Uploads.fetch` knows it by."""

    number: str
    size: int
    is_picture: bool


class Uploads:
    """See `appliance.ports.FileSource`; its files are found by `Upload.number`."""

    def __init__(self, root: Path, kept: Kept, clock: Clock) -> None:
        self.kept = kept
        self._root = root
        self._clock = clock

    async def take(
        self, user: UserName, upload_id: str, content: AsyncIterable[bytes], size: int | None
    ) -> None:
        """Keep a file, durably; the same id again replaces it. `size` as the page says, if it does.

        Raises TooLarge, or StorageUnavailable when the disk does not take it.
        """
        path = self._root / user / upload_id
        # of its own, should the page try again while the first try is still coming in
        part = path.with_suffix(f".{secrets.token_hex(4)}{PART}")
        with _errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.tidy(room_for=self.kept.file_bytes if size is None else size)
        try:
            await self._write(part, content)
            with _errors(path):
                part.rename(path)
                await asyncio.to_thread(_sync, path.parent, os.O_RDONLY | os.O_DIRECTORY)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    async def _write(self, part: Path, content: AsyncIterable[bytes]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        taken = 0
        with _errors(part):
            file = os.fdopen(os.open(part, flags, 0o600), "wb")
        with file:
            async for chunk in content:
                taken += len(chunk)
                if taken > self.kept.file_bytes:  # whatever was said of it before
                    raise TooLarge("more than is taken here")
                with _errors(part):
                    file.write(chunk)
        with _errors(part):
            await asyncio.to_thread(_sync, part, os.O_RDONLY)

    def find(self, user: UserName, upload_id: str) -> Upload | None:
        """A whole file of this user's; None: it is not there (any more)."""
        number = f"{user}/{upload_id}"
        try:
            with self._path(number).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                return Upload(number, size, picture_in(file.read(FIRST_BYTES)) is not None)
        except OSError:
            return None

    async def content(self, user: UserName, upload_id: str) -> bytes | None:
        """The same, to be shown to whom it belongs."""
        with suppress(OSError):
            return await asyncio.to_thread(self._path(f"{user}/{upload_id}").read_bytes)
        return None

    async def fetch(self, file: IncomingFile) -> AsyncIterator[bytes]:
        """What was sent. Raises ChatRefused: it is not there any more."""
        try:
            with self._path(file.id).open("rb") as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except OSError:
            raise ChatRefused("it is not kept here any more") from None

    def tidy(self, room_for: int = 0) -> None:
        """Remove what is old, and the oldest where there is no room for so many bytes more.

        Raises StorageUnavailable.
        """
        with _errors(self._root):
            found = [(path, path.stat()) for path in self._root.glob("*/*") if _is_whole(path)]
            found.sort(key=lambda one: one[1].st_mtime_ns)
            total = sum(about.st_size for _, about in found) + room_for
            oldest_ms = self._clock.now() - self.kept.days * DAY_MS
            for path, about in found:
                if about.st_mtime * 1000 >= oldest_ms and total <= self.kept.all_bytes:
                    return
                path.unlink(missing_ok=True)
                total -= about.st_size

    def forget_what_was_cut_off(self) -> None:
        """At the start, when nothing can be coming in. Raises StorageUnavailable."""
        with _errors(self._root):
            for path in self._root.glob(f"*/*{PART}"):
                path.unlink(missing_ok=True)

    def _path(self, number: str) -> Path:
        """Ids are ours, and come back from a database: no other is ever a path."""
        if not _NUMBER.fullmatch(number):
            raise FileNotFoundError(number)
        return self._root / number


def _is_whole(path: Path) -> bool:
    return path.suffix != PART


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"cannot keep files in {path.parent}: {error.strerror}") from error
