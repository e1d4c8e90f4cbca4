"""What the log says of a question and its answers."""

from __future__ import annotations

from appliance.core.approvals import Approval, ApprovalState
from appliance.core.events import (
    ApprovalAsked,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    Event,
    RequestDenied,
    Who,
)
from appliance.core.jobs import Job
from appliance.core.model import Actor


def asked(approval: Approval, job: Job) -> Event:
    return ApprovalAsked(
        who=Who.agent(approval.job),
        cause=(job.key, f"job:{approval.job}"),
        approval=approval.id,
        job=approval.job,
        request=approval.request,
        object=approval.tool,
        project=job.project,
        directory=approval.directory,
        rule=str(approval.asks.rule),
        input_sha256=approval.input_sha256,
        expires_at=approval.expires_at,
        by=approval.asks.by,
        people=approval.asks.people,
        input=approval.summary,
    )


def answered(approval: Approval, actor: Actor, key: str) -> Event:
    """`approval` is the question with this answer, which need not be the last one it takes."""
    cause = (key, f"job:{approval.job}", f"approval:{approval.id}")
    match approval.state:
        case ApprovalState.GIVEN | ApprovalState.PENDING:
            return ApprovalGiven(
                who=Who.user(actor),
                cause=cause,
                approval=approval.id,
                job=approval.job,
                request=approval.request,
                input_sha256=approval.input_sha256,
                for_job=approval.for_job,
            )
        case ApprovalState.EXPIRED:
            return ApprovalExpired(
                cause=cause, approval=approval.id, job=approval.job, request=approval.request
            )
        case _:
            return ApprovalRefused(
                who=Who.user(actor),
                cause=cause,
                approval=approval.id,
                job=approval.job,
                request=approval.request,
                reason=approval.reason,
            )


def foreign(approval: Approval, actor: Actor, key: str, reason: str = "") -> Event:
    """Somebody has tried what was not for them."""
    return RequestDenied(
        who=Who.user(actor),
        cause=(key, f"job:{approval.job}"),
        act="approve",
        object=approval.id,
        project="",
        rule=str(approval.asks.rule),
        reason=reason or "may not answer this approval",
    )
