"""Signs the heads of one log that only grows: there is no way to ask for anything else."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.audit.checkpoint import Checkpoint, Note, PublicKey, Signature, signature_line
from appliance.audit.keys import SigningKey
from appliance.core.merkle import CompactRange


class Signer:
    """The log's identity, the key of the current epoch, and the tree that they sign for.

    It is given leaves and keeps the tree itself, so no caller, however wrong, can have two roots
    of one size signed, or a root that does not extend the last one.

    `head` is what was signed last, `signature` the epoch's signature of it, b"" before the first.
    """

    def __init__(
        self,
        origin: str,
        identity: SigningKey,
        key: SigningKey,
        tree: CompactRange,
        signature: Signature | None = None,
    ) -> None:
        self._identity, self._key, self._tree = identity, key, tree
        self._line = signature
        self.head = Checkpoint(origin, tree.size, tree.root())

    @property
    def identity(self) -> PublicKey:
        return PublicKey(self.head.origin, self._identity.public)

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
        signature = self._key.sign(self.head)
        self._line = signature_line(PublicKey(self.head.origin, self._key.public), signature)
        return signature

    def note(self) -> Note:
        """The head as it is published: signed by the identity, and by the key of its epoch.

        Raises ValueError when nothing was signed yet.
        """
        if self._line is None:
            raise ValueError("nothing is signed yet")
        identity = signature_line(self.identity, self._identity.sign(self.head))
        return Note(self.head, (identity, self._line))

    def hand_over(self, key: SigningKey) -> None:
        """From now on the epoch's key is this one."""
        self._key = key
