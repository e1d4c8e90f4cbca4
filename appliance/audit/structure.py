"""The leaves as numbers and hashes: no gap, each hash its record's, each stored root the tree's.

Nothing is read here of what the records say. A million rows pass through the loop, so it does as
little for each as can be done.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.merkle import EMPTY_ROOT, CompactRange
from appliance.core.records import leaf_hash

Row = tuple[int, bytes | None, bytes, bytes | None, bytes | None]
"""Number, record (None where it was pruned), hash; root and signature where a commit ended."""

# a damaged file can hold any type anywhere, whatever its schema says
ROWS = """
    SELECT seq, CAST(rec AS BLOB), ifnull(CAST(h AS BLOB), x''),
        CAST(root AS BLOB), CAST(sig AS BLOB)
    FROM leaf"""

_HASH_BYTES = 32
_SIGNATURE_BYTES = 64


class Fault(Exception):
    """The log is not what was signed, at this record (0: at none in particular)."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


class Structure:
    """The tree of all rows so far.

    `sound` is the number of rows whose place and hash are right, `rooted` the last size whose
    stored root is the tree's.
    """

    def __init__(self) -> None:
        self.tree = CompactRange()
        self.sound = 0
        self.rooted = 0
        self.root = EMPTY_ROOT
        self.signatures = 0
        self.pruned = 0

    def advance(self, rows: Sequence[Row]) -> None:
        """Take more rows. Raises Fault."""
        tree = self.tree
        append = tree.append
        expected = tree.size
        for seq, record, leaf, root, signature in rows:
            expected += 1
            if seq != expected:
                raise Fault(expected, f"record {expected} is missing, {seq} follows")
            if record is None:
                self._note_pruned(seq, leaf)
            elif leaf_hash(record) != leaf:
                raise Fault(seq, "the record does not match its hash")
            append(leaf)
            self.sound = expected
            if root is not None or signature is not None:
                self._check_root(seq, root, signature)

    def _note_pruned(self, seq: int, leaf: bytes) -> None:
        if len(leaf) != _HASH_BYTES:
            raise Fault(seq, "the record and its hash are gone")
        self.pruned += 1

    def _check_root(self, seq: int, root: bytes | None, signature: bytes | None) -> None:
        first = self.rooted + 1
        if self.tree.root() != root:
            raise Fault(first, f"records {first} to {seq} do not match the signed root")
        if signature is None or len(signature) != _SIGNATURE_BYTES:
            raise Fault(first, f"the signature at record {seq} is not by any key")
        self.rooted, self.root = seq, root
        self.signatures += 1
