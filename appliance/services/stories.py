"""What people look up about jobs: the latest, what waits, what happened in one."""

from __future__ import annotations

from appliance.core.commands import ShowJobs, ShowLog, ShowQueue
from appliance.core.jobs import Job
from appliance.core.jobs import State as JobState
from appliance.core.model import Phrase, Reply
from appliance.core.replies import about_jobs, about_stories
from appliance.core.replies.about_stories import Waiting
from appliance.ports import Clock, Policy, State
from appliance.services.cases import Case
from appliance.services.permission import may_say
from appliance.services.runs import Runs

LATEST_JOBS = 10
LOOKED_THROUGH = 100
"""Among so many jobs those are found that somebody may see."""

Lookup = ShowJobs | ShowQueue | ShowLog


class Stories:
    """Of jobs in projects where the asker may not look, nothing is told."""

    def __init__(self, state: State, policy: Policy, runs: Runs, clock: Clock) -> None:
        self._state = state
        self._policy = policy
        self._runs = runs
        self._clock = clock

    def tell(self, case: Case, lookup: Lookup) -> Reply:
        match lookup:
            case ShowJobs():
                found = self._state.latest_jobs(LOOKED_THROUGH)
                seen = [job for job in found if self._may_see(case, job)]
                return about_jobs.jobs(seen[:LATEST_JOBS], self._clock.now())
            case ShowQueue():
                return about_stories.queue(self._waiting(case), self._clock.now())
            case ShowLog(whole=whole):
                return self._story(case.wish.about, whole=whole)

    def _may_see(self, case: Case, job: Job) -> bool:
        return may_say(case.words, case.actor, job.project, self._policy, self._clock)

    def _waiting(self, case: Case) -> list[Waiting]:
        return [
            Waiting(job, self._why(job))
            for job in self._state.unfinished_jobs()
            if not job.has_started and self._may_see(case, job)
        ]

    def _why(self, job: Job) -> Phrase:
        if job.state is JobState.WAITING_APPROVAL:
            pending = self._state.approvals_of(job.id)
            return about_stories.waits_for_approval(pending[-1] if pending else None)
        if job.after is not None and not self._state.succeeded([job.after]):
            return about_stories.waits_for_success(job.after)
        behind = self._runs.blocked_by(job)
        if behind is None:
            return about_stories.starts_now()
        if self._runs.shortage():
            return about_stories.waits_for_memory()
        return about_stories.waits_for_job(behind)

    def _story(self, job: Job | None, *, whole: bool) -> Reply:
        if job is None:
            return about_stories.no_such_job()
        steps, approvals = self._state.steps(job.id), self._state.approvals_of(job.id)
        return about_stories.story(job, steps, approvals, whole=whole)
