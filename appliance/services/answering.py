"""What people do with a question: answer it, say why not, look closer.

Whether they may answer is checked where the answer is taken (`approvals`, `questions`).
"""

from __future__ import annotations

from appliance.core.approvals import Approval, ApprovalState
from appliance.core.commands import Answer, AnswerQuestion, GiveReason, ShowDetails
from appliance.core.jobs import Barred
from appliance.core.jobs import State as JobState
from appliance.core.model import ApprovalId, Click, Incoming, Reply
from appliance.core.replies import about_approvals, about_details
from appliance.core.words import say
from appliance.ports import Audit, Clock, Policy, State
from appliance.services import approval_records, approvals, questions
from appliance.services.approvals import Approvals
from appliance.services.cases import Case, answer
from appliance.services.job_moves import moved
from appliance.services.outbox import Outbox
from appliance.services.questions import Questions
from appliance.services.replies_to_questions import REASON

About = Answer | GiveReason | ShowDetails | AnswerQuestion
"""What people do with a question."""


class Answering:
    """Every way through `act` marks the message handled, or raises AuditUnavailable."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        approvals: Approvals,
        agents_questions: Questions,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._approvals = approvals
        self._questions = agents_questions
        self._outbox = outbox
        self._clock = clock

    async def act(self, case: Case, command: About) -> None:
        self._bar_job(case)
        match command:
            case Answer() | GiveReason() if self._is_swapped(case.incoming, command.approval):
                await self._refuse_swapped(case, command.approval)
            case Answer():
                self._reply(case, await self._answered(case, command))
            case GiveReason(approval=approval):
                await self._ask_why(case, approval)
            case ShowDetails(approval=approval):
                self._reply(case, self._details(case, approval))
            case AnswerQuestion(question=question, choice=choice, text=text):
                said = text if choice is None else choice
                key = case.incoming.key
                sentence = await self._questions.answer(question, case.actor, key, said)
                self._reply(case, say(sentence))

    def _bar_job(self, case: Case) -> None:
        """When it came in it was not known yet that it is an answer, and no work of its own."""
        job = self._state.job_of(case.incoming.key)
        if job is not None and job.state is JobState.RECEIVED:
            with self._state.transaction():
                moved(job, Barred("it was an answer"), self._state)

    # approvals

    async def _answered(self, case: Case, command: Answer) -> Reply:
        sentence = await self._approvals.answer(
            command.approval,
            case.actor,
            case.incoming.key,
            is_granted=command.is_granted,
            reason=command.reason,
            for_job=command.for_job,
        )
        approval = self._state.approval(command.approval)
        if approval is None or isinstance(case.incoming, Click):
            return say(sentence)  # the button that asks again is where the click was
        job = self._state.job(approval.job)
        is_there = job is not None and job.place == case.incoming.place
        return about_details.late(sentence, approval, is_there=is_there)

    def _is_swapped(self, incoming: Incoming, approval: ApprovalId) -> bool:
        """Whether a button was pressed under the question about something else."""
        if not isinstance(incoming, Click) or not incoming.message_id:
            return False
        label = self._state.label_at(incoming.place, incoming.message_id)
        kind, _, name = label.partition(":")
        return kind in (approvals.LABEL, questions.LABEL) and name != approval

    async def _refuse_swapped(self, case: Case, approval_id: ApprovalId) -> None:
        approval = self._state.approval(approval_id)
        if approval is not None:
            reason = "the button was under another question"
            event = approval_records.foreign(approval, case.actor, case.incoming.key, reason)
            await self._audit.append(event)
        self._reply(case, say(about_details.elsewhere()))

    async def _ask_why(self, case: Case, approval_id: ApprovalId) -> None:
        approval = self._state.approval(approval_id)
        if approval is None or approval.state is not ApprovalState.PENDING:
            return self._reply(case, say(about_approvals.late_answer(approval)))
        if not self._policy.may_approve(case.actor.name, approval.requester, approval.asks):
            event = approval_records.foreign(approval, case.actor, case.incoming.key)
            await self._audit.append(event)
            who_may = self._policy.approvers(approval.requester, approval.asks)
            return self._reply(case, say(about_approvals.not_yours_to_answer(who_may)))
        place, key = case.incoming.place, case.incoming.key
        with self._state.transaction():
            self._state.mark_handled(key)
            self._state.questions.await_reason(case.actor.name, approval_id)
            prompt = about_details.why_not(approval)
            self._outbox.put(place, prompt, label=f"{REASON}:{approval_id}", job=approval.job)
            if isinstance(case.incoming, Click):
                self._outbox.toast(place, key, say(about_details.say_why()))
        return None

    def _details(self, case: Case, approval_id: ApprovalId) -> Reply:
        approval = self._state.approval(approval_id)
        job = self._state.job(approval.job) if approval is not None else None
        if approval is None or job is None or not self._may_look(case, approval):
            return say(about_details.no_details())
        earlier = self._approvals.earlier(approval)
        return about_details.details(approval, job, earlier, self._clock.now())

    def _may_look(self, case: Case, approval: Approval) -> bool:
        """Who asked for the job, who may answer, and who was shown the question."""
        name, label = case.actor.name, f"{approvals.LABEL}:{approval.id}"
        if name == approval.requester:
            return True
        if self._policy.may_approve(name, approval.requester, approval.asks):
            return True
        return any(place == case.incoming.place for _, place in self._state.posts_labelled(label))

    def _reply(self, case: Case, reply: Reply) -> None:
        answer(case, reply, self._state, self._outbox)
