"""Tells whether a log is what was signed, to anybody, without any secret.

Everything is recomputed, nothing is believed because the database says so: each record's hash,
number and predecessor, the tree, the signatures, the hand-over of keys from the first one on,
each record's canonical form, every private value, and every checkpoint kept in the log or handed
in. How much of that is a matter of `Depth`.

What it cannot know it says: without the first public key from elsewhere the whole log may have
been replaced, and records younger than the newest checkpoint kept elsewhere (an anchor) are
protected by the current key only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.audit import claims
from appliance.audit.checkpoint import Checkpoint, Note, PublicKey, decode_key, origin_of
from appliance.audit.content import Content
from appliance.audit.database import EPOCH, ERRORS, GENESIS, PRUNE, missing_protection, reading
from appliance.audit.signatures import Signatures
from appliance.audit.structure import ROWS, Fault, Row, Structure
from appliance.core.events import (
    AuditForked,
    AuditSealed,
    FieldValue,
    KeyRotated,
    LogPruned,
    name_of,
)
from appliance.core.merkle import EMPTY_ROOT
from appliance.core.records import Record, decode

BATCH_ROWS = 500

_GENESIS_KINDS = (name_of(AuditSealed), name_of(AuditForked))
_VALUES = """
    SELECT ifnull(CAST(seq AS INTEGER), 0), ifnull(CAST(name AS BLOB), x''),
        ifnull(CAST(salt AS BLOB), x''), ifnull(CAST(value AS BLOB), x'')
    FROM payload ORDER BY seq, name"""

Reporter = Callable[[int, int], None]
"""Called now and then with the number of records checked and of all records."""


class Depth(StrEnum):
    """How much is checked. Roots and stored checkpoints always are."""

    QUICK = "quick"  # no look into records but those that name keys; signatures where keys change
    USUAL = "usual"  # every record and private value; signatures where keys change
    FULL = "full"  # every signature as well


class Verdict(StrEnum):
    INTACT = "intact"
    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"  # nothing signed to judge by: never a good sign, never proof


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `reason` says why it is not intact, `seq` where (0: nowhere in particular).

    `size` and `root` are the last state that verified, and `epoch_began` is the first record that
    the current key can have signed. `anchored` is the size of the largest checkpoint from
    elsewhere that agrees, and `anchored_at` the time of its last record (0: unknown). Of
    `signatures` stored with records `checked` were verified: each vouches for all records before
    it. `remarks` are oddities that prove nothing.
    """

    verdict: Verdict
    depth: Depth
    reason: str = ""
    seq: int = 0
    size: int = 0
    root: bytes = EMPTY_ROOT
    public_key: str = ""
    identity: str = ""
    pinned: bool = False
    epochs: int = 0
    epoch_began: int = 0
    anchored: int = 0
    anchored_at: int = 0
    signatures: int = 0
    checked: int = 0
    pruned: int = 0
    redacted: int = 0
    remarks: tuple[str, ...] = ()


def verify(
    path: Path,
    *,
    public_key: PublicKey | None = None,
    anchors: Sequence[Note] = (),
    depth: Depth = Depth.USUAL,
    report: Reporter | None = None,
) -> Verification:
    """Verify the log in a database file, which may be in use.

    `public_key` is the log's first key or its identity, `anchors` are checkpoints of it; both
    were kept elsewhere. Never raises for what is in the file: damage is a verdict too.
    """
    try:
        with reading(path) as connection:
            connection.text_factory = bytes  # damaged text must not stop us from saying where
            return _Examination(connection, public_key, anchors, depth, report).verification()
    except sqlite3.OperationalError as error:
        reason = f"{path} cannot be read as an audit log: {error}"
        return Verification(Verdict.INCOMPLETE, depth, reason)
    except ERRORS as error:
        reason = f"the database file {path} is damaged: {error}"
        return Verification(Verdict.TAMPERED, depth, reason)


class _Examination:
    """One pass over the rows, with what has been established so far.

    It stops wherever something but the tree tells of the log: where keys change, and at the size
    of each checkpoint. Between two stops rows are only compared with each other.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        pinned: PublicKey | None,
        anchors: Sequence[Note],
        depth: Depth,
        report: Reporter | None,
    ) -> None:
        self._connection = connection
        self._pinned = pinned
        self._anchors = anchors
        self._depth = depth
        self._report = report
        self._structure = Structure()
        self._signatures: Signatures | None = None
        self._content: Content | None = None
        self._stops: list[int] = []
        self._epoch_ends: frozenset[int] = frozenset()
        self._bound = 0  # up to here a record says that the log was pruned
        self._anchored = self._anchored_at = 0
        self._remarks: list[str] = []
        self._doubt = ""

    def verification(self) -> Verification:
        try:
            self._examine()
        except Fault as fault:
            first = self._first(fault)
            return self._result(Verdict.TAMPERED, first.reason, first.seq)
        if not self._structure.tree.size:
            return self._result(Verdict.INCOMPLETE, "the log has no record")
        if not self._structure.rooted:
            return self._result(Verdict.INCOMPLETE, "no record is signed")
        if self._doubt:
            return self._result(Verdict.INCOMPLETE, self._doubt)
        return self._result(Verdict.INTACT)

    def _first(self, fault: Fault) -> Fault:
        """The fault, or an earlier one that is not found where signatures are left out."""
        try:
            if self._signatures is not None:
                self._signatures.check_stored(self._structure.rooted)
        except Fault as earlier:
            return min(earlier, fault, key=lambda found: found.seq or 1)
        return fault

    def _result(self, verdict: Verdict, reason: str = "", seq: int = 0) -> Verification:
        signatures, structure, content = self._signatures, self._structure, self._content
        return Verification(
            verdict,
            self._depth,
            reason,
            seq,
            size=signatures.verified.size if signatures else 0,
            root=signatures.verified.root if signatures else EMPTY_ROOT,
            public_key=str(signatures.genesis) if signatures else "",
            identity=str(signatures.identity) if signatures else "",
            pinned=self._pinned is not None,
            epochs=signatures.epoch if signatures else 0,
            epoch_began=signatures.began if signatures else 0,
            anchored=self._anchored,
            anchored_at=self._anchored_at,
            signatures=structure.signatures,
            checked=signatures.checked if signatures else 0,
            pruned=structure.pruned,
            redacted=content.redacted if content else 0,
            remarks=(*self._remarks, *(content.remarks() if content else ())),
        )

    def _examine(self) -> None:
        for statement in missing_protection(self._connection):
            self._remarks.append(f"the database lacks: {statement.partition('(')[0]}")
        self._stops = sorted({1, *claims.sizes(self._connection, self._anchors)}, reverse=True)
        self._epoch_ends = frozenset(self._epochs())
        (total,) = self._connection.execute("SELECT count(*) FROM leaf").fetchone()
        cursor = self._connection.execute(f"{ROWS} ORDER BY seq")
        while rows := cursor.fetchmany(BATCH_ROWS):
            self._take(rows)
            if self._report is not None:
                self._report(self._structure.tree.size, total)
        self._end()

    def _epochs(self) -> Iterator[int]:
        rows = self._connection.execute("SELECT size FROM ckpt WHERE reason=?", (EPOCH,))
        return (size for (size,) in rows)

    def _take(self, rows: Sequence[Row]) -> None:
        while rows:
            stop = self._stops[-1] if self._stops else 0
            until = stop - self._structure.tree.size if stop else len(rows)
            part, rows = rows[:until], rows[until:]
            self._compare(part)
            if self._structure.tree.size == stop:
                self._stops.pop()
                self._stop(part[-1])

    def _compare(self, rows: Sequence[Row]) -> None:
        """What rows tell of each other. The first fault counts, whoever finds it."""
        fault: Fault | None = None
        begin = self._structure.tree.size
        try:
            self._structure.advance(rows)
        except Fault as found:
            fault = found
        sound = rows[: self._structure.sound - begin]
        if self._signatures is None and sound:
            self._begin(sound[0])
        if self._content is not None:
            self._content.read(sound)
        if self._depth is Depth.FULL:
            self._check_signatures(sound)
        if fault is not None:
            raise fault

    def _check_signatures(self, rows: Sequence[Row]) -> None:
        for seq, _, _, root, signature in rows:
            if root is not None and signature is not None and seq <= self._structure.rooted:
                self._signers.check(seq, root, signature)

    @property
    def _signers(self) -> Signatures:
        assert self._signatures is not None, "the first record names the keys, or is refused"
        return self._signatures

    # --- the first record

    def _begin(self, row: Row) -> None:
        record = _record(row, "the keys of the log")
        if record.kind not in _GENESIS_KINDS:
            raise Fault(1, f"the log begins with {record.kind}, not with {_GENESIS_KINDS[0]}")
        public = _named_key(record, "public_key")
        origin = origin_of(public)
        if record.log != origin:
            raise Fault(1, "the name of the log is not derived from its first public key")
        genesis = PublicKey(origin, public)
        identity = PublicKey(origin, _named_key(record, "identity_key"))
        if self._pinned is not None and self._pinned not in (genesis, identity):
            raise Fault(1, f"the log begins with the key {genesis}, not {self._pinned}")
        self._signatures = Signatures(self._connection, genesis, identity)
        previous = self._forked(record)
        for anchor in self._anchors:
            if anchor.checkpoint.origin not in (origin, previous):
                other = anchor.checkpoint.origin
                raise Fault(1, f"the anchor is of the log {other}, not of this one")
        if self._depth is not Depth.QUICK:
            self._content = Content(
                origin,
                self._connection.execute(_VALUES),
                self._epoch_ends.__contains__,
                self._stored_root,
            )
            self._content.consent.is_partial = bool(previous)

    def _forked(self, record: Record) -> str:
        """The log that this one took the place of, if any; what became of it is remarked."""
        if record.kind != name_of(AuditForked):
            return ""
        data = record.data
        previous, kept, lost = (data.get(n) for n in ("previous_origin", "kept_size", "lost_size"))
        self._remarks.append(
            f"this log took the place of {previous}, of which {kept} records were kept and "
            f"{lost} were known: {data.get('reason')}"
        )
        for anchor in self._anchors:
            if anchor.checkpoint.origin == previous:
                self._remarks.append(_of_previous(anchor.checkpoint, data))
        return str(previous)

    def _stored_root(self, size: int) -> bytes | None:
        query = "SELECT CAST(root AS BLOB) FROM leaf WHERE seq=?"
        row = self._connection.execute(query, (size,)).fetchone()
        return bytes(row[0]) if row and row[0] is not None else None

    # --- where something but the tree tells of the log

    def _stop(self, row: Row) -> None:
        seq, _, _, root, signature = row
        kept = claims.kept_at(self._connection, seq)
        if root is not None and signature is not None:
            self._signers.check(seq, root, signature)
            self._check_kept(seq, kept, signature)
        elif kept is not None:
            raise Fault(seq, "there is a checkpoint of this record, and the record is not signed")
        for source, note in claims.posted_at(self._connection, seq):
            self._check_posted(source, note)
        for anchor in self._of_this_log(seq):
            self._check_anchor(anchor, row)
        if kept is not None and kept.reason == EPOCH:
            self._hand_over(row)
        if kept is not None and kept.reason == PRUNE:
            self._widen_bound(row)

    def _check_kept(self, seq: int, kept: claims.Kept | None, signature: bytes) -> None:
        if kept is not None:
            claims.check_kept(kept, self._structure.tree, self._signers, signature)
        # the writer finds its key by these checkpoints: a lost or false one would stop it
        if (kept is not None and kept.reason == GENESIS) != (seq == 1):
            raise Fault(seq, "the stored checkpoints do not tell when keys changed")

    def _hand_over(self, row: Row) -> None:
        record, epoch = _record(row, "the next key"), self._signers.epoch
        if record.kind != name_of(KeyRotated):
            raise Fault(record.seq, "the stored checkpoints do not tell when keys changed")
        if record.data.get("epoch") != epoch + 1:
            raise Fault(record.seq, f"the key of epoch {epoch} hands over to no following epoch")
        self._signers.hand_over(record.seq, _named_key(record, "next_public_key"))

    def _widen_bound(self, row: Row) -> None:
        if row[1] is None:  # pruned in its turn, and what it allowed with it
            return
        record = _record(row, "what was pruned")
        before = record.data.get("before")
        if record.kind == name_of(LogPruned) and isinstance(before, int) and before < record.seq:
            self._bound = max(self._bound, before)
            self._remarks.append(
                f"{record.actor.id} pruned the log up to record {before}: "
                f"{record.data.get('reason')}"
            )

    def _check_posted(self, source: str, note: Note) -> None:
        claims.require_state(source, note, self._structure.tree, self._signers)
        if not self._signers.vouch(note):
            raise Fault(note.checkpoint.size, f"{source} is not signed by this log")

    def _of_this_log(self, size: int) -> list[Note]:
        origin = self._signers.genesis.name
        return [
            anchor
            for anchor in self._anchors
            if (anchor.checkpoint.size, anchor.checkpoint.origin) == (size, origin)
        ]

    def _check_anchor(self, anchor: Note, row: Row) -> None:
        size = anchor.checkpoint.size
        if not self._signers.vouch(anchor):
            self._doubt = _not_signed(anchor)
        elif anchor.checkpoint.root != self._structure.tree.root():
            first = self._anchored + 1
            raise Fault(first, f"the anchor for {size} records tells of other records")
        else:
            self._anchored = size
            self._anchored_at = _record(row, "").time if row[1] is not None else 0

    # --- the end

    def _end(self) -> None:
        size, rooted = self._structure.tree.size, self._structure.rooted
        for stop in self._stops:
            if stop > size:
                self._check_beyond(stop)
        if not size or not rooted:
            return
        if rooted != size:
            raise Fault(rooted + 1, "the last records are not signed")
        self._signers.check_stored(size)
        self._check_pruned()
        if self._content is not None:
            self._content.end(self._bound)
        self._remark_posted()

    def _check_beyond(self, stop: int) -> None:
        size = self._structure.tree.size
        told = f"tells of {stop} records, {stop - size} are missing"
        kept, posted = self._connection.execute(
            "SELECT (SELECT count(*) FROM ckpt WHERE size=?1),"
            "(SELECT count(*) FROM anchor WHERE size=?1)",
            (stop,),
        ).fetchone()
        if kept or posted:
            which = "stored checkpoint" if kept else "checkpoint that was posted"
            raise Fault(size + 1, f"the {which} {told}")
        if self._signatures is None:
            return
        for anchor in self._of_this_log(stop):
            if self._signatures.vouch(anchor):
                raise Fault(size + 1, f"the anchor {told}")
            self._doubt = _not_signed(anchor)

    def _check_pruned(self) -> None:
        (seq,) = self._connection.execute(
            "SELECT min(seq) FROM leaf WHERE rec IS NULL AND seq>?", (self._bound,)
        ).fetchone()
        if seq is not None:
            raise Fault(seq, "the record was removed, and no record says that the log was pruned")

    def _remark_posted(self) -> None:
        row = self._connection.execute(
            "SELECT CAST(size AS INTEGER), CAST(sink AS BLOB) FROM anchor "
            "WHERE size>? ORDER BY size DESC LIMIT 1",
            (self._anchored,),
        ).fetchone()
        if row is not None:
            sink = row[1].decode(errors="replace")
            self._remarks.append(
                f"a checkpoint of {row[0]} records was posted to {sink}: "
                f"compare it with this log (--anchor)"
            )


def _record(row: Row, what: str) -> Record:
    seq, encoded = row[0], row[1]
    if encoded is None:
        raise Fault(seq, f"the record that names {what} was removed")
    try:
        record = decode(encoded)
    except ValueError as error:
        raise Fault(seq, f"the record cannot be read: {error}") from error
    if record.seq != seq:
        raise Fault(seq, f"the record in this place is number {record.seq}")
    return record


def _named_key(record: Record, field: str) -> bytes:
    try:
        return decode_key(str(record.data.get(field)))
    except ValueError as error:
        raise Fault(record.seq, f"the record names no public key: {error}") from error


def _not_signed(anchor: Note) -> str:
    size = anchor.checkpoint.size
    return f"the anchor for {size} records is not signed by this log: it proves nothing"


def _of_previous(anchor: Checkpoint, fork: Mapping[str, FieldValue]) -> str:
    """What an anchor of the log that was left says of what its successor tells about it."""
    about = f"the anchor for {anchor.size} records is of the log before this one"
    kept = fork.get("kept_size")
    if isinstance(kept, int) and anchor.size > kept:
        return f"{about}: {anchor.size - kept} of its records were lost"
    if anchor.size == kept and anchor.root.hex() != fork.get("kept_root"):
        return f"{about}, and tells of other records than those that were kept"
    return f"{about}: verify that one with it"
