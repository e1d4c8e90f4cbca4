"""Port `Audit` over the writer: all who ask in one turn of the event loop share one fsync.

No thread: a commit takes a tenth of a millisecond, less than handing it to a thread and back on
a busy interpreter, and the state database blocks the loop for the same disk in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from appliance.audit.writer import Writer, prepare
from appliance.core.events import Event
from appliance.core.excerpts import Excerpt
from appliance.core.records import Draft
from appliance.errors import AuditUnavailable
from appliance.ports import Ready, Receipt

MAX_GROUP = 512  # callers per commit: bounds the size of a transaction
LOOK_EVERY_SECONDS = 60.0

_CLOSED = "the audit log is closed: nothing can be recorded any more"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A caller with its drafts and where it waits."""

    drafts: tuple[Draft, ...]
    answer: asyncio.Future[Receipt]


class AuditLog:
    """See `appliance.ports.AnchorableAudit`. Used from one event loop; closed once."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._waiting: list[_Waiting] = []
        self._is_closed = False

    @property
    def refusal(self) -> str:
        """Why nothing is recorded any more, "" while all is well."""
        return self._writer.refusal

    async def append(self, *events: Event) -> Receipt:
        """See `appliance.ports.Audit.append`. A cancelled caller's events may be recorded."""
        if not events:
            raise ValueError("there is nothing to append")
        if self._is_closed:
            raise AuditUnavailable(_CLOSED)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(tuple(map(prepare, events)), loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._commit_all)
        return await waiting.answer

    async def checkpoint(self) -> str:
        """See `appliance.ports.AnchorableAudit.checkpoint`."""
        return str(self._ready_writer().head())

    async def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        """See `appliance.ports.AnchorableAudit.record_anchor`."""
        self._ready_writer().record_anchor(size, sink, receipt)

    async def public_key(self) -> str:
        """See `appliance.ports.AnchorableAudit.public_key`."""
        return self._writer.public_key

    async def prove_growth(self, old: int, new: int) -> Sequence[bytes]:
        """See `appliance.ports.AnchorableAudit.prove_growth`."""
        return await asyncio.to_thread(self._writer.prove_growth, old, new)

    async def newest(self, who: str, job: int, since: int, before: int) -> Excerpt:
        """See `appliance.ports.LogReader.newest`."""
        return self._ready_writer().newest(who, job, since, before)

    async def ticking(self, ready: Ready) -> None:
        """A part of the daemon: keeps the log from falling silent, and keys from growing old."""
        ready()
        while True:
            await self._writer.clock.sleep(LOOK_EVERY_SECONDS)
            self._do_when_due(self._writer.tick_when_due)

    async def close(self) -> None:
        """Finish what waits, end the epoch, let go of the log."""
        self._is_closed = True
        self._commit_all()
        try:
            self._writer.close()
        except AuditUnavailable as error:
            _log.error("the audit log's last epoch was not ended: %s", error)

    async def __aenter__(self) -> AuditLog:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _ready_writer(self) -> Writer:
        """The writer, once what waits for it has been written."""
        if self._is_closed:
            raise AuditUnavailable(_CLOSED)
        self._commit_all()
        return self._writer

    def _commit_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), MAX_GROUP):
            self._commit(waiting[start : start + MAX_GROUP])
        if waiting:
            self._do_when_due(self._writer.rotate_when_due)

    def _commit(self, group: Sequence[_Waiting]) -> None:
        outcome: list[Receipt] | AuditUnavailable = AuditUnavailable(_CLOSED)
        try:
            outcome = self._writer.commit([waiting.drafts for waiting in group])
        except AuditUnavailable as error:
            outcome = error
        finally:
            _settle(group, outcome)

    def _do_when_due(self, act: Callable[[], None]) -> None:
        """What nobody asked for: when it fails, the next who wants to append is refused."""
        if self._is_closed or self.refusal:
            return
        try:
            act()
        except AuditUnavailable as error:
            _log.error("the audit log was not kept in order: %s", error)


def _settle(group: Sequence[_Waiting], outcome: list[Receipt] | AuditUnavailable) -> None:
    for index, waiting in enumerate(group):
        if waiting.answer.done():  # the caller was cancelled
            continue
        if isinstance(outcome, AuditUnavailable):
            # one for each caller: an exception carries the trace of where it was raised
            waiting.answer.set_exception(AuditUnavailable(outcome.message, hint=outcome.hint))
        else:
            waiting.answer.set_result(outcome[index])
