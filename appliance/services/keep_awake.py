"""Keeps the machine awake while there is work, or as long as somebody asked for.

Looks anew at every record of the log, because nothing changes a job without one; and every few
seconds while it holds, to renew the hold, which would otherwise end. What is held and released is
recorded past `Activity`: a machine that may sleep is no reason to tell anybody, or to stay awake.

It never keeps a job from running: a machine that cannot be kept awake works on while it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from appliance.core import keep_awake
from appliance.core.events import WakeHeld, WakeReleased
from appliance.core.jobs import Job
from appliance.core.keep_awake import HowLong, Need, Off, Session
from appliance.core.model import Phrase, Place, Reply, UserName
from appliance.core.replies import about_machine
from appliance.core.words import phrase
from appliance.errors import AuditUnavailable, StorageUnavailable, WakeUnavailable
from appliance.ports import Audit, Clock, Hold, Inhibitor, ReadBattery, Ready, State
from appliance.services.activity import Activity
from appliance.services.outbox import Outbox

log = logging.getLogger(__name__)

RENEW_SECONDS = 10.0
LEASE_SECONDS = 3 * RENEW_SECONDS
"""What a hold should last without being renewed."""
CALM_SECONDS = 0.1
"""No machine falls asleep as fast as that, and who has just written gets his answer first."""
REASON_SECONDS = 1.0
"""How long a hold may show a reason that is over: one change for many, and none beside a start."""
RETRY_SECONDS = 60.0
FIRST_TRY = "trying whether it works"
MAX_CAUSES = 20
"""Jobs that a record names; there may be hundreds in line."""


class KeepAwake:
    """See the module. `inhibitor` None: switched off in the settings."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        activity: Activity,
        inhibitor: Inhibitor | None,
        battery: ReadBattery,
        battery_percent: int,
        outbox: Outbox,
        clock: Clock,
        calm_seconds: float = CALM_SECONDS,
    ) -> None:
        self._state = state
        self._audit = audit
        self._activity = activity
        self._inhibitor = inhibitor
        self._battery = battery
        self._battery_percent = battery_percent
        self._outbox = outbox
        self._clock = clock
        self._calm_seconds = calm_seconds
        self._hold: Hold | None = None
        self._why = ""
        self._held_since = 0.0
        self._last_work: float | None = None
        self._outdated_since: float | None = None
        self._retry_at = 0.0
        self._problem = ""
        self._is_sparing = False
        self._wake = asyncio.Event()

    # what people see and say

    def line(self) -> str | Phrase:
        """For /status: what the machine is kept awake for."""
        if self._inhibitor is None:
            return phrase("switched off")
        if self._hold is None:
            return phrase("the machine may sleep")
        return f"{self._why} ({self._inhibitor.means})"

    @property
    def is_holding(self) -> bool:
        return self._hold is not None

    def trouble(self) -> str:
        """What keeps it from keeping the machine awake, "" when nothing does."""
        return self._problem

    def follow(self, how_long: HowLong | None, user: UserName, place: Place) -> Reply:
        """Do what somebody asks for with /awake; None: they only ask how it is.

        To be called inside a transaction.
        """
        if self._inhibitor is None:
            return about_machine.awake_is_off()
        now = self._clock.now()
        if how_long is None:
            return about_machine.awake(self.line(), self.trouble())
        if isinstance(how_long, Off):
            self._state.save_awake(None)
            jobs = keep_awake.keeping(self._state.unfinished_jobs())
            reply = about_machine.awake_ended([job.id for job in jobs])
        else:
            until = keep_awake.end_of(how_long, now)
            if keep_awake.is_too_long(until, now):
                return about_machine.awake_too_long(until, now)
            self._state.save_awake(Session(until, user, place))
            reply = about_machine.awake_until(until, now, self.trouble())
        self._wake.set()
        return reply

    # the part

    async def run(self, ready: Ready) -> None:
        """Hold and release until cancelled; then release."""
        ready()
        if self._inhibitor is None:
            return
        await self._try(self._inhibitor)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                while True:
                    self._wake.clear()
                    seconds = await self._settle(self._inhibitor)
                    alarm = group.create_task(self._ring(seconds))
                    await self._wake.wait()
                    alarm.cancel()
        finally:
            await self._release("the appliance stops")

    async def _watch(self) -> None:
        while True:
            await self._activity.beyond(self._activity.seq)
            if self._calm_seconds:
                await self._clock.sleep(self._calm_seconds)
            self._wake.set()

    async def _ring(self, seconds: float | None) -> None:
        if seconds is not None:
            await self._clock.sleep(seconds)
            self._wake.set()

    async def _try(self, inhibitor: Inhibitor) -> None:
        """So that /status and doctor know before the first job whether it works."""
        try:
            hold = await inhibitor.hold(FIRST_TRY)
        except WakeUnavailable as error:
            self._fail(error.message)
        else:
            self._problem = hold.shortfall
            await hold.release()

    async def _settle(self, inhibitor: Inhibitor) -> float | None:
        """Hold or release, as things are; returns after how many seconds to look again."""
        try:
            jobs = keep_awake.keeping(self._state.unfinished_jobs())
            need = self._need(jobs)
            if need is None:
                self._spare_no_more()
                await self._release("nothing to do any more")
                return None
            if not await self._spares(jobs):
                await self._keep(inhibitor, need, jobs)
        except StorageUnavailable as error:
            log.error("whether there is work cannot be told: %s", error.message)
            if self._hold is not None:
                await self._hold.renew()
            return RENEW_SECONDS
        return self._pause(need)

    def _need(self, jobs: Sequence[Job]) -> Need | None:
        steady = self._clock.monotonic()
        if jobs:
            self._last_work = steady
        idle = steady - self._last_work if self._last_work is not None else float("inf")
        numbers = [job.id for job in jobs]
        return keep_awake.need(numbers, idle, self._state.awake(), self._clock.now())

    def _pause(self, need: Need) -> float:
        pauses = [RENEW_SECONDS]
        if need.seconds is not None:
            pauses.append(need.seconds)
        if self._outdated_since is not None:
            pauses.append(REASON_SECONDS)
        return min(pauses)

    async def _spares(self, jobs: Sequence[Job]) -> bool:
        """Whether the battery is too low to go on; said once to everybody whom it concerns."""
        battery = await self._battery()
        was_sparing = self._is_sparing
        spares = keep_awake.spares(battery, self._battery_percent, has_spared=was_sparing)
        if battery is None or not spares:
            self._spare_no_more()
            return False
        self._is_sparing = True
        self._problem = f"the battery is at {battery.percent} %, so the machine may sleep"
        if not was_sparing:
            await self._release(f"battery at {battery.percent} %")
            self._tell(about_machine.battery_low(battery.percent, [job.id for job in jobs]), jobs)
        return True

    def _spare_no_more(self) -> None:
        if self._is_sparing:
            self._is_sparing, self._problem = False, ""

    def _tell(self, reply: Reply, jobs: Sequence[Job]) -> None:
        places = {job.place: None for job in jobs}
        session = self._state.awake()
        if session is not None and keep_awake.seconds_left(session, self._clock.now()):
            places[session.place] = None
        with self._state.transaction():
            for place in places:
                self._outbox.put(place, reply)

    # the hold

    async def _keep(self, inhibitor: Inhibitor, need: Need, jobs: Sequence[Job]) -> None:
        if self._hold is not None and not await self._hold.renew():
            log.warning("the machine is not kept awake any more: it was ended from outside")
            await self._release("it was ended from outside")
        if self._hold is None:
            await self._take(inhibitor, need, jobs)
        elif need.why == self._why:
            self._outdated_since = None
        elif self._is_outdated():
            await self._rename(inhibitor, self._hold, need.why)

    def _is_outdated(self) -> bool:
        steady = self._clock.monotonic()
        if steady < self._retry_at:
            return False
        if self._outdated_since is None:
            self._outdated_since = steady
        return steady - self._outdated_since >= REASON_SECONDS

    async def _take(self, inhibitor: Inhibitor, need: Need, jobs: Sequence[Job]) -> None:
        if self._clock.monotonic() < self._retry_at:
            return
        try:
            self._hold = await inhibitor.hold(need.why)
            self._why, self._outdated_since = need.why, None
            self._held_since = self._clock.monotonic()
            cause = tuple(f"job:{job.id}" for job in jobs[:MAX_CAUSES])
            await self._audit.append(WakeHeld(cause=cause, reason=need.why, means=inhibitor.means))
        except (WakeUnavailable, AuditUnavailable) as error:
            # not recorded, not held: with nothing in the log no job runs either
            if self._hold is not None:
                hold, self._hold = self._hold, None
                await hold.release()
            self._fail(error.message)
        else:
            self._problem = self._hold.shortfall

    async def _rename(self, inhibitor: Inhibitor, old: Hold, why: str) -> None:
        """The new one first: no moment may lie between them."""
        self._outdated_since = None
        try:
            self._hold = await inhibitor.hold(why)
        except WakeUnavailable as error:
            log.warning("the reason shown is that of before: %s", error.message)
            self._retry_at = self._clock.monotonic() + RETRY_SECONDS
            return
        self._why = why
        await old.release()

    async def _release(self, reason: str) -> None:
        if self._hold is None:
            return
        hold, self._hold, self._outdated_since = self._hold, None, None
        await hold.release()
        seconds = round(self._clock.monotonic() - self._held_since)
        try:
            await self._audit.append(WakeReleased(reason=reason, held_seconds=seconds))
        except AuditUnavailable as error:
            log.error("wake.released not recorded: %s", error.message)

    def _fail(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("the machine is not kept awake: %s", problem)
        self._problem = problem
        self._retry_at = self._clock.monotonic() + RETRY_SECONDS
