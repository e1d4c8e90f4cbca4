"""What the writer must know before it goes on: the head of the stored log, and its key.

Everything is recomputed from the stored leaves and compared with what was signed last. Whatever
does not agree stops the start: a log that has been tampered with is evidence, not a place to
write to.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from appliance.audit import keys
from appliance.audit.checkpoint import Checkpoint, PublicKey, decode_key, origin_of
from appliance.audit.database import EPOCH, GENESIS
from appliance.core.merkle import CompactRange
from appliance.core.records import Record, decode, leaf_hash
from appliance.errors import AuditBroken


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log stands. `previous` is the hash of its last record."""

    genesis: PublicKey
    tree: CompactRange
    previous: bytes
    epoch: int
    key: keys.SigningKey
    identity: keys.SigningKey


def recover(connection: sqlite3.Connection, directory: Path, *, must_exist: bool) -> Head | None:
    """The head of the log, None when it has no record yet.

    Raises AuditBroken when the log has lost records, its last row is unsigned, a hash, root or
    signature disagrees, or the key of the current epoch is missing; sqlite3.Error and OSError
    when it cannot be read.
    """
    try:
        return _Recovery(connection, directory).head(must_exist)
    except ValueError as error:
        raise AuditBroken(
            f"the audit log in {directory} is damaged: {error}",
            hint="keep a copy as evidence and run: dispatchctl audit verify",
        ) from error


class _Recovery:
    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory

    def head(self, must_exist: bool) -> Head | None:
        tree, last = self._tree()
        if not tree.size:
            if must_exist:
                raise ValueError("its public key is there, but it has no record")
            return None
        genesis = self._genesis()
        self._check_last(tree, last, genesis.name)
        self._check_roll_back(tree.size)
        epoch, key = self._key(genesis.name, tree.size)
        return Head(genesis, tree, last, epoch, key, self._identity())

    def _tree(self) -> tuple[CompactRange, bytes]:
        tree, leaf = CompactRange(), b""
        for (leaf,) in self._connection.execute("SELECT h FROM leaf ORDER BY seq"):
            tree.append(leaf)
        return tree, leaf

    def _genesis(self) -> PublicKey:
        public = decode_key(str(self._record(1).data.get("public_key")))
        return PublicKey(origin_of(public), public)

    def _check_last(self, tree: CompactRange, last: bytes, origin: str) -> None:
        record = self._record(tree.size)
        if leaf_hash(self._bytes(tree.size)) != last or record.log != origin:
            raise ValueError(f"record {tree.size}, the last one, does not match its hash")
        root, signature = self._connection.execute(
            "SELECT root, sig FROM leaf WHERE seq=?", (tree.size,)
        ).fetchone()
        if root is None:
            raise ValueError(f"record {tree.size}, the last one, is not signed")
        if root != tree.root():
            raise ValueError(f"the records up to {tree.size} do not match the signed root")
        signer = PublicKey(origin, self._named_key(tree.size - 1)[1])
        if not signer.signed(Checkpoint(origin, tree.size, root), signature):
            raise ValueError(f"the signature at record {tree.size} is wrong")

    def _check_roll_back(self, size: int) -> None:
        (known,) = self._connection.execute(
            "SELECT max(size) FROM (SELECT size FROM ckpt UNION ALL SELECT size FROM anchor)"
        ).fetchone()
        if known is not None and known > size:
            raise ValueError(f"it has {size} records, but a checkpoint tells of {known}")

    def _key(self, origin: str, size: int) -> tuple[int, keys.SigningKey]:
        epoch, public = self._named_key(size)
        try:
            key = keys.load(self._directory, epoch)
        except OSError as error:
            raise ValueError(f"the signing key of epoch {epoch} cannot be read: {error}") from error
        if key.public != public:
            raise ValueError(f"the signing key of epoch {epoch} is not the one that {origin} names")
        return epoch, key

    def _identity(self) -> keys.SigningKey:
        try:
            key = keys.load_identity(self._directory)
        except OSError as error:
            raise ValueError(f"the key of its identity cannot be read: {error}") from error
        if key.public != decode_key(str(self._record(1).data.get("identity_key"))):
            raise ValueError("the key of its identity is not the one that record 1 names")
        return key

    def _named_key(self, size: int) -> tuple[int, bytes]:
        """Epoch and public key in force after the first `size` records; at least the genesis's."""
        (seq,) = self._connection.execute(
            "SELECT max(size) FROM ckpt WHERE reason IN (?, ?) AND size <= max(?, 1)",
            (GENESIS, EPOCH, size),
        ).fetchone()
        if seq is None:
            raise ValueError("no checkpoint names a signing key")
        data = self._record(seq).data
        epoch = data.get("epoch", 1)
        public = data.get("next_public_key", data.get("public_key"))
        if not isinstance(epoch, int):
            raise ValueError(f"record {seq} names no epoch")
        return epoch, decode_key(str(public))

    def _record(self, seq: int) -> Record:
        return decode(self._bytes(seq))

    def _bytes(self, seq: int) -> bytes:
        row = self._connection.execute("SELECT rec FROM leaf WHERE seq=?", (seq,)).fetchone()
        if row is None:
            raise ValueError(f"record {seq} is missing")
        return bytes(row[0])
