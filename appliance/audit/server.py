"""The socket through which others write to the log: who asks is known, and one fsync serves all.

`turn` does what can be done now and never waits for anybody: it reads what has arrived on all
connections, commits all appends among it in one transaction, and answers. While a commit is on
its way to the disk the next questions pile up in the sockets, so the busier it gets the more
share one fsync. An answer is written only after COMMIT.

No asyncio: the program has to be small, and a daemon that has a loop can watch `fileno` with it.
"""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from appliance.audit import wire
from appliance.audit.rights import Rights, administrator
from appliance.audit.writer import Writer, prepare
from appliance.core.events import (
    AuditForked,
    AuditSealed,
    AuditTicked,
    Event,
    KeyRotated,
    LogPruned,
    RecordRedacted,
)
from appliance.core.records import Draft
from appliance.errors import ApplianceError, AuditUnavailable
from appliance.local_sockets import peer_uid
from appliance.ports import Clock

MAX_CONNECTIONS = 64
MAX_GROUP = 512  # callers per commit: bounds the size of a transaction
READ_BYTES = 256 * 1024
UNFINISHED_SECONDS = 10.0
"""How long somebody may take to finish a frame, or to read an answer."""

# believed by whoever verifies, because the writer alone makes them
_WRITERS_OWN: frozenset[type[Event]] = frozenset(
    (AuditSealed, AuditForked, AuditTicked, KeyRotated, LogPruned, RecordRedacted)
)

_log = logging.getLogger(__name__)


class AuditServer:
    """Serves `writer` on a listening socket, which it takes over.

    Whoever hosts it calls `turn` when `fileno` is readable and every few seconds, for those who
    stop in the middle of a frame.
    """

    def __init__(
        self, writer: Writer, listener: socket.socket, rights: Rights, clock: Clock
    ) -> None:
        self._writer = writer
        self._listener = listener
        self._rights = rights
        self._clock = clock
        self._peers: set[_Peer] = set()
        self._selector = selectors.DefaultSelector()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)

    def fileno(self) -> int:
        """Readable when there is something to do."""
        return self._selector.fileno()

    def turn(self) -> None:
        """Do everything that can be done now."""
        heard: list[_Peer] = []
        for key, _ in self._selector.select(0):
            heard += [key.data] if key.data else iter(self._admit, None)
        self._answer([question for peer in heard for question in self._hear(peer)])
        for peer in heard:
            self._send(peer)
        self._cut_off_the_slow()

    def close(self) -> None:
        """Hang up on everybody. What was asked and not answered was not acknowledged."""
        for peer in tuple(self._peers):
            self._drop(peer)
        self._selector.close()
        self._listener.close()

    # --- connections

    def _admit(self) -> _Peer | None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:  # it has left again
            return None
        connection.setblocking(False)
        peer = _Peer(connection, peer_uid(connection))
        self._peers.add(peer)
        self._selector.register(connection, selectors.EVENT_READ, peer)
        if not self._rights.of(peer.uid):
            peer.part(f"user id {peer.uid} of this machine may not use the audit log")
        elif len(self._peers) - self._leaving() > MAX_CONNECTIONS:
            peer.part("too many are connected to the audit log")
        if self._leaving() > MAX_CONNECTIONS:
            self._drop(peer)
        return peer

    def _leaving(self) -> int:
        return sum(peer.is_leaving for peer in self._peers)

    def _hear(self, peer: _Peer) -> Iterator[_Question]:
        """What somebody asks. Those who cannot be understood are hung up on."""
        if peer.outgoing:  # who does not read is not read from
            return
        self._receive(peer)
        try:
            for line in peer.lines():
                yield from _read(peer, line)
        except wire.Malformed as error:
            peer.part(str(error))

    def _receive(self, peer: _Peer) -> None:
        if peer not in self._peers:
            return
        try:
            received = peer.connection.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._drop(peer)
        peer.incoming += received

    def _send(self, peer: _Peer) -> None:
        if peer not in self._peers:
            return None
        peer.outgoing += peer.last_words
        peer.last_words = b""
        try:
            if peer.outgoing:
                del peer.outgoing[: peer.connection.send(peer.outgoing)]
            if peer.is_leaving and not peer.outgoing:
                peer.connection.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            return self._drop(peer)
        wanted = selectors.EVENT_WRITE if peer.outgoing else selectors.EVENT_READ
        self._selector.modify(peer.connection, wanted, peer)
        return peer.note_time(self._clock.monotonic())

    def _cut_off_the_slow(self) -> None:
        limit = self._clock.monotonic() - UNFINISHED_SECONDS
        for peer in tuple(self._peers):
            if peer.unfinished_since is None or peer.unfinished_since > limit:
                continue
            if peer.is_leaving or peer.outgoing:
                self._drop(peer)
            else:
                peer.part(f"a frame was not finished within {UNFINISHED_SECONDS:g} s")
                self._send(peer)

    def _drop(self, peer: _Peer) -> None:
        if peer in self._peers:
            self._peers.remove(peer)
            self._selector.unregister(peer.connection)
            peer.connection.close()

    # --- questions

    def _answer(self, questions: Sequence[_Question]) -> None:
        """In the order in which they came; neighbouring appends share a commit."""
        for is_append, group in groupby(questions, lambda q: isinstance(q.content, wire.Append)):
            if is_append:
                self._append(list(group))
            else:
                for question in group:
                    question.answer(self._act_on(question))

    def _append(self, questions: Sequence[_Question]) -> None:
        drafted = []
        for question in questions:
            try:
                drafted.append((question, self._drafts(question)))
            except ApplianceError as error:
                question.answer(_refused(error))
        for start in range(0, len(drafted), MAX_GROUP):
            self._commit(drafted[start : start + MAX_GROUP])

    def _drafts(self, question: _Question) -> Sequence[Draft]:
        self._check_right(question)
        assert isinstance(question.content, wire.Append)
        events = question.content.events
        if not events:
            raise AuditUnavailable("there is nothing to append")
        for event in events:
            if type(event) in _WRITERS_OWN:
                raise AuditUnavailable(f"only the audit log itself can record {event.name}")
        return tuple(map(prepare, events))

    def _commit(self, drafted: Sequence[tuple[_Question, Sequence[Draft]]]) -> None:
        try:
            receipts = self._writer.commit([drafts for _, drafts in drafted])
        except AuditUnavailable as error:
            for question, _ in drafted:
                question.answer(_refused(error))
            return
        for (question, _), receipt in zip(drafted, receipts, strict=True):
            question.answer(wire.Appended(receipt.seq, receipt.root))

    def _act_on(self, question: _Question) -> wire.Answer:
        try:
            self._check_right(question)
            return self._act(question)
        except ApplianceError as error:
            return _refused(error)

    def _check_right(self, question: _Question) -> None:
        kind = type(question.content)
        if kind not in self._rights.of(question.peer.uid):
            raise AuditUnavailable(
                f"user id {question.peer.uid} may not {wire.WORDS[kind].replace('_', ' ')} here",
                hint="ask an administrator of the audit log",
            )

    def _act(self, question: _Question) -> wire.Answer:
        assert not isinstance(question.content, wire.Append), "those share a commit"
        match question.content:
            case wire.TakeCheckpoint():
                return wire.Checkpointed(str(self._writer.head()))
            case wire.AskStanding():
                return wire.Standing(self._writer.refusal)
            case wire.AskPublicKey():
                return wire.PublicKeyIs(self._writer.public_key)
            case wire.ProveGrowth(old, new):
                return wire.Grown(tuple(self._writer.prove_growth(old, new)))
            case wire.ReadLog(who, job, since, before):
                found = self._writer.newest(who, job, since, before)
                return wire.LogRead(
                    found.lines, found.first, found.size, found.anchored, found.anchored_at
                )
            case wire.ReadRows(after, last):
                return wire.Rows(*self._writer.stored(after, last))
            case wire.RecordAnchor(size, sink, receipt):
                self._writer.record_anchor(size, sink, receipt)
            case wire.Redact(seq, field, reason):
                self._writer.redact(seq, field, reason, administrator(question.peer.uid))
            case wire.Prune(before, reason):
                self._writer.prune(before, reason, administrator(question.peer.uid))
            case wire.Rotate():
                self._writer.rotate()
        return wire.Done()


class _Peer:
    """One connection. Who is leaving has been told why and is not listened to any more.

    It is he who hangs up first, or is made to after a while: what is sent to a closed socket
    would cost him the last words.
    """

    def __init__(self, connection: socket.socket, uid: int) -> None:
        self.connection = connection
        self.uid = uid
        self.incoming = b""
        self.outgoing = bytearray()
        self.last_words = b""
        self.is_leaving = False
        self.unfinished_since: float | None = None

    def lines(self) -> Sequence[bytes]:
        """The frames that have arrived whole. Raises Malformed when one is too long."""
        *lines, self.incoming = self.incoming.split(b"\n")
        if self.is_leaving:
            self.incoming = b""
            return ()
        if any(len(line) >= wire.MAX_FRAME_BYTES for line in (*lines, self.incoming)):
            raise wire.Malformed(f"a frame may have {wire.MAX_FRAME_BYTES:,} bytes")
        if lines:
            self.unfinished_since = None
        return lines

    def part(self, reason: str) -> None:
        """Behind the answers that are on their way, say why nothing more will be heard."""
        _log.warning("user id %d is hung up on: %s", self.uid, reason)
        self.last_words = wire.write(0, wire.Refused(reason, ""))
        self.incoming = b""
        self.is_leaving = True

    def note_time(self, now: float) -> None:
        """Remember since when something is unfinished."""
        if not (self.incoming or self.outgoing or self.is_leaving):
            self.unfinished_since = None
        elif self.unfinished_since is None:
            self.unfinished_since = now


@dataclass(frozen=True, slots=True)
class _Question:
    """What somebody asked, and where the answer goes."""

    peer: _Peer
    id: int
    content: wire.Question

    def answer(self, answer: wire.Answer) -> None:
        self.peer.outgoing += wire.write(self.id, answer)


def _read(peer: _Peer, line: bytes) -> Iterator[_Question]:
    """The question in a line; one that is not known here is refused and the next one is read.

    Raises Malformed when nobody knows what the answer would be an answer to.
    """
    try:
        yield _Question(peer, *wire.read_question(line))
    except wire.Malformed as error:
        if not error.id:
            raise
        hint = "if the asker is newer than the running dispatch-audit, restart that"
        peer.outgoing += wire.write(error.id, wire.Refused(str(error), hint))


def _refused(error: ApplianceError) -> wire.Refused:
    return wire.Refused(error.message, error.hint or "")
