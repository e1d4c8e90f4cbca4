"""A disk of a few MB that only chosen programs see, to be filled up.

A tmpfs in a mount namespace of its own: it is gone when its keeper is, whatever happens to us.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest

BLOCK = 4096


class SmallDisk:
    """`within` starts a program that sees the disk at `point`; needs root, or skips loudly."""

    def __init__(self, point: Path, megabytes: int, directory: Path) -> None:
        self._point = point
        self._megabytes = megabytes
        self._directory = directory
        self.within: tuple[str, ...] = ()

    async def __aenter__(self) -> Self:
        if os.geteuid() != 0:
            pytest.skip("A FULL DISK CANNOT BE MADE HERE: mounting needs root")
        self._point.mkdir(mode=0o700, parents=True)
        mount = f"mount -t tmpfs -o size={self._megabytes}m,mode=700 none '{self._point}'"
        self._keeper = await asyncio.create_subprocess_exec(
            *("unshare", "--mount", "sh", "-c", f"{mount} && echo mounted && exec cat"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._keeper.stdout is not None
        if await self._keeper.stdout.readline() != b"mounted\n":
            self._refuse()
        space = f"--mount=/proc/{self._keeper.pid}/ns/mnt"
        self.within = ("nsenter", space, "env", "-C", str(self._directory))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keeper.kill()
        await self._keeper.communicate()

    @staticmethod
    def _refuse() -> None:
        why = "A FULL DISK CANNOT BE MADE HERE: this root may not mount"
        if os.getenv("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)

    def path(self, name: str) -> Path:
        """A file of the disk, as seen from outside."""
        return Path(f"/proc/{self._keeper.pid}/root{self._point}", name)

    def fill(self, free_blocks: int = 0) -> None:
        """Take all room but so many blocks of 4 kB."""
        with self.path("filler").open("wb", buffering=0) as filler:
            with suppress(OSError):  # no space left: that is the end we want
                while True:
                    filler.write(bytes(BLOCK))
            filler.truncate(filler.tell() - free_blocks * BLOCK)

    def clear(self) -> None:
        self.path("filler").unlink()
