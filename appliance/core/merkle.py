"""The head of a growing RFC 6962 tree, without the tree.

Of all the nodes only the roots of the complete subtrees are kept: one hash per 1 in the binary
form of the size, twenty for a million leaves. That is enough to add a leaf and to know the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY_ROOT = sha256().digest()

_HASH_BYTES = 32
# RFC 6962: leaves and nodes are hashed differently, so none passes for the other. To copy a hash
# that has begun takes half the time of beginning one.
_NODE = sha256(b"\x01")

Span = tuple[int, int]
"""The leaves from the first number (counted from 0) up to the second, which is left out."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two others."""
    hashed = _NODE.copy()
    hashed.update(left + right)
    return hashed.digest()


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
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *lefts, node = self._peaks
        for left in reversed(lefts):
            node = node_hash(left, node)
        return node


# --- proofs: a proof is a list of the roots of spans; these tell which spans, and what they prove


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans whose roots prove that leaf `index` is in a tree of `size` (RFC 6962, 2.1.1)."""
    begin, end, spans = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((begin, middle))
            begin = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """The spans whose roots prove that a tree of `old` leaves grew to `new` (RFC 6962, 2.1.2)."""
    begin, end, spans = 0, new, []
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((begin, middle))
            begin = middle
    if begin:  # a tree that is a whole left part needs no proof of itself: its root is known
        spans.append((begin, end))
    return spans[::-1]


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of the tree in which the proof puts the leaf.

    Raises ValueError when a tree of this size needs another proof.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans = inclusion_spans(index, size)
    _require_hashes(proof, len(spans))
    for (begin, _), other in zip(spans, proof, strict=True):
        leaf = node_hash(leaf, other) if begin > index else node_hash(other, leaf)
    return leaf


def roots_by_consistency(
    old: int, new: int, old_root: bytes, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """The roots of the old and of the new tree as the proof has them.

    The proof holds only if the first one is `old_root`, and the second one the new tree's. Raises
    ValueError when trees of these sizes need another proof.
    """
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} leaves does not grow to {new}")
    spans = consistency_spans(old, new)
    _require_hashes(proof, len(spans))
    others = list(zip(spans, proof, strict=True))
    if others and others[0][0][1] == old:
        _, before = others.pop(0)
    else:
        before = old_root
    after = before
    for (begin, _), other in others:
        if begin >= old:
            after = node_hash(after, other)
        else:
            before, after = node_hash(other, before), node_hash(other, after)
    return before, after


def _split(size: int) -> int:
    """How many leaves are to the left: the largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def _require_hashes(proof: Sequence[bytes], count: int) -> None:
    if len(proof) != count or any(len(item) != _HASH_BYTES for item in proof):
        raise ValueError(f"the proof is not {count} hashes of {_HASH_BYTES} bytes")
