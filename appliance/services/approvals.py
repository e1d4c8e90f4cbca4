"""Asks a human, takes the answer once, lets it lapse (DESIGN promise 7).

A question is a row and a record before it is shown. Its answer is a record before it counts.
"Allowed" is shown only by `confirm`, after the agent went on with exactly what was asked.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, replace
from functools import partial

from appliance.core.approvals import JOB_ITSELF, Approval, ApprovalState, may_redeem, settle
from appliance.core.events import (
    ApprovalAsked,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    Event,
    RequestDenied,
    Who,
)
from appliance.core.jobs import Asked, Granted, Job, JobEvent, Lapsed, Refused, advance
from appliance.core.model import (
    Actor,
    ApprovalId,
    Asks,
    JobId,
    Millis,
    Phrase,
    Place,
    Platform,
    UserName,
)
from appliance.core.replies import about_approvals
from appliance.errors import AuditUnavailable
from appliance.ports import Audit, Clock, Policy, Ready, State
from appliance.services.outbox import Outbox

log = logging.getLogger(__name__)

# without vowels, so that no id reads like a word; 10 of 25 characters are 46 bits, and an id is
# useless without being somebody who may approve
_ALPHABET = "bcdfghjkmnpqrstvwxz234679"
_ID_LENGTH = 10
_OPEN = (ApprovalState.PENDING, ApprovalState.GIVEN)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody is asked: one request of one job."""

    job: Job
    request: str
    tool: str
    summary: str
    input_sha256: str
    directory: str
    asks: Asks


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

    # asking

    async def ask(self, question: Question) -> Approval:
        """Record the question, store it and show it. Raises AuditUnavailable: it is not asked."""
        approval = self._draft(question)
        await self._audit.append(_asked(approval, question))
        with self._state.transaction():
            self._state.save_approval(approval)
            job = self._advance(approval.job, Asked())
            for place in self._places(approval, job):
                self._outbox.put(
                    place,
                    about_approvals.question(approval, job, self._clock.now()),
                    label=_label(approval),
                )
        self._changed.set()
        return approval

    def _draft(self, question: Question) -> Approval:
        now = self._clock.now()
        return Approval(
            id=ApprovalId("".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))),
            job=question.job.id,
            request=question.request,
            requester=question.job.requester,
            tool=question.tool,
            summary=question.summary,
            input_sha256=question.input_sha256,
            directory=question.directory,
            asks=question.asks,
            asked_at=now,
            expires_at=Millis(now + question.asks.ttl_seconds * 1000),
        )

    def _places(self, approval: Approval, job: Job) -> list[Place]:
        places = [job.place]
        if not self._policy.may_approve(job.requester, job.requester, approval.asks):
            platforms = approval.asks.via or tuple(Platform)
            for user in self._policy.approvers(job.requester, approval.asks):
                place = self._state.place_of(user, platforms)
                if place is not None and place not in places:
                    places.append(place)
        return places

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
        asks = approval.asks
        if not self._policy.may_approve(actor.name, approval.requester, asks):
            await self._audit.append(_foreign(approval, actor, key))
            return about_approvals.not_yours_to_answer(
                self._policy.approvers(approval.requester, asks)
            )
        if asks.via and actor.sender.platform not in asks.via:
            await self._audit.append(_foreign(approval, actor, key))
            return about_approvals.not_from_here(asks.via)
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
        await self._audit.append(_answered(answer(approval), actor, key))
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
        job = self._state.job(approval.job)
        assert job is not None, "an approval's job is never deleted"
        with self._state.transaction():
            self._state.save_approval(approval)
            question = about_approvals.question(approval, job, self._clock.now())
            self._outbox.edit_labelled(_label(approval), question)

    def _store(self, approval: Approval, event: JobEvent) -> None:
        with self._state.transaction():
            self._state.save_approval(approval)
            job = self._advance(approval.job, event)
            if approval.state is not ApprovalState.GIVEN:
                self._outbox.edit_labelled(_label(approval), about_approvals.settled(approval, job))
            self._tell(approval, job)
        waiting = self._waiting.get(approval.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(approval)

    def _tell(self, approval: Approval, job: Job) -> None:
        """Those who wait to know it: an edit alone rings no phone."""
        if approval.state is ApprovalState.EXPIRED:
            posts = self._state.posts_labelled(_label(approval))
            for place in dict.fromkeys(place for _, place in posts):
                self._outbox.put(place, about_approvals.expired(approval, job))
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

    def stands(self, approval: Approval, asks: Asks) -> bool:
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
            self._outbox.edit_labelled(_label(approval), about_approvals.settled(approval, job))

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
                self._advance(job.id, Refused("withdrawn"))

    def _withdraw(self, approval: Approval, job: Job) -> None:
        gone = replace(approval, state=ApprovalState.WITHDRAWN)
        self._state.save_approval(gone)
        self._outbox.edit_labelled(_label(gone), about_approvals.settled(gone, job))

    # lapsing

    async def run(self, ready: Ready) -> None:
        """Let questions expire at their time."""
        ready()
        while True:
            self._changed.clear()
            pending = [
                approval
                for approval in self._state.open_approvals()
                if approval.state is ApprovalState.PENDING
            ]
            for approval in pending:
                if approval.expires_at <= self._clock.now():
                    await self._expire(approval)
            seconds = min((a.expires_at - self._clock.now() for a in pending), default=None)
            await self._sleep(seconds)

    async def _sleep(self, milliseconds: int | None) -> None:
        async with asyncio.TaskGroup() as either:
            change = either.create_task(self._changed.wait())
            if milliseconds is not None:
                timer = either.create_task(self._clock.sleep(max(0.05, milliseconds / 1000)))
                timer.add_done_callback(lambda _: change.cancel())
                change.add_done_callback(lambda _: timer.cancel())

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

    def _advance(self, job_id: JobId, event: JobEvent) -> Job:
        job = self._state.job(job_id)
        assert job is not None, "an approval's job is never deleted"
        after = advance(job, event)
        self._state.save_job(after)
        return after


def _label(approval: Approval) -> str:
    return f"approval:{approval.id}"


def _job_event(approval: Approval) -> JobEvent:
    match approval.state:
        case ApprovalState.GIVEN:
            return Granted()
        case ApprovalState.EXPIRED:
            return Lapsed()
        case _:
            return Refused(f"denied by {approval.answered_by}")


def _asked(approval: Approval, question: Question) -> Event:
    return ApprovalAsked(
        who=Who.agent(approval.job),
        cause=(question.job.key, f"job:{approval.job}"),
        approval=approval.id,
        job=approval.job,
        request=approval.request,
        object=approval.tool,
        project=question.job.project,
        directory=approval.directory,
        rule=str(approval.asks.rule),
        input_sha256=approval.input_sha256,
        expires_at=approval.expires_at,
        by=approval.asks.by,
        people=approval.asks.people,
        input=approval.summary,
    )


def _answered(approval: Approval, actor: Actor, key: str) -> Event:
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


def _foreign(approval: Approval, actor: Actor, key: str) -> Event:
    return RequestDenied(
        who=Who.user(actor),
        cause=(key, f"job:{approval.job}"),
        act="approve",
        object=approval.id,
        project="",
        rule=str(approval.asks.rule),
        reason="may not answer this approval",
    )
