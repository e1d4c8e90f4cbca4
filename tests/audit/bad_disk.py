"""A disk for SQLite whose power can be cut, or which fails, at any write or sync.

What was written since a file's last sync survives a power cut at random, and in part: sectors of
one write, and writes of one file, reach a disk in any order. Other files (keys) are synced by
whoever writes them before the database is touched again, so they are taken as they are.

The standard library's SQLite takes no such thing; apsw is another one, made to look the same.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


class PowerCut(Exception):
    pass


@dataclass
class Content:
    """Of one file: what surely is on the disk, and what may get there."""

    durable: bytearray
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.pending:
            self._apply(offset, data)
        self.pending.clear()

    def cut(self, chance: random.Random) -> None:
        for offset, data in self.pending:
            if chance.random() < 0.5:
                self._apply(offset, _torn(data, chance))
        self.pending.clear()

    def _apply(self, offset: int, data: bytes | None) -> None:
        if data is None:  # cut off here
            del self.durable[offset:]
        self.durable.extend(bytes(max(0, offset + len(data or b"") - len(self.durable))))
        self.durable[offset : offset + len(data or b"")] = data or b""


def _torn(data: bytes | None, chance: random.Random) -> bytes | None:
    if data is None or chance.random() > 0.3:
        return data
    return data[: chance.randrange(0, len(data) + 1, SECTOR)]


class Disk(apsw.VFS):
    """Raises `error` at its operation number `fail_at`; without power at every later one too."""

    def __init__(self, fail_at: int, error: type[Exception], chance: random.Random) -> None:
        self.name = f"bad-disk-{id(self)}"
        self.chance = chance
        self.operations = 0
        self.has_failed = False
        self._contents: dict[str, Content] = {}
        self._fail_at = fail_at
        self._error = error
        super().__init__(self.name, "")

    def connect(self, path: Path, **_: object) -> Connection:
        """In place of `sqlite3.Connection`."""
        with _as_sqlite_tells():
            return Connection(apsw.Connection(str(path), vfs=self.name))

    def xOpen(self, name: Any, flags: Any) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        if name is None:  # a temporary file: gone with the power anyway
            return apsw.VFSFile("", name, flags)
        return File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.operate()
        self._contents.pop(filename, None)
        super().xDelete(filename, syncdir)

    def operate(self) -> None:
        self.operations += 1
        is_off = self.has_failed and self._error is PowerCut
        if is_off or self.operations == self._fail_at:
            self.has_failed = True
            raise self._error("this disk is bad")

    def content(self, filename: str) -> Content:
        if filename not in self._contents:
            path = Path(filename)
            self._contents[filename] = Content(
                bytearray(path.read_bytes() if path.exists() else b"")
            )
        return self._contents[filename]

    def leave(self) -> None:
        """Make the files what is left of them when the power is cut now."""
        for filename, content in self._contents.items():
            content.cut(self.chance)
            Path(filename).write_bytes(content.durable)
            Path(filename.removesuffix("-wal") + "-shm").unlink(missing_ok=True)
        self.unregister()


class File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: Any) -> None:
        filename = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._disk = disk
        self._content = disk.content(filename)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.operate()
        self._content.pending.append((offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.operate()
        self._content.pending.append((size, None))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        try:
            self._disk.operate()
        except Exception:
            self._content.cut(self._disk.chance)  # what a sync fails to write is not tried again
            raise
        self._content.sync()
        super().xSync(flags)


class Connection:
    """As much of `sqlite3.Connection` as the writer uses, over apsw."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> apsw.Cursor:
        with _as_sqlite_tells():
            return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> apsw.Cursor:
        with _as_sqlite_tells():
            return self._connection.executemany(sql, rows)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def close(self) -> None:
        with suppress(apsw.Error, PowerCut):  # the standard library's never fails
            self._connection.close(True)


@contextmanager
def _as_sqlite_tells() -> Iterator[None]:
    try:
        yield
    except (apsw.Error, PowerCut) as error:
        raise sqlite3.OperationalError(str(error)) from error
