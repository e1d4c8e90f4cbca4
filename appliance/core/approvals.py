"""An approval: one question to a human about one thing, answered at most once.

It is bound to the request's id, the exact input (its SHA-256), the directory, the rule that
asked and an expiry. `settle` and `redeem` are the only ways it changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from appliance.core.commands import CallRecipe, Command
from appliance.core.model import (
    ApprovalId,
    Asks,
    Decision,
    JobId,
    Json,
    Millis,
    Program,
    Prompt,
    UserName,
    Work,
)


class ApprovalState(StrEnum):
    """`GIVEN` is answered yes and not used yet; `USED` has let its one thing happen."""

    PENDING = "pending"
    GIVEN = "given"
    USED = "used"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # the agent gave up, or the appliance restarted under it


NEVER = Millis(0)
JOB_ITSELF = "job"
"""The request id of an approval that is about starting the job, not about a tool call."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A question. `summary` is what would run; `input_sha256` binds the whole of it.

    `given_by`: who has said yes so far; it is given once enough different people have.
    `for_job`: the yes is for everything in this job that the same rule asks about.
    `why`: what the agent says about it, which nobody has checked. `input`: all that it would be
    called with, for whoever wants to see it. `renewed_by`: the message by which somebody has asked
    once more after it expired.
    """

    id: ApprovalId
    job: JobId
    request: str
    requester: UserName
    tool: str
    summary: str
    input_sha256: str
    directory: str
    asks: Asks
    asked_at: Millis
    expires_at: Millis
    state: ApprovalState = ApprovalState.PENDING
    answered_by: str = ""
    reason: str = ""
    given_by: tuple[str, ...] = ()
    for_job: bool = False
    answered_at: Millis = NEVER
    why: str = ""
    input: str = ""
    renewed_by: str = ""

    @property
    def is_about_job(self) -> bool:
        return self.request == JOB_ITSELF


def settle(
    approval: Approval,
    *,
    is_granted: bool,
    by: UserName,
    at: Millis,
    reason: str = "",
    for_job: bool = False,
) -> Approval:
    """The approval with one more answer. The caller has checked that `by` may answer.

    A yes leaves it pending until as many different people as its rule wants have said so; a no
    ends it. An answer to one that is settled already, or after its expiry, changes nothing or
    expires it: the caller compares states. `for_job` counts only where the rule permits it.
    """
    if approval.state is not ApprovalState.PENDING:
        return approval
    if at >= approval.expires_at:
        return replace(approval, state=ApprovalState.EXPIRED)
    if not is_granted:
        return replace(
            approval,
            state=ApprovalState.REFUSED,
            answered_by=by,
            answered_at=at,
            reason=reason,
        )
    given_by = tuple(dict.fromkeys((*approval.given_by, by)))
    is_enough = len(given_by) >= approval.asks.people
    return replace(
        approval,
        state=ApprovalState.GIVEN if is_enough else ApprovalState.PENDING,
        answered_by=" and ".join(given_by) if is_enough else "",
        answered_at=at if is_enough else approval.answered_at,
        given_by=given_by,
        for_job=for_job and may_be_for_job(approval),
    )


def may_be_for_job(approval: Approval) -> bool:
    """Whether a yes may hold for the whole job: its rule says so, and one person decides alone."""
    return approval.asks.job_wide and approval.asks.people == 1 and not approval.is_about_job


def may_redeem(approval: Approval, *, request: str, input_sha256: str, directory: str) -> bool:
    """Whether this approval lets exactly this request happen, now and once."""
    return (
        approval.state is ApprovalState.GIVEN
        and approval.request == request
        and approval.input_sha256 == input_sha256
        and approval.directory == directory
    )


def fingerprint(tool: str, tool_input: Mapping[str, Json]) -> str:
    """SHA-256 (hex) of a tool call's name and input, whatever the order of its keys."""
    text = json.dumps([tool, dict(tool_input)], sort_keys=True, separators=(",", ":"))
    return sha256_text(text)


def sha256_text(text: str) -> str:
    """SHA-256 (hex) of a text; lone surrogates count as themselves."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def work_fingerprint(work: Work) -> str:
    """The fingerprint of starting a job, so that what was approved is what is started."""
    match work:
        case Prompt(text=text, files=files, is_plan=is_plan):
            named: Json = [file.id for file in files]
            return fingerprint("plan" if is_plan else "prompt", {"text": text, "files": named})
        case Program(recipe=recipe, argv=argv, directory=directory):
            return fingerprint(recipe, {"argv": list(argv), "directory": directory})


def what_asks(decision: Decision, command: Command) -> Asks | None:
    """The policy's rule, or the recipe that says so itself: the stricter wins."""
    if isinstance(decision, Asks):
        return decision
    if isinstance(command, CallRecipe) and command.recipe.approval:
        assert command.recipe.source is not None
        return Asks(command.recipe.source)
    return None
