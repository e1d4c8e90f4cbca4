"""The head of a growing RFC 6962 tree, without the tree.

Of all the nodes only the roots of the complete subtrees are kept: one hash per 1 in the binary
form of the size, twenty for a million leaves. That is enough to add a leaf and to know the root.
"""

from __future__ import annotations

from hashlib import sha256

EMPTY_ROOT = sha256().digest()

_HASH_BYTES = 32
_NODE = b"\x01"  # RFC 6962: leaves and nodes are hashed differently, so none passes for the other


class CompactRange:
    """A tree's size and root while leaves are added. Not safe to share between threads."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    @classmethod
    def at(cls, size: int, peaks: bytes) -> CompactRange:
        """The tree of which these were the `peaks`. Raises ValueError when they are too few."""
        if size < 0 or len(peaks) != size.bit_count() * _HASH_BYTES:
            raise ValueError(f"a tree of {size} leaves has not {len(peaks)} bytes of peaks")
        tree = cls()
        tree.size = size
        tree._peaks = [
            peaks[start : start + _HASH_BYTES] for start in range(0, len(peaks), _HASH_BYTES)
        ]
        return tree

    def peaks(self) -> bytes:
        """The roots of the complete subtrees, largest first: with the size, all there is."""
        return b"".join(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        node, size = leaf, self.size
        while size & 1:
            node = sha256(_NODE + self._peaks.pop() + node).digest()
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *lefts, node = self._peaks
        for left in reversed(lefts):
            node = sha256(_NODE + left + node).digest()
        return node
