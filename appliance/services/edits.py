"""Messages that were changed after they were sent: before their job starts, the job changes too.

What the message says now is judged as if it had just been sent. Whatever comes of that, the old
text does not run any more: its sender has taken it back.
"""

from __future__ import annotations

from dataclasses import replace

from appliance.core.events import JobCancelled, MessageEdited, Who
from appliance.core.jobs import Cancelled, Job, Reworded
from appliance.core.jobs import State as JobState
from appliance.core.model import Actor, Edited, Message, Prompt, Reply, Work
from appliance.core.replies import about_conversations
from appliance.ports import Audit, Clock, State
from appliance.services.admission import Admission
from appliance.services.approvals import Approvals
from appliance.services.cases import Case, answer
from appliance.services.drafts import draft_job
from appliance.services.job_moves import moved
from appliance.services.outbox import Outbox
from appliance.services.runs import Runs


class Edits:
    """Used by the gate alone, which has recorded the change and judged the new text."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        runs: Runs,
        approvals: Approvals,
        admission: Admission,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._runs = runs
        self._approvals = approvals
        self._admission = admission
        self._outbox = outbox
        self._clock = clock

    def is_in_time(self, job: Job | None) -> bool:
        """Whether the job has not started, nor is about to."""
        if job is None or job.is_finished or job.has_started:
            return False
        return job.id not in self._runs

    async def answer_late(self, edited: Edited, actor: Actor, job: Job | None) -> None:
        """Say so; nothing is said when only a picture of a link has come to the message.

        Raises AuditUnavailable.
        """
        await self._audit.append(self.event(edited, actor, job))
        with self._state.transaction():
            self._state.mark_handled(edited.key)
            if _text_before(edited, job, self._state) != edited.text.strip():
                self._outbox.put(edited.place, about_conversations.changed_too_late(job))

    def event(self, edited: Edited, actor: Actor, job: Job | None) -> MessageEdited:
        said = self._state.said(edited.place, edited.message_id)
        return MessageEdited(
            who=Who.user(actor),
            cause=(said[0].key,) if said else (),
            key=edited.key,
            place=str(edited.place),
            job=job.id if job else 0,
            text=edited.text,
        )

    async def apply(self, case: Case) -> None:
        """The job with its new text goes the way of a new one. Raises AuditUnavailable."""
        edited, job = case.incoming, self._current(case)
        assert isinstance(edited, Edited)
        if job is None or not self.is_in_time(job):  # it has started while this was recorded
            reply = about_conversations.changed_too_late(job)
            return answer(case, reply, self._state, self._outbox)
        draft = self._draft(case, edited)
        if draft is None:
            return await self.take_back(case, about_conversations.changed_to_no_task(job))
        if _same(draft, job) and job.state is not JobState.RECEIVED:
            return self._state.mark_handled(edited.key)
        with self._state.transaction():
            self._approvals.withdraw_all(job)
            changed = moved(job, Reworded(draft), self._state)
            if not _same(draft, job):
                self._outbox.put(job.place, about_conversations.changed(job), job=job.id)
        return await self._admission.admit(case, changed)

    async def take_back(self, case: Case, reply: Reply) -> None:
        """The job will not start. Raises AuditUnavailable: it stays as it was."""
        job, reason = self._current(case), "its message was changed"
        if job is not None and self.is_in_time(job):
            who = Who.user(case.actor)
            cause = (case.incoming.key, f"job:{job.id}")
            await self._audit.append(JobCancelled(who=who, cause=cause, job=job.id, reason=reason))
            job = self._current(case)
        with self._state.transaction():
            if job is not None and self.is_in_time(job):
                self._approvals.withdraw_all(job)
                moved(job, Cancelled(self._clock.now(), reason), self._state)
            answer(case, reply, self._state, self._outbox)

    def _current(self, case: Case) -> Job | None:
        about = case.wish.about
        return self._state.job(about.id) if about is not None else None

    def _draft(self, case: Case, edited: Edited) -> Job | None:
        about = case.wish.about
        assert about is not None, "only the message of a job is changed in time"
        message = Message(
            about.key,
            edited.sender,
            edited.place,
            edited.text,
            edited.sent_at,
            message_id=about.message_id,
        )
        draft = draft_job(case.wish, message, case.actor, self._clock.now())
        return replace(draft, work=_with_files(draft.work, about.work)) if draft else None


def _with_files(work: Work, before: Work) -> Work:
    """A message's files stay when its words are changed."""
    if isinstance(work, Prompt) and isinstance(before, Prompt):
        return replace(work, files=before.files)
    return work


def _same(draft: Job, job: Job) -> bool:
    return (draft.work, draft.words, draft.after) == (job.work, job.words, job.after)


def _text_before(edited: Edited, job: Job | None, state: State) -> str:
    if job is not None and isinstance(job.work, Prompt):
        return job.work.text
    said = state.said(edited.place, edited.message_id)
    return said[0].text.strip() if said else ""
