"""The one writer of the log: chains, signs and commits records, recovers, rotates its key.

Synchronous and for one thread. It owns the lock, the writing connection and the keys.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.audit import disk, keys, takeover
from appliance.audit.checkpoint import Checkpoint, Note, PublicKey, encode_key, origin_of
from appliance.audit.database import (
    ANCHOR,
    DATABASE,
    EPOCH,
    ERRORS,
    GENESIS,
    PRUNE,
    PUBLIC_KEY,
    Transaction,
    delete_contents,
    delete_value,
    empty_wal,
    open_for_writing,
)
from appliance.audit.growth import consistency
from appliance.audit.lock import LOCK, WriterLock
from appliance.audit.recovery import Head, recover
from appliance.audit.signer import Signer
from appliance.core.events import (
    AuditSealed,
    AuditTicked,
    Event,
    KeyRotated,
    LogPruned,
    RecordRedacted,
    Who,
)
from appliance.core.excerpts import Excerpt
from appliance.core.merkle import CompactRange
from appliance.core.records import NO_PREVIOUS, SALT_BYTES, Draft, chain, decode, draft
from appliance.errors import AuditBroken, AuditUnavailable
from appliance.ports import Clock, Receipt

EPOCH_SECONDS = 15 * 60
TICK_SECONDS = 60 * 60

Change = Callable[[sqlite3.Connection], None]
"""What a record says was done to older ones: done in the same transaction."""

Genesis = Callable[[str, str, str], Event]
"""Makes the first event of a log of its name, first public key and identity."""

_log = logging.getLogger(__name__)


def prepare(event: Event) -> Draft:
    """Make an event ready to be recorded: secrets out, long texts cut, private fields salted.

    Raises AuditUnavailable when it holds something that a record cannot.
    """
    try:
        return draft(event, _salt)
    except ValueError as error:
        raise AuditUnavailable(f"the event {event.name} cannot be recorded: {error}") from error


def sealed(origin: str, public_key: str, identity_key: str) -> AuditSealed:
    """How a log begins that follows no other."""
    return AuditSealed(
        origin=origin, reason=GENESIS, public_key=public_key, identity_key=identity_key
    )


class Writer:
    """The log in `directory`, made there if it is new, and ready for `commit`.

    `boot` names this start of the machine, `anchors` are checkpoints that were kept elsewhere,
    `genesis` makes the first event of a new log, `factory` the connection to SQLite.

    `refusal` says why nothing is recorded any more, "" while all is well; `clock` is the one given.

    Raises AuditUnavailable when the log cannot be written safely here, AuditBroken when what is
    stored is not what was signed, or less than an anchor knows of: then nothing is changed.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        boot: str,
        *,
        anchors: Sequence[Note] = (),
        genesis: Genesis = sealed,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self.refusal = ""
        self._attempt = _Attempt(self, directory)
        self._directory = directory
        self.clock = clock
        self._boot = boot
        disk.require_local(directory)
        with self._unavailable("open"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = WriterLock(directory / LOCK)
        try:
            self._open(anchors, genesis, factory)
        except BaseException:
            self._lock.release()
            raise

    @property
    def public_key(self) -> str:
        """The first key of the log, as people keep it to recognise the log."""
        return str(self._genesis)

    def prove_growth(self, old: int, new: int) -> Sequence[bytes]:
        """The hashes which prove that the log of `old` records became that of `new` (RFC 6962).

        Raises AuditUnavailable when it cannot be read, or has not so many records. May be called
        in a thread of its own.
        """
        with self._unavailable("read"):
            try:
                return consistency(self._directory / DATABASE, old, new)
            except ValueError as error:
                raise AuditUnavailable(f"the audit log cannot prove its growth: {error}") from error

    def newest(self, who: str, job: int, since: int, before: int) -> Excerpt:
        """See `appliance.ports.LogReader.newest`.

        Raises AuditUnavailable when they cannot be read, or are something else.
        """
        from appliance.audit import recent  # it knows how to search, as above

        head = self.head()
        with self._unavailable("read"):
            try:
                wanted = recent.wanted(who, job, since)
                return recent.newest(self._directory / DATABASE, head, wanted, before)
            except ValueError as error:
                raise AuditUnavailable(
                    f"the audit log does not prove what it says: {error}",
                    hint="run: dispatchctl audit verify",
                ) from error

    def stored(self, after: int, last: int) -> tuple[int, tuple[bytes, ...]]:
        """See `wire.ReadRows`. Raises AuditUnavailable when they cannot be read."""
        from appliance.audit import copies  # for backups only, as above

        with self._unavailable("read"):
            return copies.stored(self._directory / DATABASE, after, last)

    def commit(self, groups: Sequence[Sequence[Draft]]) -> list[Receipt]:
        """Make all groups durable in one transaction; one receipt for each.

        Raises AuditUnavailable: nothing was acknowledged, and nothing ever will be by this
        writer. What failed may still be in the log when it is opened again.
        """
        drafts = [draft for group in groups for draft in group]
        with self._attempt:
            head = self._append(drafts)
        self._is_active = True
        seq = head.size - len(drafts)
        receipts = []
        for group in groups:
            seq += len(group)
            receipts.append(Receipt(seq, head.root))
        return receipts

    def head(self) -> Note:
        """The checkpoint of the log as it is, signed, and kept with the log before it leaves.

        Raises AuditUnavailable as `commit` does.
        """
        with self._attempt:
            note = self._signer.note()
            if self._kept != note.checkpoint.size:
                with Transaction(self._connection):
                    self._keep(note, ANCHOR)
        return note

    def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        """Keep what a sink answered when it was given the checkpoint of `size` records.

        Raises AuditUnavailable as `commit` does, and when the receipt is not for a checkpoint
        that this log has signed and kept.
        """
        with self._unavailable("read"):
            row = self._connection.execute("SELECT note FROM ckpt WHERE size=?", (size,)).fetchone()
        if row is None or not _fits(receipt, str(row[0]), self._genesis.name):
            raise AuditUnavailable(
                f"this log keeps no checkpoint of {size} records that this is a receipt for",
                hint="run: dispatchctl audit verify --anchor FILE",
            )
        with self._attempt, Transaction(self._connection):
            self._connection.execute(
                "INSERT INTO anchor(size, sink, receipt) SELECT ?1, ?2, ?3 WHERE NOT EXISTS "
                "(SELECT 1 FROM anchor WHERE size=?1 AND sink=?2 AND receipt=?3)",
                (size, sink, receipt),
            )

    def redact(self, seq: int, field: str, reason: str, who: Who) -> None:
        """Destroy a private value; a record says that it is gone, and why.

        Raises AuditUnavailable as `commit` does, and when there is no such value.
        """
        with self._unavailable("read"):
            row = self._connection.execute(
                "SELECT 1 FROM payload WHERE seq=? AND name=?", (seq, field)
            ).fetchone()
        if row is None:
            raise AuditUnavailable(
                f"record {seq} has no private value {field!r} that could be redacted",
                hint=f"run: dispatchctl audit show {seq}",
            )
        event = RecordRedacted(who=who, seq=seq, field=field, reason=reason)
        self._destroy(event, lambda connection: delete_value(connection, seq, field))

    def prune(self, before: int, reason: str, who: Who) -> None:
        """Destroy the contents of all records before this one; their hashes stay.

        Records that name keys stay whole. Raises AuditUnavailable as `commit` does, and when
        there is no such record.
        """
        last = before - 1
        if not 0 < last <= self._signer.head.size:
            raise AuditUnavailable(
                f"there is nothing to prune before record {before}",
                hint=f"the log has {self._signer.head.size} records",
            )
        event, first = LogPruned(who=who, before=last, reason=reason), self._pruned() + 1
        self._destroy(event, lambda found: delete_contents(found, first, last), reason=PRUNE)

    def _pruned(self) -> int:
        """The last record that was pruned, 0 when none was or the record of it is damaged."""
        told = self._connection.execute(
            "SELECT rec FROM leaf WHERE seq=(SELECT max(size) FROM ckpt WHERE reason=?)", (PRUNE,)
        ).fetchone()
        try:
            before = decode(told[0]).data.get("before") if told else 0
        except (ValueError, TypeError):
            return 0
        return before if isinstance(before, int) else 0

    def tick_when_due(self) -> None:
        """Say that nothing happened for an hour, end an epoch that is old enough.

        To be called every minute or so. Raises AuditUnavailable as `commit` does.
        """
        if self.clock.monotonic() - self._written >= TICK_SECONDS:
            with self._attempt:
                self._append([prepare(AuditTicked())])
        self.rotate_when_due()

    def rotate_when_due(self) -> None:
        """End the epoch if it is old enough, and something happened in it."""
        age = self.clock.monotonic() - self._epoch_began
        if self._is_active and age >= EPOCH_SECONDS:
            self.rotate()

    def rotate(self) -> None:
        """End the epoch: a new key is named by a record that the old key signs as its last.

        A crash leaves either the old key with a successor nobody has heard of, or the new key
        with a predecessor that is destroyed at the next start.
        """
        with self._attempt:
            epoch = self._epoch + 1
            successor = keys.create(self._directory, epoch)
            event = KeyRotated(epoch=epoch, next_public_key=encode_key(successor.public))
            self._append([prepare(event)], reason=EPOCH)
            self._signer.hand_over(successor)
            self._begin_epoch(epoch)
            self._scrub()

    def close(self) -> None:
        """End the epoch, so that a log at rest has no key that could have written it."""
        try:
            if not self.refusal:
                self.rotate()
        finally:
            try:
                self._connection.close()
            finally:
                self._lock.release()

    # --- opening

    def _open(
        self, anchors: Sequence[Note], genesis: Genesis, factory: type[sqlite3.Connection]
    ) -> None:
        with self._unavailable("open"):
            takeover.complete(self._directory)
            disk.keep_ballast(self._directory)
            published = (self._directory / PUBLIC_KEY).exists()
            if published and not (self._directory / DATABASE).exists():
                raise AuditBroken(
                    f"the audit log in {self._directory} is gone, though its public key is there",
                    hint="restore it, or run: dispatchctl audit fork --accept-loss",
                )
            self._connection = open_for_writing(self._directory / DATABASE, factory)
            try:
                head = recover(self._connection, self._directory, anchors, must_exist=published)
                self._start(head, genesis)
            except BaseException:
                self._connection.close()
                raise

    def _start(self, head: Head | None, genesis: Genesis) -> None:
        self._is_scrubbed = True
        if head is None:
            self._begin_log(genesis)
        else:
            self._resume(head)
        content = f"{self._genesis}\n".encode()
        keys.write_durably(self._directory / PUBLIC_KEY, content, mode=0o644)

    def _begin_log(self, genesis: Genesis) -> None:
        identity = keys.create_identity(self._directory)
        key = keys.create(self._directory, 1)
        origin = origin_of(key.public)
        self._genesis = PublicKey(origin, key.public)
        self._signer = Signer(origin, identity, key, CompactRange())
        self._previous = NO_PREVIOUS
        event = genesis(origin, encode_key(key.public), encode_key(identity.public))
        with self._attempt:
            self._begin_epoch(1)
            self._append([prepare(event)], reason=GENESIS)

    def _resume(self, head: Head) -> None:
        self._genesis, self._signer, self._previous = head.genesis, head.signer, head.previous
        with self._attempt:
            self._begin_epoch(head.epoch)
        self.rotate()

    def _begin_epoch(self, epoch: int) -> None:
        keys.destroy_others(self._directory, epoch)
        self._epoch = epoch
        self._epoch_began = self.clock.monotonic()
        self._is_active = False

    # --- writing

    def _append(
        self, drafts: Sequence[Draft], *, reason: str = "", change: Change | None = None
    ) -> Checkpoint:
        """Chain, sign and commit; with a reason, the checkpoint is kept as a note as well."""
        self._written = self.clock.monotonic()
        signer = self._signer
        rows = chain(
            drafts,
            log=self._genesis.name,
            boot=self._boot,
            time=self.clock.now(),
            mono=int(self._written * 1000),
            seq=signer.head.size + 1,
            previous=self._previous,
        )
        signature = signer.extend([leaf for _, _, leaf in rows])
        *covered, last = rows
        values = [
            (seq, value.name, value.salt, value.text)
            for (seq, _, _), draft in zip(rows, drafts, strict=True)
            for value in draft.values
        ]
        connection = self._connection
        with Transaction(connection):
            if covered:
                connection.executemany("INSERT INTO leaf(seq, rec, h) VALUES (?, ?, ?)", covered)
            connection.execute(
                "INSERT INTO leaf(seq, rec, h, root, sig) VALUES (?, ?, ?, ?, ?)",
                (*last, signer.head.root, signature),
            )
            if values:
                connection.executemany(
                    "INSERT INTO payload(seq, name, salt, value) VALUES (?, ?, ?, ?)", values
                )
            if reason:
                self._keep(signer.note(), reason)
            if change is not None:
                change(connection)
        _, _, self._previous = last
        return signer.head

    def _keep(self, note: Note, reason: str) -> None:
        self._connection.execute(
            "INSERT INTO ckpt(size, note, reason, peaks) VALUES (?, ?, ?, ?)",
            (note.checkpoint.size, str(note), reason, self._signer.peaks()),
        )
        self._kept = note.checkpoint.size

    def _destroy(self, event: Event, change: Change, *, reason: str = "") -> None:
        """Record that something is destroyed and destroy it, wherever it may have been copied."""
        from appliance.audit import index  # it knows how to search, and the writer is to stay small

        draft = prepare(event)
        with self._attempt:
            index.forget(self._directory)  # should we die before the second time
            self._append([draft], reason=reason, change=change)
            self._is_active, self._is_scrubbed = True, False
            self._scrub()
            index.forget(self._directory)

    def _scrub(self) -> None:
        """Take what was destroyed out of the WAL as well; a reader may put it off for a while."""
        if not self._is_scrubbed:
            self._is_scrubbed = empty_wal(self._connection)

    # --- failing

    @contextmanager
    def _unavailable(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (*ERRORS, OSError) as error:
            raise AuditUnavailable(
                f"cannot {verb} the audit log in {self._directory}: {error}",
                hint="free space or repair the disk, then start again",
            ) from error


class _Attempt:
    """What fails inside, or is cut off, ends the writer: its state is no longer the disk's.

    A class and no generator: it is on the way of every append.
    """

    __slots__ = ("_directory", "_writer")

    def __init__(self, writer: Writer, directory: Path) -> None:
        self._writer = writer
        self._directory = directory

    def __enter__(self) -> None:
        if self._writer.refusal:
            raise AuditUnavailable(self._writer.refusal, hint=_HINT)
        self._writer.refusal = "the audit log has stopped: a record was not completed"

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            self._writer.refusal = ""
        elif isinstance(error, sqlite3.Error | OSError):
            refusal = f"the audit log in {self._directory} cannot be written: {error}"
            self._writer.refusal = refusal
            _log.critical("%s; no further record is accepted", refusal)
            disk.drop_ballast(self._directory)
            raise AuditUnavailable(refusal, hint=_HINT) from error


_HINT = "free space or repair the disk, then restart what writes the audit log"


def _fits(receipt: str, note: str, origin: str) -> bool:
    """Whether a receipt that begins with a checkpoint begins with that of the note."""
    body, end, _ = note.partition("\n\n")
    return not receipt.startswith(origin) or receipt.startswith(body + end)


def _salt() -> bytes:
    return os.urandom(SALT_BYTES)
