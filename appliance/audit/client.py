"""Port `Audit` over the socket of dispatch-audit.

Many callers share one connection and need not wait for each other; those who ask in one turn of
the event loop are sent in one piece, so that the writer finds them together and commits them
together. A connection is made when somebody needs one. When it is lost, what was asked and not
answered was perhaps recorded and surely not acknowledged: it is refused, and never asked again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Collection, Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar

from appliance.audit import wire
from appliance.core.events import Event
from appliance.core.excerpts import Excerpt
from appliance.errors import AuditUnavailable
from appliance.local_sockets import peer_uid
from appliance.ports import Clock, Ready, Receipt

ANSWER_SECONDS = 10.0
LOOK_EVERY_SECONDS = 5.0

_LOST = "dispatch-audit hung up"
_SEE_WHY = "see why: journalctl -u dispatch-audit"

_log = logging.getLogger(__name__)

A = TypeVar("A", bound=wire.Answer)


class RemoteAudit:
    """See `appliance.ports.Audit`. `server_uids` are believed at the other end, nobody else.

    `refusal` says why nothing can be recorded now, "" while all is well. Every method raises
    AuditUnavailable when it was not done, or when nobody can know whether it was.
    """

    def __init__(self, path: Path, server_uids: Collection[int], clock: Clock) -> None:
        self.refusal = ""
        self._path = path
        self._server_uids = frozenset(server_uids)
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._link: _Link | None = None

    async def append(self, *events: Event) -> Receipt:
        """See `appliance.ports.Audit.append`. A cancelled caller's events may be recorded."""
        if not events:
            raise ValueError("there is nothing to append")
        answer = await self._ask(wire.Append(events), wire.Appended)
        return answer.receipt()

    async def checkpoint(self) -> str:
        """The signed note of the log as it is now."""
        return (await self._ask(wire.TakeCheckpoint(), wire.Checkpointed)).note

    async def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        """Remember that `sink` has the checkpoint of that size, and what it gave back."""
        await self._ask(wire.RecordAnchor(size, sink, receipt), wire.Done)

    async def public_key(self) -> str:
        """The log's first public key."""
        return (await self._ask(wire.AskPublicKey(), wire.PublicKeyIs)).key

    async def prove_growth(self, old: int, new: int) -> Sequence[bytes]:
        """The proof that the log of `old` records became that of `new`."""
        return (await self._ask(wire.ProveGrowth(old, new), wire.Grown)).hashes

    async def newest(self, who: str, job: int, since: int, before: int) -> Excerpt:
        """See `appliance.ports.LogReader.newest`."""
        return (await self._ask(wire.ReadLog(who, job, since, before), wire.LogRead)).excerpt()

    async def run(self, ready: Ready) -> None:
        """Look now and then whether the writer is well, also when nobody asks for anything."""
        ready()
        while True:
            try:
                self.refusal = (await self._ask(wire.AskStanding(), wire.Standing)).refusal
            except AuditUnavailable as error:
                _log.warning("%s", error.message)
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    async def close(self) -> None:
        """Hang up."""
        if self._link is not None:
            self._link.close()

    async def _ask(self, question: wire.Question, expected: type[A]) -> A:
        try:
            answer = await self._answer(question)
        except AuditUnavailable as error:
            # another question may be refused for what it asks while records are taken
            if isinstance(question, wire.Append | wire.AskStanding):
                self.refusal = error.message
            raise
        if not isinstance(answer, expected):
            raise AuditUnavailable(f"dispatch-audit answered with {type(answer).__name__}")
        self.refusal = ""
        return answer

    async def _answer(self, question: wire.Question) -> wire.Answer:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await (await self._linked()).ask(question)
        except TimeoutError as error:
            raise AuditUnavailable(
                f"dispatch-audit did not answer within {ANSWER_SECONDS:g} s", hint=_SEE_WHY
            ) from error
        if isinstance(answer, wire.Refused):
            raise AuditUnavailable(answer.reason, hint=answer.hint or None)
        return answer

    async def _linked(self) -> _Link:
        async with self._connecting:
            if self._link is None or self._link.is_lost:
                self._link = await self._connect()
            return self._link

    async def _connect(self) -> _Link:
        loop = asyncio.get_running_loop()
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, str(self._path))
            check_server(connection, self._path, self._server_uids)
            _, link = await loop.create_unix_connection(_Link, sock=connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):
                raise unreachable(self._path, error) from error
            raise
        return link


class _Link(asyncio.Protocol):
    """One connection: questions out, answers back to those who asked."""

    def __init__(self) -> None:
        self.is_lost = False
        self._incoming = b""
        self._outgoing: list[bytes] = []
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[wire.Answer]] = {}
        self._reason = _LOST

    async def ask(self, question: wire.Question) -> wire.Answer:
        if self.is_lost:
            raise AuditUnavailable(self._reason, hint=_SEE_WHY)
        loop = asyncio.get_running_loop()
        frame_id = next(self._ids)
        line = _line(frame_id, question)
        if not self._outgoing:
            loop.call_soon(self._send)
        self._outgoing.append(line)
        answer: asyncio.Future[wire.Answer] = loop.create_future()
        self._waiting[frame_id] = answer
        try:
            return await answer
        finally:
            del self._waiting[frame_id]

    def close(self) -> None:
        self._transport.abort()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        try:
            for line in lines:
                self._hear(*wire.read_answer(line))
            if len(self._incoming) >= wire.MAX_FRAME_BYTES:
                raise wire.Malformed("it does not end its lines")
        except wire.Malformed as error:
            self._reason = f"dispatch-audit cannot be understood: {error}"
            self._transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_lost = True
        for answer in self._waiting.values():
            if not answer.done():  # the caller was cancelled
                answer.set_exception(AuditUnavailable(self._reason, hint=_SEE_WHY))

    def _send(self) -> None:
        lines, self._outgoing = self._outgoing, []
        if not self.is_lost:
            self._transport.write(b"".join(lines))

    def _hear(self, frame_id: int, answer: wire.Answer) -> None:
        if frame_id == 0 and isinstance(answer, wire.Refused):
            self._reason = answer.reason  # it hangs up now
        waiting = self._waiting.get(frame_id)
        if waiting is not None and not waiting.done():  # the caller was cancelled, or gave up
            waiting.set_result(answer)


def check_server(connection: socket.socket, path: Path, server_uids: Collection[int]) -> None:
    """Raises AuditUnavailable when somebody else listens where dispatch-audit should."""
    uid = peer_uid(connection)
    if uid not in server_uids:
        raise AuditUnavailable(
            f"{path} is served by user id {uid}, who does not keep the audit log",
            hint="find out who that is; the setting audit.user names who it should be",
        )


def unreachable(path: Path, error: OSError) -> AuditUnavailable:
    """What it means that the socket cannot be connected to."""
    if isinstance(error, PermissionError):
        return AuditUnavailable(
            f"we may not use the audit log's socket {path}", hint="put us into its group"
        )
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return AuditUnavailable(
            f"dispatch-audit is not running: nothing listens on {path}", hint=_SEE_WHY
        )
    return AuditUnavailable(f"cannot reach dispatch-audit at {path}: {error}", hint=_SEE_WHY)


def _line(frame_id: int, question: wire.Question) -> bytes:
    try:
        return wire.write(frame_id, question)
    except wire.Malformed as error:
        raise AuditUnavailable(f"this cannot be recorded: {error}") from error
