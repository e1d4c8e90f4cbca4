"""What the writer must know before it goes on: the head of the stored log, and its keys.

It starts from the newest checkpoint that the log keeps: its peaks must have the signed root, and
from there on everything is recomputed from the stored leaves and compared with what was signed
last. So a start takes as long for a million records as for ten; `verify` looks at all of them.
Whatever does not agree stops the start: a log that has been tampered with is evidence, not a
place to write to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.audit import keys
from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    decode_key,
    origin_of,
    parse_note,
)
from appliance.audit.database import EPOCH, GENESIS
from appliance.audit.signer import Signer
from appliance.core.merkle import CompactRange
from appliance.core.records import Record, decode, leaf_hash
from appliance.errors import AuditBroken

# a receipt begins with the checkpoint as it was posted, or is only what was answered; what two
# keys have signed of a note ends at its empty line
_OTHER_ANCHOR = """
    SELECT size FROM anchor JOIN ckpt USING(size) WHERE instr(receipt, ? || char(10)) = 1
    AND instr(receipt, substr(note, 1, instr(note, char(10) || char(10)) + 1)) != 1 LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log stands: `previous` is the hash of its last record."""

    genesis: PublicKey
    signer: Signer
    previous: bytes
    epoch: int


def recover(
    connection: sqlite3.Connection,
    directory: Path,
    anchors: Sequence[Note] = (),
    *,
    must_exist: bool,
) -> Head | None:
    """The head of the log, None when it has no record yet.

    `anchors` are checkpoints from elsewhere: those that the log's identity has signed are
    believed, and others are no reason to stop, because anybody can make them.

    Raises AuditBroken when the log has lost records, its last row is unsigned, a hash, root or
    signature disagrees, or a key is missing; sqlite3.Error and OSError when it cannot be read.
    """
    try:
        return _Recovery(connection, directory).head(anchors, must_exist)
    except (ValueError, TypeError) as error:  # a damaged file can hold any type anywhere
        raise AuditBroken(
            f"the audit log in {directory} is damaged: {error}",
            hint="keep a copy as evidence and run: dispatchctl audit verify; "
            "only dispatchctl audit fork can go on from here",
        ) from error


class _Recovery:
    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        self._connection = connection
        self._directory = directory

    def head(self, anchors: Sequence[Note], must_exist: bool) -> Head | None:
        size = self._number("SELECT ifnull(max(seq), 0) FROM leaf")
        kept = self._row("SELECT size, note, peaks FROM ckpt ORDER BY size DESC LIMIT 1")
        if not size and kept is None:
            if must_exist:
                raise ValueError("its public key is there, but it has no record")
            return None
        if kept is None:
            raise ValueError("it keeps no checkpoint")
        genesis, identity = self._first_keys()
        tree = self._tree_at(kept, size, identity)
        previous = self._grow(tree, size)
        self._check_last(tree, previous, genesis.name)
        self._check_anchors(size, identity, anchors)
        epoch, public = self._named_key(size)
        signer = Signer(
            genesis.name,
            self._key("its identity", keys.load_identity, identity.raw),
            self._key(f"epoch {epoch}", lambda place: keys.load(place, epoch), public),
            tree,
        )
        return Head(genesis, signer, previous, epoch)

    def _first_keys(self) -> tuple[PublicKey, PublicKey]:
        record = self._record(1)
        public = decode_key(str(record.data.get("public_key")))
        identity = decode_key(str(record.data.get("identity_key")))
        origin = origin_of(public)
        if record.log != origin:
            raise ValueError("its name is not derived from its first public key")
        return PublicKey(origin, public), PublicKey(origin, identity)

    # --- the tree

    def _tree_at(self, kept: tuple[Any, ...], last: int, identity: PublicKey) -> CompactRange:
        """The tree at the newest checkpoint, which two keys must have signed."""
        size, text, peaks = kept
        if size > last:
            raise ValueError(f"it has {last} records, but a checkpoint tells of {size}")
        note, tree = parse_note(text), CompactRange.at(size, peaks)
        if note.checkpoint != Checkpoint(identity.name, size, tree.root()):
            raise ValueError(f"the peaks kept for {size} records do not match their checkpoint")
        for signer in (identity, self._signer_of(identity.name, size)):
            if not note.signed_by(signer):
                raise ValueError(f"the checkpoint of {size} records is not signed by this log")
        return tree

    def _grow(self, tree: CompactRange, last: int) -> bytes:
        """Add the leaves after the checkpoint; the hash of the last leaf of all."""
        leaf = b""
        start = tree.size
        rows = self._connection.execute(
            "SELECT seq, h FROM leaf WHERE seq >= ? ORDER BY seq", (start,)
        )
        for expected, (seq, leaf) in enumerate(rows, start):
            if seq != expected:
                raise ValueError(f"record {expected} is missing")
            if seq > start:
                tree.append(leaf)
        if tree.size != last:
            raise ValueError(f"record {tree.size + 1} is missing")
        return leaf

    def _check_last(self, tree: CompactRange, last: bytes, origin: str) -> None:
        size = tree.size
        if leaf_hash(self._bytes(size)) != last or self._record(size).log != origin:
            raise ValueError(f"record {size}, the last one, does not match its hash")
        root, signature = self._row("SELECT root, sig FROM leaf WHERE seq=?", size) or (None, b"")
        if root is None:
            raise ValueError(f"record {size}, the last one, is not signed")
        if root != tree.root():
            raise ValueError(f"the records up to {size} do not match the signed root")
        if not self._signer_of(origin, size).signed(Checkpoint(origin, size, root), signature):
            raise ValueError(f"the signature at record {size} is wrong")

    # --- anchors

    def _check_anchors(self, size: int, identity: PublicKey, elsewhere: Sequence[Note]) -> None:
        posted = self._number("SELECT ifnull(max(size), 0) FROM anchor")
        if posted > size:
            raise ValueError(f"it has {size} records, but a checkpoint of {posted} was posted")
        other = self._row(_OTHER_ANCHOR, identity.name)
        if other is not None:
            raise ValueError(f"the checkpoint posted for {other[0]} records tells of other records")
        for note in elsewhere:
            if note.checkpoint.origin == identity.name and note.signed_by(identity):
                self._check_anchor(note.checkpoint, size)

    def _check_anchor(self, anchor: Checkpoint, size: int) -> None:
        if anchor.size > size:
            raise ValueError(
                f"it has {size} records, but it has signed a checkpoint of {anchor.size} that is "
                f"kept elsewhere: it was rolled back"
            )
        row = self._row("SELECT note FROM ckpt WHERE size=?", anchor.size)
        if row is not None and parse_note(row[0]).checkpoint != anchor:
            raise ValueError(
                f"the checkpoint kept elsewhere for {anchor.size} records tells of other records"
            )

    # --- keys

    def _key(
        self, what: str, load: Callable[[Path], keys.SigningKey], public: bytes
    ) -> keys.SigningKey:
        try:
            key = load(self._directory)
        except OSError as error:
            raise ValueError(f"the signing key of {what} cannot be read: {error}") from error
        if key.public != public:
            raise ValueError(f"the signing key of {what} is not the one that the log names")
        return key

    def _signer_of(self, origin: str, size: int) -> PublicKey:
        """The key that signs a tree of this size: a hand-over is signed by the old key."""
        _, public = self._named_key(size - 1)
        return PublicKey(origin, public)

    def _named_key(self, size: int) -> tuple[int, bytes]:
        """Epoch and public key in force after the first `size` records; at least the genesis's."""
        row = self._row(
            "SELECT size FROM ckpt WHERE reason IN (?, ?) AND size <= max(?, 1) "
            "ORDER BY size DESC LIMIT 1",
            GENESIS,
            EPOCH,
            size,
        )
        if row is None:
            raise ValueError("no checkpoint names a signing key")
        data = self._record(row[0]).data
        epoch = data.get("epoch", 1)
        public = data.get("next_public_key", data.get("public_key"))
        if not isinstance(epoch, int):
            raise ValueError(f"record {row[0]} names no epoch")
        return epoch, decode_key(str(public))

    # --- rows

    def _record(self, seq: int) -> Record:
        return decode(self._bytes(seq))

    def _bytes(self, seq: int) -> bytes:
        row = self._row("SELECT rec FROM leaf WHERE seq=?", seq)
        if row is None or row[0] is None:
            raise ValueError(f"record {seq} is missing")
        return bytes(row[0])

    def _number(self, statement: str) -> int:
        (number,) = self._connection.execute(statement).fetchone()
        return int(number)

    def _row(self, statement: str, *parameters: int | str) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(statement, parameters).fetchone()
        return row
