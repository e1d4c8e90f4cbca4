"""Signs the heads of one log that only grows: there is no way to ask for anything else."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.audit.checkpoint import Checkpoint, Note, PublicKey, signature_line
from appliance.audit.keys import SigningKey
from appliance.core.merkle import CompactRange


class Signer:
    """The log's identity, the key of the current epoch, and the tree that they sign for.

    It is given leaves and keeps the tree itself, so no caller, however wrong, can have two roots
    of one size signed, or a root that does not extend the last one.

    `head` is what was signed last, or what the log ends with when nothing was yet.
    """

    def __init__(
        self,
        origin: str,
        identity: SigningKey,
        key: SigningKey,
        tree: CompactRange,
    ) -> None:
        self._identity, self._key, self._tree = identity, key, tree
        self._by, self._signature = key.public, b""
        self.head = Checkpoint(origin, tree.size, tree.root())

    def peaks(self) -> bytes:
        """Of the tree at `head`: see `CompactRange.at`."""
        return self._tree.peaks()

    def extend(self, leaves: Iterable[bytes]) -> bytes:
        """Add leaves and sign the new head with the epoch's key.

        Raises ValueError when there are none: what was signed is not signed again.
        """
        for leaf in leaves:
            self._tree.append(leaf)
        if self._tree.size == self.head.size:
            raise ValueError("there is nothing new to sign")
        self.head = Checkpoint(self.head.origin, self._tree.size, self._tree.root())
        self._by, self._signature = self._key.public, self._key.sign(self.head)
        return self._signature

    def note(self) -> Note:
        """The head as it is published: signed by the identity, and by the key of its epoch.

        Raises ValueError when nothing was signed yet.
        """
        if not self._signature:
            raise ValueError("nothing is signed yet")
        origin = self.head.origin
        identity = PublicKey(origin, self._identity.public)
        return Note(
            self.head,
            (
                signature_line(identity, self._identity.sign(self.head)),
                signature_line(PublicKey(origin, self._by), self._signature),
            ),
        )

    def hand_over(self, key: SigningKey) -> None:
        """From now on the epoch's key is this one."""
        self._key = key
