"""Keeps checkpoints of the log outside it: now and then, and before an approved action runs.

Each sink has a lane of its own: it posts the newest checkpoint there is, and tries again by
itself when that fails, so that a slow or broken sink holds up nobody. What a sink has confirmed is
recorded; that record is about the log and is no reason for another checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from appliance.core import anchors
from appliance.core.events import AnchorPosted
from appliance.core.model import Json
from appliance.errors import AnchorUnavailable, AuditUnavailable
from appliance.ports import AnchorableAudit, AnchorSink, Clock, Ready
from appliance.services.activity import Activity

log = logging.getLogger(__name__)

EVERY_SECONDS = 15 * 60.0
"""From the first record that no checkpoint covers to the checkpoint that does."""
FIRST_SECONDS = 60.0
"""The same after a start, so that what was recorded last before it does not wait for long."""
CONFIRM_SECONDS = 10.0
"""How long an approved action waits for one sink to confirm. The witness gives up before that."""
POST_SECONDS = 8.0
"""How long who asks for a checkpoint waits for the answers: they do not wait for ever either."""
FIRST_PAUSE_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 3600.0
MAX_TRIES = 5
"""Of one checkpoint at one sink; the next checkpoint begins anew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A checkpoint that a sink is to keep, and what waits for it ("" when nothing does)."""

    note: str
    for_what: str

    @property
    def size(self) -> int:
        return anchors.stated(self.note).size


@dataclass(slots=True)
class Lane:
    """One sink: what it is to have next, what it has, and what went wrong last."""

    sink: AnchorSink
    wanted: Wanted | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    kept: int = 0  # size of the largest checkpoint it has confirmed
    tried: int = 0  # size of the last one that it was offered
    tries: int = 0
    problem: str = ""

    def want(self, wanted: Wanted) -> None:
        self.wanted, self.tries = wanted, 0
        self.changed.set()

    def has_answered(self, size: int) -> bool:
        return self.tried >= size

    def report(self) -> dict[str, Json]:
        return {"name": self.sink.name, "kept": self.kept, "problem": self.problem}


class Anchors:
    """See the module. `log` is the log itself; `activity` tells when it has grown."""

    def __init__(
        self,
        log: AnchorableAudit,
        activity: Activity,
        sinks: Sequence[AnchorSink],
        clock: Clock,
    ) -> None:
        self._log = log
        self._activity = activity
        self._clock = clock
        self._lanes = tuple(Lane(sink) for sink in sinks)
        self._answered = asyncio.Condition()
        self._covered = 0

    async def run(self, ready: Ready) -> None:
        """Post a checkpoint for whatever happens, some time after it began, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._serve(lane))
            ready()
            seconds = FIRST_SECONDS
            while True:
                await self._activity.beyond(self._covered)
                await self._clock.sleep(seconds)
                seconds = EVERY_SECONDS
                if self._activity.seq > self._covered:
                    with suppress(AuditUnavailable):  # said by whoever records something
                        await self._offer("")

    async def before_risk(self, for_what: str) -> None:
        """Returns once a checkpoint that covers everything so far is kept by at least one sink.

        Raises AnchorUnavailable when none confirms in time, AuditUnavailable when there is no
        checkpoint. Without any sink there is nothing to wait for; `doctor` says so.
        """
        if not self._lanes:
            return
        size = await self._offer(for_what)
        await self._wait(CONFIRM_SECONDS, lambda: self._is_decided(size))
        if not any(lane.kept >= size for lane in self._lanes):
            raise AnchorUnavailable(f"no audit checkpoint could be kept elsewhere ({self._why()})")

    async def post(self) -> dict[str, Json]:
        """Post a checkpoint now; what each sink has answered by then. Raises AuditUnavailable."""
        size = await self._offer("")
        await self._wait(POST_SECONDS, lambda: all(lane.has_answered(size) for lane in self._lanes))
        return {"size": size, "sinks": [lane.report() for lane in self._lanes]}

    def line(self) -> str:
        """For /status: which sinks have which checkpoint."""
        if not self._lanes:
            return "no checkpoint is kept outside this log"
        kept = (f"{lane.sink.name} has {lane.kept:,} records" for lane in self._lanes if lane.kept)
        return ", ".join(kept) or "none posted since the start"

    def trouble(self) -> str:
        """What is wrong with the sinks, "" when nothing is."""
        return "; ".join(
            f"{lane.sink.name}: {lane.problem}" for lane in self._lanes if lane.problem
        )

    async def _offer(self, for_what: str) -> int:
        wanted = Wanted(await self._log.checkpoint(), for_what)
        self._covered = wanted.size
        for lane in self._lanes:
            lane.want(wanted)
        return wanted.size

    async def _wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Until the sinks have answered so far, or too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._answered:
                await self._answered.wait_for(is_over)

    def _is_decided(self, size: int) -> bool:
        return any(lane.kept >= size for lane in self._lanes) or all(
            lane.has_answered(size) for lane in self._lanes
        )

    def _why(self) -> str:
        return self.trouble() or f"nobody confirmed within {CONFIRM_SECONDS:g} s"

    # one sink

    async def _serve(self, lane: Lane) -> None:
        while True:
            await self._next(lane)
            lane.changed.clear()
            assert lane.wanted is not None, "a lane is woken by what it is to post"
            await self._post(lane, lane.wanted)

    async def _next(self, lane: Lane) -> None:
        """Wait for another checkpoint, or until the one that failed may be tried again."""
        if not lane.problem or lane.tries >= MAX_TRIES:
            await lane.changed.wait()
            return
        seconds = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (lane.tries - 1))
        async with asyncio.TaskGroup() as either:
            change = either.create_task(lane.changed.wait())
            pause = either.create_task(self._clock.sleep(seconds))
            change.add_done_callback(lambda _: pause.cancel())
            pause.add_done_callback(lambda _: change.cancel())

    async def _post(self, lane: Lane, wanted: Wanted) -> None:
        lane.tries += 1
        try:
            receipt = await lane.sink.post(wanted.note)
            await self._record(lane, wanted, receipt)
        except (AnchorUnavailable, AuditUnavailable) as error:
            log.warning("checkpoint not kept by %s: %s", lane.sink.name, error.message)
            lane.problem = error.message
        else:
            lane.problem, lane.kept = "", wanted.size
        lane.tried = wanted.size
        async with self._answered:
            self._answered.notify_all()

    async def _record(self, lane: Lane, wanted: Wanted, receipt: str) -> None:
        head = anchors.stated(wanted.note)
        await self._log.record_anchor(head.size, lane.sink.name, receipt)
        await self._log.append(
            AnchorPosted(
                size=head.size,
                root=head.root.hex(),
                sink=lane.sink.name,
                for_what=wanted.for_what,
            )
        )
