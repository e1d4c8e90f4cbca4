"""What the log says of a job."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.approvals import sha256_text
from appliance.core.events import (
    Event,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobQueued,
    JobStarted,
    JobTimedOut,
    RequestDenied,
    Who,
)
from appliance.core.jobs import Job
from appliance.core.model import Actor, Denied, Ended, Ending, Isolation


@dataclass(frozen=True, slots=True)
class Stopped:
    """Who stopped a job, by which message."""

    by: Actor
    key: str


def queued(job: Job, actor: Actor, key: str) -> Event:
    """`key`: the message or the button that has put it in line."""
    return JobQueued(
        who=Who.user(actor),
        cause=(key,),
        job=job.id,
        project=job.project,
        kind=job.kind,
        after=job.after or 0,
    )


def started(job: Job, isolation: Isolation) -> Event:
    return JobStarted(
        cause=(job.key,),
        job=job.id,
        project=job.project,
        kind=job.kind,
        isolation=isolation,
        session=job.earlier_session,
    )


def barred(job: Job, denied: Denied) -> tuple[Event, Event]:
    """It was let in, and may not start any more."""
    cause = (job.key, f"job:{job.id}")
    return (
        RequestDenied(
            cause=cause,
            act="start",
            object=f"job {job.id}",
            project=job.project,
            rule=str(denied.rule or ""),
            reason=denied.reason,
        ),
        JobCancelled(cause=cause, job=job.id, reason=denied.reason),
    )


def ended(job: Job, how: Ended, stopped: Stopped | None) -> Event:
    cause: tuple[str, ...] = (job.key,)
    usage = how.usage
    match how.ending:
        case Ending.SUCCEEDED:
            return JobFinished(
                cause=cause,
                job=job.id,
                cost_microdollars=usage.cost_microdollars,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                duration_ms=usage.duration_ms,
                answer_sha256=sha256_text(how.text),
                session=job.session,
                answer=how.text,
            )
        case Ending.FAILED:
            return JobFailed(
                cause=cause,
                job=job.id,
                reason=how.text,
                cost_microdollars=usage.cost_microdollars,
            )
        case Ending.CANCELLED:
            if stopped is not None:
                who, cause = Who.user(stopped.by), (*cause, stopped.key)
            else:
                who = Who.agent(job.id)
            return JobCancelled(who=who, cause=cause, job=job.id, reason=how.text)
        case Ending.TIMED_OUT:
            seconds = usage.duration_ms // 1000
            return JobTimedOut(cause=cause, job=job.id, after_seconds=seconds)
