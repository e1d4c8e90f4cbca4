"""One pass over a log, from its first row to its last: see `verify`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from appliance.audit import claims
from appliance.audit.beginning import beginning, named_key, record_in
from appliance.audit.checkpoint import Note, PublicKey
from appliance.audit.content import Content
from appliance.audit.database import EPOCH, GENESIS, PRUNE, missing_protection
from appliance.audit.signatures import Signatures
from appliance.audit.structure import ROWS, Fault, Row, Structure
from appliance.audit.verdict import Depth, Reporter, Verdict, Verification
from appliance.core.events import KeyRotated, LogPruned, name_of
from appliance.core.merkle import EMPTY_ROOT

BATCH_ROWS = 500

_VALUES = """
    SELECT ifnull(CAST(seq AS INTEGER), 0), ifnull(CAST(name AS BLOB), x''),
        ifnull(CAST(salt AS BLOB), x''), ifnull(CAST(value AS BLOB), x'')
    FROM payload ORDER BY seq, name"""


class Examination:
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

    def _begin(self, row: Row) -> None:
        found = beginning(row, self._pinned, self._anchors)
        self._remarks += found.remarks
        self._signatures = Signatures(self._connection, found.genesis, found.identity)
        if self._depth is not Depth.QUICK:
            self._content = Content(
                found.genesis.name,
                self._connection.execute(_VALUES),
                self._epoch_ends.__contains__,
                self._stored_root,
            )
            self._content.consent.is_partial = bool(found.previous)

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
        record, epoch = record_in(row, "the next key"), self._signers.epoch
        if record.kind != name_of(KeyRotated):
            raise Fault(record.seq, "the stored checkpoints do not tell when keys changed")
        if record.data.get("epoch") != epoch + 1:
            raise Fault(record.seq, f"the key of epoch {epoch} hands over to no following epoch")
        self._signers.hand_over(record.seq, named_key(record, "next_public_key"))

    def _widen_bound(self, row: Row) -> None:
        if row[1] is None:  # pruned in its turn, and what it allowed with it
            return
        record = record_in(row, "what was pruned")
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
            self._anchored_at = record_in(row, "").time if row[1] is not None else 0

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


def _not_signed(anchor: Note) -> str:
    size = anchor.checkpoint.size
    return f"the anchor for {size} records is not signed by this log: it proves nothing"
