"""Port `Audit` over the writer: many waiting callers, one thread, one fsync for all of them.

A thread, because an fsync blocks for as long as the disk likes. While one commit is under way
callers queue up, and the next commit takes them all: under load the cost of an fsync is shared,
and without load nobody waits for company.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from appliance.audit.writer import Writer, prepare
from appliance.core.events import Event
from appliance.core.records import Draft
from appliance.errors import AuditUnavailable
from appliance.ports import Clock, Receipt

MAX_GROUP = 512  # callers per commit: bounds the size of a transaction

_CLOSED = "the audit log is closed: nothing can be recorded any more"

_log = logging.getLogger(__name__)

_Answer = tuple[asyncio.Future[Receipt], Receipt | AuditUnavailable]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A caller with its drafts, its event loop and where it waits."""

    drafts: tuple[Draft, ...]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Receipt]


class AuditLog:
    """See `appliance.ports.Audit`. Open from one event loop or several; closed once.

    `refusal` says why nothing is recorded any more, "" while all is well.
    """

    def __init__(self, writer: Writer) -> None:
        self.refusal = ""
        self._writer = writer
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()  # nothing is put into the queue once it is closed
        self._thread = threading.Thread(target=self._serve, name="audit", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        directory: Path,
        clock: Clock,
        boot: str,
        *,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> AuditLog:
        """Open or begin the log in a directory; raises what `Writer` raises."""
        return cls(Writer(directory, clock, boot, factory=factory))

    async def append(self, *events: Event) -> Receipt:
        """See `appliance.ports.Audit.append`. A cancelled caller's events may be recorded."""
        if not events:
            raise ValueError("there is nothing to append")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(tuple(map(prepare, events)), loop, loop.create_future())
        with self._closing:
            if self._closed:
                raise AuditUnavailable(_CLOSED)
            self._queue.put(waiting)
        return await waiting.answer

    async def close(self) -> None:
        """Finish what waits, end the epoch, let go of the log."""
        self._shut()
        await asyncio.to_thread(self._thread.join)

    async def __aenter__(self) -> AuditLog:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _shut(self) -> None:
        with self._closing:
            self._closed = True
            self._queue.put(None)

    # --- in the thread

    def _serve(self) -> None:
        try:
            for group in self._groups():
                self._commit(group)
                self._rotate_when_due()
        finally:
            self._shut()  # only news if the loop above has failed: then nobody is left waiting
            for group in self._groups():
                _answer(group, AuditUnavailable(_CLOSED))
            self._close_writer()

    def _groups(self) -> Iterator[list[_Waiting]]:
        while (first := self._queue.get()) is not None:
            group = [first]
            while len(group) < MAX_GROUP and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    self._queue.put(None)  # for the next round: nothing else comes after it
                    break
                group.append(following)
            yield group

    def _commit(self, group: Sequence[_Waiting]) -> None:
        outcome: list[Receipt] | AuditUnavailable = AuditUnavailable(_CLOSED)
        try:
            outcome = self._writer.commit([waiting.drafts for waiting in group])
        except AuditUnavailable as error:
            outcome = error
            self.refusal = error.message
        finally:
            _answer(group, outcome)

    def _rotate_when_due(self) -> None:
        try:
            self._writer.rotate_when_due()
        except AuditUnavailable as error:
            # those whose records are durable have their receipts; the next caller is refused
            self.refusal = error.message
            _log.error("the audit log's key was not rotated: %s", error)

    def _close_writer(self) -> None:
        try:
            self._writer.close()
        except AuditUnavailable as error:
            _log.error("the audit log's last epoch was not ended: %s", error)


def _answer(group: Sequence[_Waiting], outcome: list[Receipt] | AuditUnavailable) -> None:
    """Wake each loop once for all its callers."""
    loops: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for index, waiting in enumerate(group):
        result = outcome if isinstance(outcome, AuditUnavailable) else outcome[index]
        loops.setdefault(waiting.loop, []).append((waiting.answer, result))
    for loop, answers in loops.items():
        loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: Sequence[_Answer]) -> None:
    for answer, result in answers:
        if answer.done():  # the caller was cancelled
            continue
        if isinstance(result, AuditUnavailable):
            # one for each caller: an exception carries the trace of where it was raised
            answer.set_exception(AuditUnavailable(result.message, hint=result.hint))
        else:
            answer.set_result(result)
