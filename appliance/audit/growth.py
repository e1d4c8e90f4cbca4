"""Proves to a witness that the log has only grown, without reading what it has seen long ago.

A tree need not be computed from its first leaf: the peaks of one that was signed are kept beside
its note. Only the leaves that came later are read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from appliance.audit.database import reading
from appliance.core.merkle import CompactRange, Span, consistency_spans

_HASH_BYTES = 32


def consistency(database: Path, old: int, new: int) -> Sequence[bytes]:
    """The hashes of RFC 6962's proof that the log of `old` records became that of `new`.

    Raises sqlite3.Error or ValueError when the log cannot be read, or has not so many records.

    What is read is not verified: a wrong proof convinces nobody.
    """
    with reading(database) as connection:
        roots = _peaks(_tree(connection, old))
        for begin, end in consistency_spans(old, new):
            if end > old:
                roots[begin, end] = grown(connection, CompactRange(), begin, end).root()
    return [roots[span] for span in consistency_spans(old, new)]


def _tree(connection: sqlite3.Connection, size: int) -> CompactRange:
    kept = connection.execute(
        "SELECT size, peaks FROM ckpt WHERE size<=? ORDER BY size DESC LIMIT 1", (size,)
    ).fetchone()
    tree = CompactRange.at(*kept) if kept else CompactRange()
    return grown(connection, tree, tree.size, size)


def grown(connection: sqlite3.Connection, tree: CompactRange, begin: int, end: int) -> CompactRange:
    """The tree with the leaves from `begin` to `end` added. Raises ValueError."""
    expected = tree.size + end - begin
    rows = connection.execute(
        "SELECT h FROM leaf WHERE seq>? AND seq<=? ORDER BY seq", (begin, end)
    )
    for (leaf,) in rows:
        tree.append(leaf)
    if tree.size != expected:
        raise ValueError(f"of the records {begin + 1} to {end} some are missing")
    return tree


def _peaks(tree: CompactRange) -> dict[Span, bytes]:
    """The roots of the complete subtrees by the leaves that they span."""
    peaks, roots, begin = tree.peaks(), {}, 0
    while begin < tree.size:
        end = begin + (1 << (tree.size - begin).bit_length() - 1)
        roots[begin, end], peaks = peaks[:_HASH_BYTES], peaks[_HASH_BYTES:]
        begin = end
    return roots
