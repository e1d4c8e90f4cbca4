"""Jobs as they are stored now, moved on by what happens to them, and stored again."""

from __future__ import annotations

from appliance.core.jobs import Job, JobEvent, advance
from appliance.core.model import JobId
from appliance.ports import State


def stored(job_id: JobId, state: State) -> Job:
    """As it is now. Raises StorageUnavailable."""
    job = state.job(job_id)
    assert job is not None, "jobs are never deleted"
    return job


def moved(job: Job, event: JobEvent, state: State) -> Job:
    """The job after the event, as it is stored now. Raises WrongMoment."""
    after = advance(job, event)
    state.save_job(after)
    return after
