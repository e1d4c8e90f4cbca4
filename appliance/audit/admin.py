"""For administrators: over the socket of whoever keeps the log now, or by hand when nobody does."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from appliance.audit import wire
from appliance.audit.client import check_server, unreachable
from appliance.audit.rights import administrator
from appliance.audit.writer import Writer
from appliance.errors import AuditUnavailable
from appliance.ports import Clock

ANSWER_SECONDS = 600.0
"""To prune a large log takes its time."""

_PERHAPS = "if it was done, it is recorded: dispatchctl audit log"

A = TypeVar("A", bound=wire.Answer)


class Administration(Protocol):
    """What administrators do to a log. Each act is recorded in it, with who did it.

    Every method raises AuditUnavailable, in one sentence, when it was not done.
    """

    def redact(self, seq: int, field: str, reason: str) -> None:
        """Destroy the private value of a record."""

    def prune(self, before: int, reason: str) -> None:
        """Destroy what the records before this one say; their hashes stay."""

    def rotate(self) -> None:
        """End the epoch: another key signs from now on."""

    def checkpoint(self) -> str:
        """The signed note of the log as it is now."""

    def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        """Remember that `sink` has the checkpoint of that size, and what it gave back."""

    def refusal(self) -> str:
        """Why nothing is recorded any more, "" while all is well."""

    def stored(self, after: int, last: int) -> tuple[int, tuple[bytes, ...]]:
        """What is stored of the records behind `after`; up to which one. See `wire.ReadRows`."""


@contextmanager
def administer(
    directory: Path, path: Path, server_uids: Collection[int], clock: Clock, boot: str
) -> Iterator[Administration]:
    """The log in `directory`, which may be served on `path` by one of `server_uids`.

    Raises AuditUnavailable when it is served and we are not let in, and what `Writer` raises.
    """
    try:
        connection = _connection(path)
    except (FileNotFoundError, ConnectionRefusedError):
        with _by_hand(directory, clock, boot) as administration:
            yield administration
        return
    with connection:
        yield _Served(connection, path, server_uids)


@contextmanager
def served(path: Path, server_uids: Collection[int]) -> Iterator[Administration]:
    """The log that is served on `path`. Raises AuditUnavailable when it is not."""
    try:
        connection = _connection(path)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise unreachable(path, error) from error
    with connection:
        yield _Served(connection, path, server_uids)


def _connection(path: Path) -> socket.socket:
    """Raises FileNotFoundError or ConnectionRefusedError when nobody serves the log."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise
    except OSError as error:
        connection.close()
        raise unreachable(path, error) from error
    return connection


@contextmanager
def _by_hand(directory: Path, clock: Clock, boot: str) -> Iterator[Administration]:
    require_owner(directory)
    with closing(Writer(directory, clock, boot)) as writer:
        yield _ByHand(writer)


def require_owner(directory: Path) -> None:
    """Raises AuditUnavailable when a key that we make there could not be read by its owner."""
    if not directory.is_dir():
        raise AuditUnavailable(f"there is no audit log in {directory}")
    owner = directory.stat().st_uid
    if owner != os.geteuid():
        raise AuditUnavailable(
            f"the log in {directory} belongs to user id {owner}, and nobody serves it now",
            hint=f"start its program, or do this as its user: sudo -u '#{owner}' …",
        )


@dataclass(frozen=True, slots=True)
class _ByHand:
    """`Administration` by the only writer there is: this process."""

    _writer: Writer

    def redact(self, seq: int, field: str, reason: str) -> None:
        self._writer.redact(seq, field, reason, administrator(os.getuid()))

    def prune(self, before: int, reason: str) -> None:
        self._writer.prune(before, reason, administrator(os.getuid()))

    def rotate(self) -> None:
        self._writer.rotate()

    def checkpoint(self) -> str:
        return str(self._writer.head())

    def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        self._writer.record_anchor(size, sink, receipt)

    def refusal(self) -> str:
        return self._writer.refusal

    def stored(self, after: int, last: int) -> tuple[int, tuple[bytes, ...]]:
        return self._writer.stored(after, last)


class _Served:
    """`Administration` over the socket, one question at a time."""

    def __init__(self, connection: socket.socket, path: Path, server_uids: Collection[int]) -> None:
        check_server(connection, path, server_uids)
        self._connection = connection
        self._unread = b""

    def redact(self, seq: int, field: str, reason: str) -> None:
        self._ask(wire.Redact(seq, field, reason), wire.Done)

    def prune(self, before: int, reason: str) -> None:
        self._ask(wire.Prune(before, reason), wire.Done)

    def rotate(self) -> None:
        self._ask(wire.Rotate(), wire.Done)

    def checkpoint(self) -> str:
        return self._ask(wire.TakeCheckpoint(), wire.Checkpointed).note

    def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        self._ask(wire.RecordAnchor(size, sink, receipt), wire.Done)

    def refusal(self) -> str:
        return self._ask(wire.AskStanding(), wire.Standing).refusal

    def stored(self, after: int, last: int) -> tuple[int, tuple[bytes, ...]]:
        answer = self._ask(wire.ReadRows(after, last), wire.Rows)
        return answer.upto, answer.rows

    def _ask(self, question: wire.Question, expected: type[A]) -> A:
        try:
            with suppress(BrokenPipeError):  # it may have said why before it hung up
                self._connection.sendall(wire.write(1, question))
            _, answer = wire.read_answer(self._line())
        except OSError as error:
            raise AuditUnavailable(
                f"the audit log's writer does not answer: {error}", hint=_PERHAPS
            ) from error
        except wire.Malformed as error:
            raise AuditUnavailable("the audit log's writer hung up", hint=_PERHAPS) from error
        if isinstance(answer, wire.Refused):
            raise AuditUnavailable(answer.reason, hint=answer.hint or None)
        if not isinstance(answer, expected):
            raise AuditUnavailable(f"the writer answered with {wire.WORDS[type(answer)]}")
        return answer

    def _line(self) -> bytes:
        """The next line, or what there is of it when the other side hangs up."""
        while b"\n" not in self._unread:
            received = self._connection.recv(wire.MAX_FRAME_BYTES)
            self._unread += received
            if not received:
                break
        line, _, self._unread = self._unread.partition(b"\n")
        return line
