"""Tells whether a log is what was signed, to anybody, without any secret.

Everything is recomputed: each record's canonical form, hash, number and predecessor, the tree,
every signature, the hand-over of keys from the first one on, every private value, and every
checkpoint kept in the log or handed in. Nothing is believed because the database says so.

What it cannot know it says: without the first public key from elsewhere the whole log may have
been replaced, and records younger than the newest checkpoint kept elsewhere (an anchor) are
protected by the current key only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    decode_key,
    origin_of,
    parse_note,
)
from appliance.audit.database import EPOCH, ERRORS, GENESIS, missing_protection, reading
from appliance.core.events import AuditSealed, KeyRotated, name_of
from appliance.core.merkle import EMPTY_ROOT, CompactRange
from appliance.core.records import NO_PREVIOUS, Record, commitment, decode, leaf_hash

PROGRESS_ROWS = 10_000

_GENESIS_KIND = name_of(AuditSealed)
_ROTATION_KIND = name_of(KeyRotated)
# a damaged file can hold any type anywhere, whatever its schema says
_LEAVES = """
    SELECT seq, ifnull(CAST(rec AS BLOB), x''), h, CAST(root AS BLOB), CAST(sig AS BLOB)
    FROM leaf ORDER BY seq"""
_PAYLOADS = """
    SELECT CAST(name AS BLOB), ifnull(CAST(salt AS BLOB), x''), ifnull(CAST(value AS BLOB), x'')
    FROM payload WHERE seq=? AND name IS NOT NULL"""
_NOTES = """
    SELECT size, ifnull(CAST(note AS BLOB), x''), ifnull(CAST(reason AS BLOB), x'')
    FROM ckpt ORDER BY size"""

Reporter = Callable[[int, int], None]
"""Called now and then with the number of records checked and of all records."""


class Verdict(StrEnum):
    INTACT = "intact"
    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"  # nothing signed to judge by: never a good sign, never proof


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `reason` says why it is not intact, `seq` where (0: nowhere in particular).

    `size` and `root` are the last state that verified. `anchored` is the size of the largest
    checkpoint from elsewhere that agrees. `remarks` are oddities that prove nothing.
    """

    verdict: Verdict
    reason: str = ""
    seq: int = 0
    size: int = 0
    root: bytes = EMPTY_ROOT
    public_key: str = ""
    pinned: bool = False
    epochs: int = 0
    anchored: int = 0
    remarks: tuple[str, ...] = ()


class _Tampered(Exception):
    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


def verify(
    path: Path,
    *,
    public_key: PublicKey | None = None,
    anchors: Sequence[Note] = (),
    report: Reporter | None = None,
) -> Verification:
    """Verify the log in a database file, which may be in use.

    `public_key` is the log's first key and `anchors` are checkpoints of it, both kept elsewhere.
    Never raises for what is in the file: damage is a verdict too.
    """
    try:
        with reading(path) as connection:
            connection.text_factory = bytes  # damaged text must not stop us from saying where
            return _Examiner(connection, public_key, anchors, report).verification()
    except sqlite3.OperationalError as error:
        return Verification(Verdict.INCOMPLETE, f"{path} cannot be read as an audit log: {error}")
    except ERRORS as error:
        return Verification(Verdict.TAMPERED, f"the database file {path} is damaged: {error}")


@dataclass(frozen=True, slots=True)
class _Claim:
    """A note that says what the log was at some size, where it is from, and if stored, why."""

    note: Note
    source: str
    reason: str | None = None


class _Examiner:
    """One pass over the leaves, with what has been established so far."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        pinned: PublicKey | None,
        anchors: Sequence[Note],
        report: Reporter | None,
    ) -> None:
        self._connection = connection
        self._pinned = pinned
        self._anchors = anchors
        self._report = report
        self._tree = CompactRange()
        self._previous = NO_PREVIOUS
        self._genesis: PublicKey | None = None
        self._key: PublicKey | None = None
        self._epoch = 0
        self._signed = Checkpoint("", 0, EMPTY_ROOT)
        self._values = 0
        self._anchored = 0
        self._clock: tuple[str, int, int] = ("", 0, 0)
        self._remarks: list[str] = []

    def verification(self) -> Verification:
        try:
            self._examine()
        except _Tampered as found:
            return self._result(Verdict.TAMPERED, found.reason, found.seq)
        if not self._tree.size:
            return self._result(Verdict.INCOMPLETE, "the log has no record")
        if not self._signed.size:
            return self._result(Verdict.INCOMPLETE, "no record is signed")
        return self._result(Verdict.INTACT)

    def _result(self, verdict: Verdict, reason: str = "", seq: int = 0) -> Verification:
        return Verification(
            verdict,
            reason,
            seq,
            self._signed.size,
            self._signed.root,
            str(self._genesis or ""),
            self._pinned is not None,
            self._epoch,
            self._anchored,
            tuple(self._remarks),
        )

    def _examine(self) -> None:
        for statement in missing_protection(self._connection):
            self._remarks.append(f"the database lacks: {statement.partition('(')[0]}")
        claims = self._claims()
        (total,) = self._connection.execute("SELECT count(*) FROM leaf").fetchone()
        leaves = self._connection.execute(_LEAVES)
        for seq, encoded, stored, root, signature in leaves:
            self._leaf(seq, encoded, stored, root, signature, claims)
            if self._report is not None and seq % PROGRESS_ROWS == 0:
                self._report(seq, total)
        self._end(claims)

    # --- one leaf

    def _leaf(
        self,
        seq: int,
        encoded: bytes,
        stored: bytes,
        root: bytes | None,
        signature: bytes | None,
        claims: dict[int, list[_Claim]],
    ) -> None:
        expected = self._tree.size + 1
        if seq != expected:
            raise _Tampered(expected, f"record {expected} is missing, {seq} follows")
        record = self._record(seq, encoded)
        leaf = leaf_hash(encoded)
        if leaf != stored:
            raise _Tampered(seq, "the record does not match its hash")
        self._chained(record, seq)
        self._tree.append(leaf)
        self._previous = leaf
        self._check_values(record, seq)
        self._watch_clock(record)
        if seq == 1:
            self._begin(record)
        if root is not None or signature is not None:
            self._check_signature(seq, root or b"", signature or b"")
        here = claims.pop(seq, [])
        for claim in here:
            self._check_claim(claim)
        if record.kind == _ROTATION_KIND:
            self._hand_over(record, seq)
        self._check_kept(record, here)

    def _record(self, seq: int, encoded: bytes) -> Record:
        try:
            return decode(encoded)
        except ValueError as error:
            raise _Tampered(seq, f"the record cannot be read: {error}") from error

    def _chained(self, record: Record, seq: int) -> None:
        if record.seq != seq:
            raise _Tampered(seq, f"the record in this place is number {record.seq}")
        if record.previous != self._previous:
            raise _Tampered(seq, "the record does not follow the one before it")
        if self._genesis is not None and record.log != self._genesis.name:
            raise _Tampered(seq, f"the record belongs to the log {record.log}")

    def _begin(self, record: Record) -> None:
        public = self._named_key(record, "public_key", _GENESIS_KIND)
        self._genesis = self._key = PublicKey(origin_of(public), public)
        self._epoch = 1
        if record.log != self._genesis.name:
            raise _Tampered(1, "the name of the log is not derived from its first public key")
        if self._pinned is not None and self._pinned != self._genesis:
            raise _Tampered(1, f"the log begins with the key {self._genesis}, not {self._pinned}")

    def _hand_over(self, record: Record, seq: int) -> None:
        if self._signed.size != seq:
            raise _Tampered(seq, "the hand-over to another key is not signed by the old one")
        if record.data.get("epoch") != self._epoch + 1:
            raise _Tampered(seq, f"the key of epoch {self._epoch} hands over to no following epoch")
        public = self._named_key(record, "next_public_key", _ROTATION_KIND)
        self._key = PublicKey(record.log, public)
        self._epoch += 1

    def _check_kept(self, record: Record, claims: Sequence[_Claim]) -> None:
        """The writer finds its key by these checkpoints: a lost or false one would stop it."""
        found = {claim.reason for claim in claims} & {GENESIS, EPOCH}
        if self._signed.size == record.seq and found != _handed_over(record):
            raise _Tampered(record.seq, "the stored checkpoints do not tell when keys changed")

    def _named_key(self, record: Record, field: str, kind: str) -> bytes:
        if record.kind != kind:
            raise _Tampered(record.seq, f"the log begins with {record.kind}, not {kind}")
        try:
            return decode_key(str(record.data.get(field)))
        except ValueError as error:
            raise _Tampered(record.seq, f"the record names no public key: {error}") from error

    def _check_signature(self, seq: int, root: bytes, signature: bytes) -> None:
        first = self._signed.size + 1
        checkpoint = Checkpoint(self._signer.name, seq, self._tree.root())
        if checkpoint.root != root:
            raise _Tampered(first, f"records {first} to {seq} do not match the signed root")
        if not self._signer.signed(checkpoint, signature):
            raise _Tampered(
                first, f"the signature at record {seq} is not by the key of epoch {self._epoch}"
            )
        self._signed = checkpoint

    @property
    def _signer(self) -> PublicKey:
        assert self._key is not None, "the first record names a key or is refused"
        return self._key

    def _check_values(self, record: Record, seq: int) -> None:
        if not record.commitments:
            return
        rows = self._connection.execute(_PAYLOADS, (seq,))
        stored = {name.decode(errors="replace"): (salt, value) for name, salt, value in rows}
        for name, committed in record.commitments.items():
            if name not in stored:
                raise _Tampered(seq, f"the value of {name} was removed, and no record says so")
            if commitment(*stored[name]) != committed:
                raise _Tampered(seq, f"the value of {name} is not the one that was recorded")
        self._values += len(record.commitments)

    def _watch_clock(self, record: Record) -> None:
        boot, time, mono = self._clock
        if record.time < time:
            self._remarks.append(f"the clock was set back before record {record.seq}")
        if record.boot == boot and record.mono < mono:
            self._remarks.append(f"time that cannot be set ran backwards at record {record.seq}")
        self._clock = (record.boot, record.time, record.mono)

    # --- claims about the log

    def _claims(self) -> dict[int, list[_Claim]]:
        claims: dict[int, list[_Claim]] = {}
        anchors = (_Claim(note, "the anchor") for note in self._anchors)
        for claim in (*self._stored_notes(), *anchors):
            claims.setdefault(claim.note.checkpoint.size, []).append(claim)
        return claims

    def _stored_notes(self) -> Iterable[_Claim]:
        for size, text, reason in self._connection.execute(_NOTES):
            try:
                note = parse_note(text.decode())
            except ValueError as error:
                raise _Tampered(size, f"the stored checkpoint cannot be read: {error}") from error
            if note.checkpoint.size != size:
                raise _Tampered(size, f"the checkpoint stored here is {note.checkpoint.size}'s")
            yield _Claim(note, "the stored checkpoint", reason.decode(errors="replace"))

    def _check_claim(self, claim: _Claim) -> None:
        checkpoint = claim.note.checkpoint
        if checkpoint.origin != self._signer.name:
            raise _Tampered(1, f"{claim.source} is of the log {checkpoint.origin}, not of this one")
        if checkpoint.root != self._tree.root():
            raise _Tampered(
                self._anchored + 1,
                f"{claim.source} for {checkpoint.size} records tells of other records",
            )
        if not claim.note.signed_by(self._signer):
            raise _Tampered(
                checkpoint.size,
                f"{claim.source} for {checkpoint.size} records is not signed by its epoch's key",
            )
        if claim.reason is None:
            self._anchored = checkpoint.size

    # --- the end

    def _end(self, claims: dict[int, list[_Claim]]) -> None:
        size = self._tree.size
        if claims:
            largest = max(claims)
            source = claims[largest][0].source
            raise _Tampered(
                size + 1, f"{source} tells of {largest} records, {largest - size} are missing"
            )
        if self._signed.size and self._signed.size != size:
            raise _Tampered(self._signed.size + 1, "the last records are not signed")
        self._check_anchor_table(size)
        (values,) = self._connection.execute("SELECT count(*) FROM payload").fetchone()
        if values != self._values:
            raise _Tampered(0, "there are private values that no record commits to")

    def _check_anchor_table(self, size: int) -> None:
        (posted,) = self._connection.execute("SELECT max(size) FROM anchor").fetchone()
        if posted is not None and posted > size:
            raise _Tampered(size + 1, f"a checkpoint of {posted} records was posted")


def _handed_over(record: Record) -> set[str]:
    """The reason for which the checkpoint of this record must be stored, if any."""
    if record.seq == 1:
        return {GENESIS}
    return {EPOCH} if record.kind == _ROTATION_KIND else set()
