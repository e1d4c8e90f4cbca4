"""Puts an agent's questions to people, and takes each answer once.

A question is a row and a record before it is shown, its answer is a record before it counts. The
agent waits for it inside the call that asks: what a restart or the end of the job leaves open is
withdrawn, and an answer to it says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from appliance.core.events import (
    Event,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    RequestDenied,
    Who,
)
from appliance.core.jobs import Asked, Granted, Job, JobEvent, Lapsed, Refused
from appliance.core.model import (
    Actor,
    Asks,
    JobId,
    Millis,
    Phrase,
    Refuse,
    Reply,
    ToolCall,
    Urgency,
)
from appliance.core.questions import (
    Asking,
    Choice,
    Question,
    QuestionId,
    QuestionState,
    Unreadable,
    answer,
    asked,
    in_words,
)
from appliance.core.replies import about_questions
from appliance.errors import AuditUnavailable
from appliance.ports import Audit, Clock, Policy, State
from appliance.services.audience import places_to_ask, why_not_theirs
from appliance.services.job_moves import moved, stored
from appliance.services.outbox import Outbox
from appliance.services.random_ids import random_id

log = logging.getLogger(__name__)

LABEL = "question"
"""Posts of a question are labelled with this and its id."""

Answers = Mapping[str, str]
"""By the text of the question."""


class Questions:
    """What agents ask and wait for."""

    def __init__(
        self, state: State, audit: Audit, policy: Policy, outbox: Outbox, clock: Clock
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._outbox = outbox
        self._clock = clock
        self._waiting: dict[QuestionId, asyncio.Event] = {}

    # asking

    async def ask(self, job: Job, call: ToolCall, asks: Asks) -> Answers | Refuse:
        """The answers to all questions of a call, or what the agent is told when there are none.

        Cancelled when the agent withdraws the call: then the questions are, too. Raises
        Unreadable when it is nothing that people could be asked, AuditUnavailable: nobody was.
        """
        questions = [self._draft(job, call, asks, each) for each in asked(call.input)]
        if asks.people > 1 or not self._policy.approvers(job.requester, asks):
            raise Unreadable("there is nobody who may answer alone; decide yourself")
        await self._audit.append(*(_asked(each, job) for each in questions))
        self._show(job, questions)
        try:
            await self._wait_for_all([each.id for each in questions], asks.ttl_seconds)
        except asyncio.CancelledError:
            self._withdraw(questions)
            raise
        await self._expire(questions)
        return self._outcome(questions)

    def _draft(self, job: Job, call: ToolCall, asks: Asks, asking: Asking) -> Question:
        now = self._clock.now()
        return Question(
            id=QuestionId(random_id()),
            job=job.id,
            request=call.id,
            requester=job.requester,
            asking=asking,
            asks=asks,
            asked_at=now,
            expires_at=Millis(now + asks.ttl_seconds * 1000),
        )

    def _show(self, job: Job, questions: Sequence[Question]) -> None:
        places = places_to_ask(job, questions[0].asks, self._policy, self._state)
        with self._state.transaction():
            for question in questions:
                self._waiting[question.id] = asyncio.Event()
                self._state.questions.save(question)
                self._advance(job.id, Asked())
                reply = replace(self._reply(question, job), urgency=Urgency.ANSWER)
                for place in places:
                    self._outbox.put(
                        place,
                        reply,
                        label=_label(question),
                        job=job.id,
                        asked_at=job.created_at if place == job.place else None,
                    )

    def _reply(self, question: Question, job: Job) -> Reply:
        who_may = self._policy.approvers(question.requester, question.asks)
        return about_questions.question(question, job, who_may)

    async def _wait_for_all(self, ids: Sequence[QuestionId], seconds: float) -> None:
        """Until all are settled, or it has been long enough."""
        try:
            async with asyncio.TaskGroup() as either:
                timer = either.create_task(self._clock.sleep(seconds))
                settled = either.create_task(self._all_settled(ids))
                timer.add_done_callback(lambda _: settled.cancel())
                settled.add_done_callback(lambda _: timer.cancel())
        finally:
            for question_id in ids:
                self._waiting.pop(question_id, None)

    async def _all_settled(self, ids: Sequence[QuestionId]) -> None:
        for question_id in ids:
            await self._waiting[question_id].wait()

    async def _expire(self, questions: Sequence[Question]) -> None:
        for question in self._still_open(questions):
            event = QuestionExpired(
                cause=(f"job:{question.job}", question.request),
                question=question.id,
                job=question.job,
                request=question.request,
            )
            try:
                await self._audit.append(event)
            except AuditUnavailable as error:
                # nothing is allowed by it: the agent goes on without an answer
                log.error("expiry of %s not recorded: %s", question.id, error.message)
        for question in self._still_open(questions):  # somebody may have been quicker meanwhile
            self._settle(replace(question, state=QuestionState.EXPIRED), Lapsed())

    def _still_open(self, questions: Sequence[Question]) -> list[Question]:
        return [each for each in self._current(questions) if each.is_open]

    def _outcome(self, questions: Sequence[Question]) -> Answers | Refuse:
        answers = {
            each.asking.text: each.answer
            for each in self._current(questions)
            if each.state is QuestionState.ANSWERED
        }
        if len(answers) == len(questions):
            return answers
        open_ones = "; ".join(e.asking.text for e in questions if e.asking.text not in answers)
        given = "".join(f' "{text}" was answered: "{said}".' for text, said in answers.items())
        return Refuse(
            f"nobody answered in time: {open_ones}.{given} Do not ask again at once: go on with "
            "what does not depend on it, or end and say what you need to know."
        )

    def _current(self, questions: Sequence[Question]) -> list[Question]:
        found = (self._state.questions.get(each.id) for each in questions)
        return [each for each in found if each is not None]

    # answering

    async def answer(
        self, question_id: QuestionId, actor: Actor, key: str, said: Choice | str
    ) -> Phrase:
        """Take somebody's choice, or what they typed; returns the sentence for them.

        Raises AuditUnavailable: it does not count, and the question stays open.
        """
        question = self._state.questions.get(question_id)
        if question is None or not question.is_open:
            return about_questions.late_answer(question)
        refusal = why_not_theirs(actor, question.requester, question.asks, self._policy)
        if refusal is not None:
            await self._audit.append(_foreign(question, actor, key))
            return refusal
        choice = in_words(said, question.asking) if isinstance(said, str) else said
        after = answer(question, choice, by=actor.name, at=self._clock.now())
        if after.state is not QuestionState.ANSWERED:
            return self._mark(question, after)
        await self._audit.append(_answered(after, actor, key))
        current = self._state.questions.get(question_id)
        if current is None or not current.is_open:
            return about_questions.late_answer(current)
        self._settle(after, Granted())
        return about_questions.taken(question, after)

    def _mark(self, before: Question, after: Question) -> Phrase:
        """One of several choices was marked; what is too late is settled by who waits for it."""
        job = self._state.job(after.job)
        if after.is_open and after != before and job is not None:
            with self._state.transaction():
                self._state.questions.save(after)
                self._outbox.edit_labelled(_label(after), self._reply(after, job))
        return about_questions.taken(before, after)

    # the end

    def withdraw_all(self, job: Job) -> None:
        """The job ended: nobody waits for an answer any more. Inside a transaction."""
        for question in self._state.questions.open_of(job.id):
            self._store(replace(question, state=QuestionState.WITHDRAWN), job)

    def _withdraw(self, questions: Sequence[Question]) -> None:
        """The agent does not want to know any more."""
        for question in self._still_open(questions):
            self._settle(replace(question, state=QuestionState.WITHDRAWN), Refused("withdrawn"))

    def _settle(self, question: Question, event: JobEvent) -> None:
        with self._state.transaction():
            self._store(question, self._advance(question.job, event))
        if (waiting := self._waiting.get(question.id)) is not None:
            waiting.set()

    def _store(self, question: Question, job: Job) -> None:
        self._state.questions.save(question)
        self._outbox.edit_labelled(_label(question), about_questions.settled(question, job))

    def _advance(self, job_id: JobId, event: JobEvent) -> Job:
        job = stored(job_id, self._state)
        if job.is_finished:  # its end has withdrawn what was open
            return job
        return moved(job, event, self._state)


def _label(question: Question) -> str:
    return f"{LABEL}:{question.id}"


def _asked(question: Question, job: Job) -> Event:
    return QuestionAsked(
        who=Who.agent(job.id),
        cause=(job.key, f"job:{job.id}", question.request),
        question=question.id,
        job=job.id,
        request=question.request,
        project=job.project,
        rule=str(question.asks.rule),
        expires_at=question.expires_at,
        text=question.asking.text,
    )


def _answered(question: Question, actor: Actor, key: str) -> Event:
    return QuestionAnswered(
        who=Who.user(actor),
        cause=(key, f"job:{question.job}", f"question:{question.id}"),
        question=question.id,
        job=question.job,
        request=question.request,
        answer=question.answer,
    )


def _foreign(question: Question, actor: Actor, key: str) -> Event:
    return RequestDenied(
        who=Who.user(actor),
        cause=(key, f"job:{question.job}"),
        act="answer",
        object=question.id,
        project="",
        rule=str(question.asks.rule),
        reason="may not answer this question",
    )
