"""The one writer of the log: chains, signs and commits records, recovers, rotates its key.

Synchronous and for one thread. It owns the lock, the writing connection and the epoch's key.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.audit import disk, keys
from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    encode_key,
    origin_of,
    signature_line,
)
from appliance.audit.database import DATABASE, EPOCH, ERRORS, GENESIS, open_for_writing, transaction
from appliance.audit.lock import WriterLock
from appliance.audit.recovery import Head, recover
from appliance.core.events import AuditSealed, Event, KeyRotated
from appliance.core.merkle import CompactRange
from appliance.core.model import Millis
from appliance.core.records import (
    NO_PREVIOUS,
    SALT_BYTES,
    Draft,
    Record,
    draft,
    encode_within_limit,
    leaf_hash,
)
from appliance.errors import AuditBroken, AuditUnavailable
from appliance.ports import Clock, Receipt

PUBLIC_KEY = "audit.pub"
EPOCH_SECONDS = 15 * 60

_log = logging.getLogger(__name__)


def prepare(event: Event) -> Draft:
    """Make an event ready to be recorded: secrets out, long texts cut, private fields salted.

    Raises AuditUnavailable when it holds something that a record cannot.
    """
    try:
        return draft(event, _salt)
    except ValueError as error:
        raise AuditUnavailable(f"the event {event.name} cannot be recorded: {error}") from error


class Writer:
    """The log in `directory`, made there if it is new, and ready for `commit`.

    `boot` names this start of the machine. `factory` makes the connection to SQLite.

    Raises AuditUnavailable when the log cannot be written safely here, AuditBroken when what is
    stored is not what was signed: then nothing is changed.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        boot: str,
        *,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._boot = boot
        self._refusal = ""
        disk.require_local(directory)
        with self._unavailable("open"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = WriterLock(directory / "audit.lock")
        try:
            self._open(factory)
        except BaseException:
            self._lock.release()
            raise

    def commit(self, groups: Sequence[Sequence[Draft]]) -> list[Receipt]:
        """Make all groups durable in one transaction; one receipt for each.

        Raises AuditUnavailable: nothing was acknowledged, and nothing ever will be by this
        writer. What failed may still be in the log when it is opened again.
        """
        with self._attempt():
            head = self._append([draft for group in groups for draft in group])
        seq = head.size - sum(map(len, groups))
        receipts = []
        for group in groups:
            seq += len(group)
            receipts.append(Receipt(seq, head.root))
        return receipts

    def rotate_when_due(self) -> None:
        """End the epoch if it is old enough. To be called when nobody waits."""
        if self._clock.monotonic() - self._epoch_began >= EPOCH_SECONDS:
            self.rotate()

    def rotate(self) -> None:
        """End the epoch: a new key is named by a record that the old key signs as its last.

        A crash leaves either the old key with a successor nobody has heard of, or the new key
        with a predecessor that is destroyed at the next start.
        """
        with self._attempt():
            epoch = self._epoch + 1
            successor = keys.create(self._directory, epoch)
            event = KeyRotated(epoch=epoch, next_public_key=encode_key(successor.public))
            self._append([prepare(event)], reason=EPOCH)
            self._begin_epoch(epoch, successor)

    def close(self) -> None:
        """End the epoch, so that a log at rest has no key that could have written it."""
        try:
            if not self._refusal:
                self.rotate()
        finally:
            self._connection.close()
            self._lock.release()

    # --- opening

    def _open(self, factory: type[sqlite3.Connection]) -> None:
        with self._unavailable("open"):
            disk.keep_ballast(self._directory)
            published = (self._directory / PUBLIC_KEY).exists()
            if published and not (self._directory / DATABASE).exists():
                raise AuditBroken(
                    f"the audit log in {self._directory} is gone, though its public key is there",
                    hint=f"restore it, or move {PUBLIC_KEY} away to begin another log",
                )
            self._connection = open_for_writing(self._directory / DATABASE, factory)
            try:
                self._start(recover(self._connection, self._directory, must_exist=published))
            except BaseException:
                self._connection.close()
                raise

    def _start(self, head: Head | None) -> None:
        if head is None:
            self._begin_log()
        else:
            self._resume(head)
        keys.write_durably(self._directory / PUBLIC_KEY, f"{self._genesis}\n".encode(), mode=0o644)

    def _begin_log(self) -> None:
        self._identity = keys.create_identity(self._directory)
        key = keys.create(self._directory, 1)
        self._genesis = PublicKey(origin_of(key.public), key.public)
        self._tree, self._previous = CompactRange(), NO_PREVIOUS
        self._begin_epoch(1, key)
        event = AuditSealed(
            origin=self._genesis.name,
            reason=GENESIS,
            public_key=encode_key(key.public),
            identity_key=encode_key(self._identity.public),
        )
        with self._attempt():
            self._append([prepare(event)], reason=GENESIS)

    def _resume(self, head: Head) -> None:
        self._genesis, self._identity = head.genesis, head.identity
        self._tree, self._previous = head.tree, head.previous
        self._begin_epoch(head.epoch, head.key)
        self.rotate()

    def _begin_epoch(self, epoch: int, key: keys.SigningKey) -> None:
        keys.destroy_others(self._directory, epoch)
        self._epoch, self._key = epoch, key
        self._epoch_began = self._clock.monotonic()

    # --- writing

    def _append(self, drafts: Sequence[Draft], reason: str = "") -> Checkpoint:
        """Chain, sign and commit; with a reason, the checkpoint is kept as a note as well."""
        rows = self._chain(drafts)
        head = Checkpoint(self._genesis.name, self._tree.size, self._tree.root())
        signature = self._key.sign(head)
        notes = [(*self._note(head, signature), reason)] if reason else []
        first = head.size - len(drafts) + 1
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO leaf(seq, rec, h) VALUES (?, ?, ?)", rows[:-1]
            )
            self._connection.execute(
                "INSERT INTO leaf(seq, rec, h, root, sig) VALUES (?, ?, ?, ?, ?)",
                (*rows[-1], head.root, signature),
            )
            self._connection.executemany(
                "INSERT INTO payload(seq, name, salt, value) VALUES (?, ?, ?, ?)",
                [
                    (seq, value.name, value.salt, value.text)
                    for seq, draft in enumerate(drafts, first)
                    for value in draft.values
                ],
            )
            self._connection.executemany(
                "INSERT INTO ckpt(size, note, peaks, reason) VALUES (?, ?, ?, ?)", notes
            )
        return head

    def _chain(self, drafts: Sequence[Draft]) -> list[tuple[int, bytes, bytes]]:
        time, mono = self._clock.now(), int(self._clock.monotonic() * 1000)
        rows = []
        for item in drafts:
            encoded = encode_within_limit(self._record(item, time, mono))
            self._previous = leaf_hash(encoded)
            self._tree.append(self._previous)
            rows.append((self._tree.size, encoded, self._previous))
        return rows

    def _record(self, item: Draft, time: Millis, mono: int) -> Record:
        return Record(
            log=self._genesis.name,
            seq=self._tree.size + 1,
            time=time,
            mono=mono,
            boot=self._boot,
            kind=item.kind,
            actor=item.actor,
            session=item.session,
            cause=item.cause,
            outcome=item.outcome,
            data=item.data,
            commitments={value.name: value.commitment for value in item.values},
            previous=self._previous,
        )

    def _note(self, head: Checkpoint, signature: bytes) -> tuple[int, str, bytes]:
        signatures = (
            signature_line(PublicKey(head.origin, key.public), raw)
            for key, raw in (
                (self._identity, self._identity.sign(head)),
                (self._key, signature),
            )
        )
        return head.size, str(Note(head, tuple(signatures))), self._tree.peaks()

    # --- failing

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        """What fails inside, or is cut off, ends this writer: its state is no longer the disk's."""
        if self._refusal:
            raise AuditUnavailable(self._refusal, hint=_HINT)
        self._refusal = "the audit log has stopped: a record was not completed"
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._refusal = f"the audit log in {self._directory} cannot be written: {error}"
            _log.critical("%s; no further record is accepted", self._refusal)
            disk.drop_ballast(self._directory)
            raise AuditUnavailable(self._refusal, hint=_HINT) from error
        self._refusal = ""

    @contextmanager
    def _unavailable(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (*ERRORS, OSError) as error:
            raise AuditUnavailable(
                f"cannot {verb} the audit log in {self._directory}: {error}",
                hint="free space or repair the disk, then start again",
            ) from error


_HINT = "free space or repair the disk, then restart dispatchd"


def _salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)
