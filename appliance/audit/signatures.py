"""Who signed: the keys of a log as they follow each other, and what their signatures cover."""

from __future__ import annotations

import sqlite3

from appliance.audit.checkpoint import Checkpoint, Note, PublicKey
from appliance.audit.structure import Fault
from appliance.core.merkle import EMPTY_ROOT

_SIGNED = """
    SELECT seq FROM leaf WHERE seq>? AND seq<=? AND sig IS NOT NULL ORDER BY seq"""
_SEAL = "SELECT CAST(root AS BLOB), CAST(sig AS BLOB) FROM leaf WHERE seq=?"


class Signatures:
    """The keys of one log, and the last state that one of them is known to have signed.

    `key` is the one of the current epoch, which `began` at that record.
    """

    def __init__(
        self, connection: sqlite3.Connection, genesis: PublicKey, identity: PublicKey
    ) -> None:
        self._connection = connection
        self.genesis = genesis
        self.identity = identity
        self.key = genesis
        self.epoch = 1
        self.began = 1
        self.verified = Checkpoint(genesis.name, 0, EMPTY_ROOT)
        self.checked = 0

    def check(self, size: int, root: bytes, signature: bytes) -> None:
        """Raises Fault with the first record that nobody vouches for.

        The stored roots up to here must be the tree's: who signed the last vouches for all.
        """
        if size > self.verified.size and not self._is_signed(size, root, signature):
            raise self._first_bad(size)

    def check_stored(self, size: int) -> None:
        """As `check`, with what is stored beside that record; 0 is nothing to check."""
        if size:
            self.check(size, *self._seal(size))

    def hand_over(self, seq: int, public: bytes) -> None:
        """From the next record on another key signs."""
        self.key = PublicKey(self.genesis.name, public)
        self.epoch += 1
        self.began = seq + 1

    def vouch(self, note: Note) -> bool:
        """Whether the identity or the key of the epoch signed this note."""
        return note.signed_by(self.identity) or note.signed_by(self.key)

    def _is_signed(self, size: int, root: bytes, signature: bytes) -> bool:
        checkpoint = Checkpoint(self.genesis.name, size, root)
        self.checked += 1
        if not self.key.signed(checkpoint, signature):
            return False
        self.verified = checkpoint
        return True

    def _first_bad(self, size: int) -> Fault:
        """Which signature is wrong, given that the one at `size` is and `verified` is not."""
        between = (self.verified.size, size)
        sizes = [seq for (seq,) in self._connection.execute(_SIGNED, between)]
        good, bad = -1, len(sizes) - 1
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._is_signed(sizes[middle], *self._seal(sizes[middle])):
                good = middle
            else:
                bad = middle
        return Fault(
            self.verified.size + 1,
            f"the signature at record {sizes[bad]} is not by the key of epoch {self.epoch}",
        )

    def _seal(self, size: int) -> tuple[bytes, bytes]:
        row = self._connection.execute(_SEAL, (size,)).fetchone()
        root, signature = row or (None, None)  # a damaged file may not give a row twice
        return root or b"", signature or b""
