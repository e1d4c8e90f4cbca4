"""A request becomes a job: drafted, asked about where a rule wants that, put in line or started."""

from __future__ import annotations

import shlex
from dataclasses import replace

from appliance.core.approvals import JOB_ITSELF, what_asks, work_fingerprint
from appliance.core.commands import Ask, CallRecipe, Command, ResumeJob, Run
from appliance.core.events import Event, JobCancelled
from appliance.core.files import safe_names
from appliance.core.jobs import Admitted, Barred, Cancelled, Job, advance
from appliance.core.jobs import State as JobState
from appliance.core.model import Allowed, Asks, Message, Program, Projects, Prompt, Reply, Work
from appliance.core.replies import about_conversations, about_jobs, about_projects
from appliance.ports import Audit, Clock, State
from appliance.services import job_records
from appliance.services.approvals import Approvals, Held
from appliance.services.cases import Case, answer
from appliance.services.drafts import draft_job
from appliance.services.file_desk import FileDesk
from appliance.services.job_moves import moved
from appliance.services.outbox import Outbox
from appliance.services.runs import Runs
from appliance.services.watching import live_label
from appliance.services.worker import Worker

STARTS_JOB = (Run, Ask, CallRecipe, ResumeJob)


class Admission:
    """Every way through `start`, `admit` and `queue` marks the message handled."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        projects: Projects,
        runs: Runs,
        worker: Worker,
        approvals: Approvals,
        files: FileDesk,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._projects = projects
        self._runs = runs
        self._worker = worker
        self._approvals = approvals
        self._files = files
        self._outbox = outbox
        self._clock = clock

    def queues_at_once(self, case: Case) -> Job | None:
        """The job that this request queues without a question or a look at anything else."""
        if not isinstance(case.decision, Allowed) or not isinstance(case.command, STARTS_JOB):
            return None
        if case.wish.renews is not None or case.wish.steers is not None:
            return None
        if self._state.job_of(case.incoming.key) is None:
            return None
        job = self._drafted(case)
        if job is None or job.state is not JobState.RECEIVED or job.after is not None:
            return None
        return None if what_asks(case.decision, case.command) else job

    async def queue(self, case: Case, job: Job, *before: Event) -> None:
        """Put a job in line, or start it when there is none, with one commit in the log.

        `before` is recorded with it. Raises AuditUnavailable: nothing was done.
        """
        with self._worker.slot_for(job) as slot:
            started = [slot.event] if slot else []
            await self._audit.append(
                *before, job_records.queued(job, case.actor, case.incoming.key), *started
            )
            with self._state.transaction():
                self._state.mark_handled(case.incoming.key)
                self._files.written(case)
                if case.wish.is_astray:
                    self._outbox.put(job.place, about_conversations.astray())
                job = advance(job, Admitted())
                if slot is not None:
                    slot.take(job)
                else:
                    self._line_up(job)

    def _line_up(self, job: Job) -> None:
        self._state.save_job(job)
        behind = self._runs.blocked_by(job)
        is_told = bool(self._state.posts_labelled(live_label(job)))
        if not is_told and (behind is not None or job.after is not None):
            reply = about_jobs.queued(job, behind)
            self._outbox.put(job.place, reply, label=live_label(job), job=job.id)
        self._worker.wake()

    async def start(self, case: Case) -> None:
        """Raises AuditUnavailable: nothing was done."""
        job = self._drafted(case)
        if job is None:
            return self._reply(case, _why_no_job(case.command))
        if job.state is not JobState.RECEIVED:
            return self._handled(case)  # a crash came between its effect and this mark
        if (old := case.wish.moves) is not None and not old.is_finished:
            await self._worker.stop(old, case.actor, case.incoming.key)
        return await self.admit(case, job)

    async def admit(self, case: Case, job: Job) -> None:
        """Let a job that is `received` start, wait, or be asked about."""
        if job.after is not None and self._state.job(job.after) is None:
            return await self._cancel(case, job, about_jobs.after_unknown(job.after))
        asks = what_asks(case.decision, case.command)
        if asks is not None:
            return await self._ask(case, job, asks)
        return await self.queue(case, job)

    def _drafted(self, case: Case) -> Job | None:
        """As things are now that its turn has come, and not as when it came in.

        There was no job for a button, or a message that was to steer one.
        """
        incoming = case.incoming
        stored = self._state.job_of(incoming.key)
        if stored is not None and stored.state is not JobState.RECEIVED:
            return stored
        if not isinstance(incoming, Message):
            incoming = Message(incoming.key, incoming.sender, incoming.place, "", incoming.sent_at)
        job = draft_job(case.wish, incoming, case.actor, self._clock.now())
        if stored is None:
            return self._added(case, job) if job else None
        if job is None:
            moved(stored, Barred("nobody knows in which project"), self._state)
            return None
        job = replace(job, id=stored.id, created_at=stored.created_at)
        if job != stored:
            self._state.save_job(job)
        return job

    def _added(self, case: Case, job: Job) -> Job:
        with self._state.transaction():
            self._files.taken(case, job)
            return self._state.add_job(job)

    async def _ask(self, case: Case, job: Job, asks: Asks) -> None:
        await self._approvals.ask(
            Held(
                job=job,
                request=JOB_ITSELF,
                tool=case.words,
                summary=_summary(job.work),
                input_sha256=work_fingerprint(job.work),
                directory=self._projects[job.project].path,
                asks=asks,
            )
        )
        self._handled(case)

    async def _cancel(self, case: Case, job: Job, reply: Reply) -> None:
        await self._audit.append(JobCancelled(cause=(case.incoming.key,), job=job.id))
        with self._state.transaction():
            moved(job, Cancelled(self._clock.now(), "never started"), self._state)
            self._reply(case, reply)

    def _reply(self, case: Case, reply: Reply) -> None:
        answer(case, reply, self._state, self._outbox)

    def _handled(self, case: Case) -> None:
        with self._state.transaction():
            self._state.mark_handled(case.incoming.key)


def _why_no_job(command: Command) -> Reply:
    if isinstance(command, ResumeJob):
        return about_jobs.cannot_resume(command.job)
    return about_projects.no_project()


def _summary(work: Work) -> str:
    match work:
        case Prompt(text=text, files=()):
            return text
        case Prompt(text=text, files=files):
            return "\n".join((text, *(f"+ {name}" for name in safe_names(files))))
        case Program(argv=argv):
            return shlex.join(argv)
