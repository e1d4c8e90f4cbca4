"""Asks a human, takes the answer once, lets it lapse.

A question is a row and a record before it is shown. Its answer is a record before it counts.
"Allowed" is shown only by `confirm`, after the agent went on with exactly what was asked.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial

from appliance.core.approvals import JOB_ITSELF, Approval, ApprovalState, may_redeem, settle
from appliance.core.events import ApprovalExpired
from appliance.core.jobs import Asked, Granted, Job, JobEvent, Lapsed, Refused
from appliance.core.model import (
    Actor,
    ApprovalId,
    Asks,
    Decision,
    Denied,
    JobId,
    Millis,
    Phrase,
    Reply,
    Urgency,
    UserName,
)
from appliance.core.replies import about_approvals
from appliance.errors import AuditUnavailable, StorageUnavailable
from appliance.ports import Audit, Clock, Policy, Ready, State
from appliance.services import approval_records
from appliance.services.audience import places_to_ask, why_not_theirs
from appliance.services.deadlines import due_or_changed
from appliance.services.job_moves import moved, stored
from appliance.services.outbox import Outbox
from appliance.services.random_ids import random_id
from appliance.services.reminders import Reminders

log = logging.getLogger(__name__)

STORAGE_PAUSE_MS = 5_000

_OPEN = (ApprovalState.PENDING, ApprovalState.GIVEN)
LABEL = "approval"
"""Posts of a question are labelled with this and its id."""


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for somebody's yes: one request of one job.

    `why`: the agent's own words about it; `input`: all of it, for details.
    """

    job: Job
    request: str
    tool: str
    summary: str
    input_sha256: str
    directory: str
    asks: Asks
    why: str = ""
    input: str = ""


class Approvals:
    """The questions that are open, their answers, and whoever waits for them."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._outbox = outbox
        self._clock = clock
        self._waiting: dict[ApprovalId, asyncio.Future[Approval]] = {}
        self._changed = asyncio.Event()
        self._reminders = Reminders(state, policy, outbox, clock)

    # asking

    async def ask(self, held: Held) -> Approval:
        """Record the question, store it and show it. Raises AuditUnavailable: it is not asked."""
        approval = self._draft(held)
        await self._audit.append(approval_records.asked(approval, held.job))
        with self._state.transaction():
            self._state.save_approval(approval)
            job = moved(stored(approval.job, self._state), Asked(), self._state)
            for place in places_to_ask(job, approval.asks, self._policy, self._state):
                self._outbox.put(
                    place,
                    replace(self._shown(approval, job), urgency=Urgency.ANSWER),
                    label=_label(approval),
                    job=job.id,
                    asked_at=job.created_at if place == job.place else None,
                )
        self._changed.set()
        return approval

    def _shown(self, approval: Approval, job: Job) -> Reply:
        who_may = self._policy.approvers(approval.requester, approval.asks)
        return about_approvals.question(approval, job, self._clock.now(), who_may)

    def _draft(self, held: Held) -> Approval:
        now = self._clock.now()
        return Approval(
            id=ApprovalId(random_id()),
            job=held.job.id,
            request=held.request,
            requester=held.job.requester,
            tool=held.tool,
            summary=held.summary,
            input_sha256=held.input_sha256,
            directory=held.directory,
            asks=held.asks,
            asked_at=now,
            expires_at=Millis(now + held.asks.ttl_seconds * 1000),
            why=held.why,
            input=held.input,
        )

    async def answer_of(self, approval: Approval) -> Approval:
        """Wait until it is settled, however long that takes."""
        current = self._state.approval(approval.id)
        if current is not None and current.state is not ApprovalState.PENDING:
            return current
        future = self._waiting.setdefault(approval.id, asyncio.get_running_loop().create_future())
        try:
            return await future
        finally:
            self._waiting.pop(approval.id, None)

    # answering

    async def answer(
        self,
        approval_id: ApprovalId,
        actor: Actor,
        key: str,
        *,
        is_granted: bool,
        reason: str = "",
        for_job: bool = False,
    ) -> Phrase:
        """Take somebody's answer, the message `key`; returns the sentence for them.

        Whether they may is asked of the policy of this moment, of those who said yes before, too.
        Raises AuditUnavailable: the answer does not count, the question stays open.
        """
        approval = self._open(approval_id)
        if approval is None or approval.state is not ApprovalState.PENDING:
            return about_approvals.late_answer(approval)
        refusal = why_not_theirs(actor, approval.requester, approval.asks, self._policy)
        if refusal is not None:
            await self._audit.append(approval_records.foreign(approval, actor, key))
            return refusal
        if is_granted and actor.name in approval.given_by:
            return about_approvals.answered(approval)
        answer = partial(
            settle,
            is_granted=is_granted,
            by=actor.name,
            at=self._clock.now(),
            reason=reason,
            for_job=for_job,
        )
        await self._audit.append(approval_records.answered(answer(approval), actor, key))
        current = self._open(approval_id)
        if current is None or current.state is not ApprovalState.PENDING:
            return about_approvals.late_answer(current)  # somebody was quicker while we recorded
        return self._settle(answer(current))

    def _open(self, approval_id: ApprovalId) -> Approval | None:
        """The approval, without the yes of anybody who may not give it any more."""
        approval = self._state.approval(approval_id)
        if approval is None or approval.state is not ApprovalState.PENDING:
            return approval
        still = tuple(
            name
            for name in approval.given_by
            if self._policy.may_approve(UserName(name), approval.requester, approval.asks)
        )
        return replace(approval, given_by=still)

    def _settle(self, approval: Approval) -> Phrase:
        if approval.state is ApprovalState.PENDING:
            self._show_progress(approval)
        else:
            self._store(approval, _job_event(approval))
        if approval.state is ApprovalState.EXPIRED:
            return about_approvals.late_answer(approval)
        return about_approvals.answered(approval)

    def _show_progress(self, approval: Approval) -> None:
        """One of several people said yes: the question stays, and says so."""
        job = stored(approval.job, self._state)
        with self._state.transaction():
            self._state.save_approval(approval)
            question = replace(self._shown(approval, job), attachment=None)  # it is there
            self._outbox.edit_labelled(_label(approval), question)

    def _store(self, approval: Approval, event: JobEvent) -> None:
        with self._state.transaction():
            self._state.save_approval(approval)
            job = moved(stored(approval.job, self._state), event, self._state)
            if approval.state is not ApprovalState.GIVEN:
                self._show_settled(approval, job)
            self._tell(approval, job)
        waiting = self._waiting.get(approval.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(approval)

    def _tell(self, approval: Approval, job: Job) -> None:
        """Those who wait to know it: an edit alone rings no phone."""
        if approval.state is ApprovalState.EXPIRED:
            posts = self._state.posts_labelled(_label(approval))
            for place in dict.fromkeys(place for _, place in posts):
                notice = about_approvals.expired(approval, job, is_there=place == job.place)
                self._outbox.put(place, notice, label=_again(approval), job=job.id)
        is_by_another = approval.answered_by != approval.requester
        is_refused = approval.state is ApprovalState.REFUSED and is_by_another
        if is_refused and approval.is_about_job:  # of a step its agent tells
            self._outbox.put(job.place, about_approvals.refused(approval, job))

    # after the answer

    def given_to_all(self, job: Job, tool: str, asks: Asks) -> Approval | None:
        """What somebody has allowed for this whole job, if that covers the question.

        The same rule, letter by letter, must ask about the same tool, and whoever allowed it must
        still be somebody who may.
        """
        if not asks.job_wide:
            return None
        for approval in self._state.approvals_for_job(job.id):
            by = UserName(approval.answered_by)
            is_same = approval.asks.rule == asks.rule and approval.tool == tool
            if is_same and self._policy.may_approve(by, job.requester, asks):
                return approval
        return None

    def let_through(self, approval: Approval, request: str, summary: str) -> None:
        """Note a call that went on because of a yes for the whole job, for who asks later."""
        with self._state.transaction():
            self._state.questions.let_through(approval.id, request, summary)

    def earlier(self, approval: Approval) -> list[str]:
        """What else somebody has allowed in this job because the same rule asked."""
        found: list[str] = []
        for other in self._state.approvals_of(approval.job):
            is_same = other.asks.rule == approval.asks.rule and other.id != approval.id
            if is_same and other.state is ApprovalState.USED:
                found += [other.summary, *self._state.questions.passed(other.id)]
        return found

    def mark_renewed(self, approval: Approval, key: str) -> None:
        """What has expired was asked again by the message `key`, which happens once.

        Inside a transaction.
        """
        job = stored(approval.job, self._state)
        renewed = replace(approval, renewed_by=key)
        self._state.save_approval(renewed)
        self._show_settled(renewed, job)
        for post, place in self._state.posts_labelled(_again(renewed)):
            self._outbox.edit(post, place, about_approvals.expired(renewed, job))

    def _show_settled(self, approval: Approval, job: Job) -> None:
        """Wherever it was asked."""
        for post, place in self._state.posts_labelled(_label(approval)):
            reply = about_approvals.settled(approval, job, is_there=place == job.place)
            self._outbox.edit(post, place, reply)

    def why_not_any_more(self, decision: Decision, approval: Approval | None) -> Denied | None:
        """Why a yes from before is not enough for what the policy says now; None: it is."""
        if isinstance(decision, Asks):
            if approval is not None and self._stands(approval, decision):
                return None
            return Denied(decision.rule, "it needs an approval that it does not have; ask again")
        return decision if isinstance(decision, Denied) else None

    def _stands(self, approval: Approval, asks: Asks) -> bool:
        """Whether those who said yes may say it to what is asked now, and are enough for it."""
        still = [
            name
            for name in approval.given_by
            if self._policy.may_approve(UserName(name), approval.requester, asks)
        ]
        return len(still) >= asks.people

    def redeem(
        self, approval: Approval, *, request: str, input_sha256: str, directory: str
    ) -> bool:
        """Use a given approval up for exactly this; False: it does not fit or was used."""
        current = self._state.approval(approval.id)
        if current is None or not may_redeem(
            current, request=request, input_sha256=input_sha256, directory=directory
        ):
            return False
        with self._state.transaction():
            self._state.save_approval(replace(current, state=ApprovalState.USED))
        return True

    def confirm(self, approval_id: ApprovalId) -> None:
        """The agent went on with it: now say so."""
        approval = self._state.approval(approval_id)
        job = self._state.job(approval.job) if approval else None
        if approval is None or job is None:
            return
        with self._state.transaction():
            self._show_settled(approval, job)

    def given_for(self, job_id: JobId) -> Approval | None:
        """The answered question about starting this job."""
        for approval in self._state.open_approvals():
            if approval.job == job_id and approval.request == JOB_ITSELF:
                return approval
        return None

    def withdraw_all(self, job: Job) -> None:
        """The job ended: what is still open about it will not happen. Inside a transaction."""
        for approval in self._state.open_approvals():
            if approval.job == job.id:
                self._withdraw(approval, job)

    def withdraw(self, approval: Approval) -> None:
        """The agent does not want it any more, or it must not happen although it was approved."""
        current = self._state.approval(approval.id)
        job = self._state.job(approval.job)
        if current is None or current.state not in _OPEN or job is None:
            return
        with self._state.transaction():
            self._withdraw(current, job)
            if current.state is ApprovalState.PENDING and not job.is_finished:
                moved(job, Refused("withdrawn"), self._state)

    def _withdraw(self, approval: Approval, job: Job) -> None:
        gone = replace(approval, state=ApprovalState.WITHDRAWN)
        self._state.save_approval(gone)
        self._show_settled(gone, job)

    # lapsing

    async def run(self, ready: Ready) -> None:
        """Let questions expire at their time."""
        ready()
        while True:
            self._changed.clear()
            try:
                at = await self._lapse()
            except StorageUnavailable as error:
                # whoever waits goes on waiting: nothing is allowed by that, and nothing need end
                log.error("questions neither lapse nor are brought to mind: %s", error.message)
                at = Millis(self._clock.now() + STORAGE_PAUSE_MS)
            await due_or_changed(at, self._changed, self._clock)

    async def _lapse(self) -> Millis | None:
        """When something is due next."""
        pending = [
            approval
            for approval in self._state.open_approvals()
            if approval.state is ApprovalState.PENDING
        ]
        for approval in pending:
            if approval.expires_at <= self._clock.now():
                await self._expire(approval)
        reminder = self._reminders.send(pending, LABEL)
        moments = [*(a.expires_at for a in pending), *([reminder] if reminder else [])]
        return min(moments, default=None)

    async def _expire(self, approval: Approval) -> None:
        try:
            await self._audit.append(
                ApprovalExpired(approval=approval.id, job=approval.job, request=approval.request)
            )
        except AuditUnavailable as error:
            # it expires all the same: to refuse without a record is safe, to allow would not be
            log.error("expiry of %s not recorded: %s", approval.id, error.message)
        current = self._state.approval(approval.id)
        if current is not None and current.state is ApprovalState.PENDING:
            self._store(replace(current, state=ApprovalState.EXPIRED), Lapsed())


def _label(approval: Approval) -> str:
    return f"{LABEL}:{approval.id}"


def _again(approval: Approval) -> str:
    return f"again:{approval.id}"


def _job_event(approval: Approval) -> JobEvent:
    match approval.state:
        case ApprovalState.GIVEN:
            return Granted()
        case ApprovalState.EXPIRED:
            return Lapsed()
        case _:
            return Refused(f"denied by {approval.answered_by}")
