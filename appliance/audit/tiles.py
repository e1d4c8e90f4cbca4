"""The log as static files, for verifiers that others wrote.

Format: c2sp.org/tlog-tiles. Beside the specified `checkpoint` and `tile/` there is a directory
`checkpoints` with each note that the log keeps, named by its size: with those the hand-over of
keys can be followed from the first one on. Hashes are written as they are stored and records as
they are stored, unchecked: to find what does not fit is what the other verifier is for.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appliance.audit.checkpoint import Checkpoint
from appliance.audit.database import ERRORS, reading
from appliance.audit.heads import kept_notes, last_note
from appliance.core.merkle import node_hash
from appliance.errors import ApplianceError, AuditUnavailable

TILE_WIDTH = 256

_LEAVES = "SELECT seq, rec, h FROM leaf WHERE seq<=? ORDER BY seq"


def write_tiles(database: Path, directory: Path) -> Checkpoint:
    """Write all signed records into a new directory; what its checkpoint says.

    Bundles with pruned records are left out, as the format allows it. Raises AuditUnavailable
    when the log cannot be read, ApplianceError when the directory is not a new one, the log has
    no signed record, or records are missing.
    """
    try:
        with reading(database) as connection:
            note = last_note(connection)
            _make(directory)
            _write_leaves(connection, note.checkpoint.size, directory / "tile")
            for kept in kept_notes(connection):
                _write(directory / "checkpoints" / str(kept.checkpoint.size), str(kept).encode())
            # last: a directory without it is an export that was not completed
            _write(directory / "checkpoint", str(note).encode())
    except ERRORS as error:
        raise AuditUnavailable(f"cannot read the audit log {database}: {error}") from error
    except (OSError, ValueError, TypeError, OverflowError) as error:  # any type may be stored
        raise ApplianceError(f"cannot export to {directory}: {error}") from error
    return note.checkpoint


def tile_path(level: str, index: int, width: int) -> str:
    """`tile_path("0", 1234067, 256)` → "0/x001/x234/067"; partial tiles end in ".p/WIDTH"."""
    digits = f"{index:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *heads, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    path = "/".join((level, *(f"x{head}" for head in heads), last))
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def _make(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise ValueError("it is not empty")


def _write_leaves(connection: sqlite3.Connection, size: int, root: Path) -> None:
    hashes = _Level(root, 0)
    bundle: list[bytes | None] = []
    done = 0
    for seq, record, leaf in connection.execute(_LEAVES, (size,)):
        done += 1
        if seq != done:
            raise ValueError(f"record {done} is missing")
        hashes.add(leaf)
        bundle.append(record)
        if len(bundle) == TILE_WIDTH:
            _write_bundle(root, done, bundle)
            bundle = []
    if done != size:
        raise ValueError(f"record {done + 1} is missing")
    _write_bundle(root, done, bundle)
    hashes.flush()


def _write_bundle(root: Path, end: int, records: list[bytes | None]) -> None:
    entries = [len(record).to_bytes(2, "big") + record for record in records if record is not None]
    if records and len(entries) == len(records):
        index = (end - 1) // TILE_WIDTH
        _write(root / tile_path("entries", index, len(records)), b"".join(entries))


class _Level:
    """The tiles of one level, the last of which is not full yet."""

    def __init__(self, root: Path, level: int) -> None:
        self._root = root
        self._level = level
        self._index = 0
        self._hashes: list[bytes] = []
        self._above: _Level | None = None

    def add(self, node: bytes) -> None:
        self._hashes.append(node)
        if len(self._hashes) == TILE_WIDTH:
            self._write()
            self._above = self._above or _Level(self._root, self._level + 1)
            self._above.add(_full_root(self._hashes))
            self._index += 1
            self._hashes = []

    def flush(self) -> None:
        if self._hashes:
            self._write()
        if self._above is not None:
            self._above.flush()

    def _write(self) -> None:
        path = tile_path(str(self._level), self._index, len(self._hashes))
        _write(self._root / path, b"".join(self._hashes))


def _full_root(hashes: list[bytes]) -> bytes:
    """The root over a full tile."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [node_hash(left, right) for left, right in pairs]
    return hashes[0]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
