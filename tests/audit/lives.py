"""Whole jobs as the daemon records them, for tests of the story and to fill large logs."""

from __future__ import annotations

from appliance.core.approvals import JOB_ITSELF
from appliance.core.events import (
    ActorType,
    ApprovalAsked,
    ApprovalGiven,
    Event,
    JobFinished,
    JobQueued,
    JobStarted,
    MessageReceived,
    RequestAllowed,
    RequestDenied,
    ToolFinished,
    ToolStarted,
    Who,
)
from tests.audit.logs import ANNA

BEN = Who(ActorType.USER, "ben", "telegram:815")
EVE = Who(ActorType.USER, "eve", "telegram:666")

_HASH = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
_COMMAND = "./migrate --environment production --yes"


def life(job: int) -> tuple[Event, ...]:
    """One job: asked for by Anna, approved by Ben, one call run, one denied, one approved."""
    key = f"telegram:bot:{9000 + job}"
    agent, cause = Who.agent(job), (key, f"job:{job}")
    return (
        MessageReceived(
            who=ANNA,
            key=key,
            place="telegram:4711",
            text=f"/run ship release {job}.2 to production\nand tell me when the tests are green",
        ),
        RequestAllowed(
            who=ANNA,
            cause=(key,),
            act="chat",
            object="/run",
            project="web",
            rule="/etc/dispatch/policies/default.csv:14",
        ),
        ApprovalAsked(
            who=agent,
            cause=cause,
            approval=f"KQ7M{job}",
            job=job,
            request=JOB_ITSELF,
            object="/run",
            project="web",
            directory="/srv/web",
            rule="/etc/dispatch/policies/default.csv:31",
            input_sha256=_HASH,
            expires_at=1_800_000_600_000,
            by=("operator", "owner"),
            input=f"ship release {job}.2 to production\nand tell me when the tests are green",
        ),
        RequestDenied(
            who=EVE,
            cause=(f"job:{job}",),
            act="approve",
            object=f"KQ7M{job}",
            project="",
            rule="/etc/dispatch/policies/default.csv:31",
            reason="may not answer this approval",
        ),
        ApprovalGiven(
            who=BEN,
            cause=(f"job:{job}", f"approval:KQ7M{job}"),
            approval=f"KQ7M{job}",
            job=job,
            request=JOB_ITSELF,
            input_sha256=_HASH,
        ),
        JobQueued(who=ANNA, cause=(key,), job=job, project="web", kind="prompt"),
        JobStarted(cause=(key,), job=job, project="web", kind="prompt", isolation="bubblewrap"),
        *_call(job, "toolu_01", "Bash", "make test", "default.csv:52", "184 passed in 12.31s\n"),
        RequestDenied(
            who=agent,
            cause=(*cause, "toolu_02"),
            act="Read",
            object="/etc/shadow",
            project="web",
            rule="/etc/dispatch/policies/default.csv:60",
            reason="outside of the project",
            input_sha256=_HASH,
            input="Read\nfile_path: /etc/shadow",
        ),
        ApprovalAsked(
            who=agent,
            cause=cause,
            approval=f"ZW2C{job}",
            job=job,
            request="toolu_03",
            object="Bash",
            project="web",
            directory="/srv/web",
            rule="/etc/dispatch/policies/default.csv:47",
            input_sha256=_HASH,
            expires_at=1_800_001_200_000,
            input=_COMMAND,
        ),
        ApprovalGiven(
            who=ANNA,
            cause=(f"job:{job}", f"approval:ZW2C{job}"),
            approval=f"ZW2C{job}",
            job=job,
            request="toolu_03",
            input_sha256=_HASH,
        ),
        *_call(job, "toolu_03", "Bash", _COMMAND, "default.csv:47", "3 migrations applied\n" * 3),
        JobFinished(
            cause=(key,),
            job=job,
            cost_microdollars=412_300,
            input_tokens=51_200,
            output_tokens=4_100,
            duration_ms=94_000,
            answer_sha256=_HASH,
            session="0198c2f4-5a7b",
            answer=f"Release {job}.2 is live.\n\nAll 184 tests are green, 3 migrations applied.",
        ),
    )


def _call(
    job: int, request: str, tool: str, command: str, rule: str, output: str
) -> tuple[Event, ...]:
    agent = Who.agent(job)
    return (
        RequestAllowed(
            who=agent,
            cause=(f"telegram:bot:{9000 + job}", f"job:{job}", request),
            act=tool,
            object=command,
            project="web",
            rule=f"/etc/dispatch/policies/{rule}",
            input_sha256=_HASH,
            input=command,
        ),
        ToolStarted(who=agent, job=job, request=request, tool=tool),
        ToolFinished(
            who=agent,
            job=job,
            request=request,
            is_error=False,
            output_sha256=_HASH,
            output=output,
        ),
    )
