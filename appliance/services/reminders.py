"""Calls again those who have not answered a question yet.

What was called is kept, so that a restart neither forgets a reminder nor repeats one. Of several
that are overdue only the last is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.approvals import Approval
from appliance.core.jobs import Job
from appliance.core.model import Millis, Place, Platform, PostId
from appliance.core.reminders import moments
from appliance.core.replies import about_watching
from appliance.ports import Clock, Policy, State
from appliance.services.outbox import Outbox

COUNTER = "reminders"


class Reminders:
    """`send` is called whenever something may be due, with all that is open."""

    def __init__(self, state: State, policy: Policy, outbox: Outbox, clock: Clock) -> None:
        self._state = state
        self._policy = policy
        self._outbox = outbox
        self._clock = clock

    def send(self, pending: Sequence[Approval], label: str) -> Millis | None:
        """Remind of each what is due; returns when something is due next.

        `label` and the id are what the posts of a question are labelled with.
        """
        oldest = min((approval.asked_at for approval in pending), default=Millis(0))
        for approval in pending:
            self._send_due(approval, f"{label}:{approval.id}", oldest)
        now = self._clock.now()
        coming = (at for approval in pending for at in moments(approval) if at > now)
        return min(coming, default=None)

    def _send_due(self, approval: Approval, label: str, oldest: Millis) -> None:
        now = self._clock.now()
        due = [f"{approval.id}:{at}" for at in moments(approval) if at <= now]
        missing = [key for key in due if not self._state.is_counted(COUNTER, key)]
        job = self._state.job(approval.job)
        if not missing or job is None or approval.expires_at <= now:
            return
        with self._state.transaction():
            for key in missing:
                self._state.count(COUNTER, key, now, forget_before=oldest)
            for post, place in self._questions(approval, job, label):
                self._remind(approval, job, place, post)

    def _remind(self, approval: Approval, job: Job, place: Place, post: PostId) -> None:
        reply = about_watching.still_waiting(approval, job, self._clock.now())
        self._outbox.put(
            place,
            replace(reply, answers=self._state.message_id(post)),
            job=job.id,
            asked_at=job.created_at if place == job.place else None,
        )

    def _questions(self, approval: Approval, job: Job, label: str) -> list[tuple[PostId, Place]]:
        """Where it was asked, one message each place, but not where nobody may answer it."""
        asked = {place: post for post, place in reversed(self._state.posts_labelled(label))}
        places = self._awaited(approval, job) & asked.keys()
        return [(asked[place], place) for place in asked if place in places or not places]

    def _awaited(self, approval: Approval, job: Job) -> set[Place]:
        """The places of those who may answer and have not."""
        asks = approval.asks
        users = set(self._policy.approvers(job.requester, asks)) - set(approval.given_by)
        found = {self._state.place_of(user, asks.via or tuple(Platform)) for user in users}
        if job.requester in users:
            found.add(job.place)
        return {place for place in found if place is not None}
