"""Checkpoints in a file that is only ever added to."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import struct
import sys
from contextlib import suppress
from pathlib import Path

from appliance.errors import AnchorUnavailable

# linux/fs.h; elsewhere nobody can be asked
_GET_FLAGS = 0x80086601
_APPEND_ONLY = 0x20


class FileSink:
    """Port `AnchorSink`: notes, an empty line before each."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def post(self, note: str) -> str:
        """See `AnchorSink`. In a thread, because the disk may be slow, or a network's."""
        try:
            await asyncio.to_thread(self._add, f"\n{note}".encode())
        except OSError as error:
            raise AnchorUnavailable(
                f"cannot add to {self._path}: {error.strerror or error}",
                hint="may its directory be written by the user of dispatchd?",
            ) from error
        return note

    def remark(self) -> str:
        """What makes the file a weaker anchor than it could be, "" when nothing does."""
        if sys.platform == "linux" and not self._is_append_only():
            return f"{self._path} can be rewritten by its user; as root: chattr +a {self._path}"
        return ""

    def _add(self, content: bytes) -> None:
        descriptor = self._open(os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            # at once or not at all: two notes are never mixed
            if os.write(descriptor, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open(self, flags: int) -> int:
        # a pipe would otherwise be waited for
        descriptor = os.open(self._path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "this is no ordinary file")
        return descriptor

    def _is_append_only(self) -> bool:
        from fcntl import ioctl

        with suppress(OSError):  # not there yet, or a file system without such flags
            descriptor = self._open(os.O_RDONLY)
            try:
                answer = ioctl(descriptor, _GET_FLAGS, bytes(struct.calcsize("l")))
            finally:
                os.close(descriptor)
            return bool(struct.unpack("l", answer)[0] & _APPEND_ONLY)
        return False
