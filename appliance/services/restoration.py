"""After a backup was restored: what was under way in it is not done a second time, and said so.

Before anything else can act: jobs that had not begun are cancelled, each with a button that
starts it anew, and what was set aside is told where it came from. Jobs that had begun are
interrupted by the worker, as after a crash. A crash in between leaves the rest to the next start.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.events import JobCancelled
from appliance.core.jobs import Cancelled, Job
from appliance.core.model import Millis, Place
from appliance.core.replies import about_restoring
from appliance.ports import Audit, Clock, Ready, SetAside, State
from appliance.services.approvals import Approvals
from appliance.services.job_moves import moved
from appliance.services.outbox import Outbox

REASON = "it was waiting when the backup was made that was restored"


class Restorer:
    """`run` does nothing in the life of an appliance that was not restored."""

    def __init__(
        self, state: State, audit: Audit, approvals: Approvals, outbox: Outbox, clock: Clock
    ) -> None:
        self._state = state
        self._audit = audit
        self._approvals = approvals
        self._outbox = outbox
        self._clock = clock

    async def run(self, ready: Ready) -> None:
        """Raises AuditUnavailable: then nothing starts, and what waits is still held."""
        made_at = self._state.restoration.made_at()
        if made_at is not None:
            await self._settle(made_at)
        ready()

    async def _settle(self, made_at: Millis) -> None:
        waiting = [job for job in self._state.unfinished_jobs() if not job.has_started]
        cancelled = [JobCancelled(cause=(j.key,), job=j.id, reason=REASON) for j in waiting]
        if cancelled:
            await self._audit.append(*cancelled)
        with self._state.transaction():
            self._tell(made_at, [job.place for job in waiting])
            for job in waiting:
                self._hold(job)
            self._state.restoration.settle()

    def _tell(self, made_at: Millis, places: Sequence[Place]) -> None:
        found = {aside.place: aside for aside in self._state.restoration.set_aside()}
        for place in dict.fromkeys((*found, *places)):
            aside = found.get(place, SetAside(place, 0, 0))
            now = self._clock.now()
            reply = about_restoring.restored(made_at, now, aside.messages, aside.posts)
            self._outbox.put(place, reply)

    def _hold(self, job: Job) -> None:
        after = moved(job, Cancelled(self._clock.now(), REASON), self._state)
        self._approvals.withdraw_all(after)
        self._outbox.put(job.place, about_restoring.held(after), job=job.id)
