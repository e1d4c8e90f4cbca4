"""What each command does once it is allowed.

Effects on a running job (steer, stop) come before the message is marked handled: after a crash
the job is interrupted, and the message is looked at again in that light.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.core.approvals import JOB_ITSELF, work_fingerprint
from appliance.core.commands import (
    BUILTINS,
    Answer,
    Ask,
    CallRecipe,
    Command,
    ExplainRefusal,
    Help,
    Mistake,
    ResumeJob,
    Run,
    ShowJobs,
    ShowStatus,
    StartAfresh,
    StayAwake,
    StopJob,
    UseProject,
    WakeUp,
)
from appliance.core.events import Event, JobCancelled, JobQueued, Who
from appliance.core.jobs import Admitted, Cancelled, Job, advance
from appliance.core.jobs import State as JobState
from appliance.core.keep_awake import Wish
from appliance.core.model import (
    Actor,
    Allowed,
    Asks,
    Click,
    CommandRequest,
    Decision,
    Denied,
    Incoming,
    Message,
    Program,
    Project,
    ProjectName,
    Prompt,
    Reply,
    Work,
)
from appliance.core.replies import about_jobs, about_projects, about_requests
from appliance.core.requests import words_of
from appliance.core.words import say
from appliance.ports import Audit, Clock, Conversation, Policy, State
from appliance.services.approvals import Approvals, Question
from appliance.services.drafts import draft_job, running_prompt, steers
from appliance.services.health import Health
from appliance.services.judge import what_asks
from appliance.services.keep_awake import KeepAwake
from appliance.services.other_hosts import OtherHosts
from appliance.services.outbox import Outbox
from appliance.services.refusals import Refusals
from appliance.services.worker import Worker

LATEST_JOBS = 10
STARTS_JOB = (Run, Ask, CallRecipe, ResumeJob)


@dataclass(frozen=True, slots=True)
class Case:
    """An allowed request: who asked what, where, and the decision that lets it through."""

    incoming: Incoming
    actor: Actor
    command: Command
    decision: Decision
    project: ProjectName | None

    @property
    def words(self) -> str:
        return words_of(self.command)


class Desk:
    """Carries out commands. Every way through `act` marks the message handled."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        projects: Mapping[ProjectName, Project],
        worker: Worker,
        approvals: Approvals,
        refusals: Refusals,
        outbox: Outbox,
        health: Health,
        keep_awake: KeepAwake,
        other_hosts: OtherHosts,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._projects = projects
        self._worker = worker
        self._approvals = approvals
        self._refusals = refusals
        self._outbox = outbox
        self._health = health
        self._keep_awake = keep_awake
        self._other_hosts = other_hosts
        self._clock = clock

    async def act(self, case: Case) -> None:
        """Raises AuditUnavailable: it was not done."""
        if isinstance(case.decision, Asks) and not isinstance(case.command, STARTS_JOB):
            return self._reply(case, about_requests.cannot_wait(case.decision))
        match case.command:
            case Run() as run if steers(run, case.incoming.place, self._state):
                await self._steer(case, run)
            case Run() | Ask() | CallRecipe() | ResumeJob():
                await self._start(case)
            case StopJob(job=job_id):
                await self._stop(case, self._job_to_stop(case, job_id))
            case Answer() as answer:
                sentence = await self._approvals.answer(
                    answer.approval,
                    case.actor,
                    case.incoming.key,
                    is_granted=answer.is_granted,
                    reason=answer.reason,
                    for_job=answer.for_job,
                )
                self._worker.wake()
                self._reply(case, say(sentence))
            case UseProject(name=name):
                self._use_project(case, name)
            case StartAfresh():
                self._forget_session(case)
            case StayAwake(wish=wish):
                self._stay_awake(case, wish)
            case WakeUp(host=host):
                self._reply(case, await self._other_hosts.wake(host))
            case ShowStatus() | ShowJobs() | ExplainRefusal() | Help() | Mistake():
                self._reply(case, self._told(case, case.command))
        return None

    def _told(
        self, case: Case, command: ShowStatus | ShowJobs | ExplainRefusal | Help | Mistake
    ) -> Reply:
        """What only has to be looked up."""
        match command:
            case ShowStatus():
                return self._health.reply()
            case ShowJobs():
                return about_jobs.jobs(self._state.latest_jobs(LATEST_JOBS), self._clock.now())
            case ExplainRefusal():
                return self._refusals.explain(case.incoming.place)
            case Help():
                return self._help(case)
            case Mistake(sentence):
                return say(sentence)

    def queues_at_once(self, case: Case) -> Job | None:
        """The job that this request queues without a question or a look at anything else."""
        if not isinstance(case.decision, Allowed) or not isinstance(case.command, STARTS_JOB):
            return None
        if isinstance(case.command, Run) and steers(case.command, case.incoming.place, self._state):
            return None
        job = self._state.job_of(case.incoming.key)
        if job is None or job.state is not JobState.RECEIVED or job.after is not None:
            return None
        return None if what_asks(case.decision, case.command) else job

    async def queue(self, case: Case, job: Job, *before: Event) -> None:
        """Put a job in line, or start it when there is none, with one commit in the log.

        `before` is recorded with it. Raises AuditUnavailable: nothing was done.
        """
        with self._worker.slot_for(job) as slot:
            started = [slot.event] if slot else []
            await self._audit.append(*before, _queued_event(case, job), *started)
            with self._state.transaction():
                self._state.mark_handled(case.incoming.key)
                job = advance(job, Admitted())
                if slot is not None:
                    slot.take(job)
                else:
                    self._line_up(job)

    def _line_up(self, job: Job) -> None:
        self._state.save_job(job)
        behind = self._worker.blocked_by(job)
        if behind is not None or job.after is not None:
            self._outbox.put(job.place, about_jobs.queued(job, behind), label=f"job:{job.id}")
        self._worker.wake()

    # starting

    async def _start(self, case: Case) -> None:
        job = self._state.job_of(case.incoming.key) or self._draft(case)
        if job is None:
            return self._reply(case, self._why_no_job(case))
        if job.state is not JobState.RECEIVED:
            return self._handled(case)  # a crash came between its effect and this mark
        if job.after is not None and self._state.job(job.after) is None:
            return await self._cancel(case, job, about_jobs.after_unknown(job.after))
        asks = what_asks(case.decision, case.command)
        if asks is not None:
            return await self._ask(case, job, asks)
        return await self.queue(case, job)

    def _draft(self, case: Case) -> Job | None:
        """For a message that was to steer a job which takes nothing any more, or a button."""
        incoming = case.incoming
        if not isinstance(incoming, Message):
            incoming = Message(incoming.key, incoming.sender, incoming.place, "", incoming.sent_at)
        now = self._clock.now()
        job = draft_job(
            case.command, incoming, case.actor, self._state, self._projects, now, may_steer=False
        )
        return self._state.add_job(job) if job else None

    def _why_no_job(self, case: Case) -> Reply:
        if isinstance(case.command, ResumeJob):
            return about_jobs.cannot_resume(case.command.job)
        return about_projects.no_project()

    async def _ask(self, case: Case, job: Job, asks: Asks) -> None:
        await self._approvals.ask(
            Question(
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
            self._state.save_job(advance(job, Cancelled(self._clock.now(), "never started")))
            self._reply(case, reply)

    # the running job

    async def _steer(self, case: Case, run: Run) -> None:
        job = running_prompt(case.incoming.place, self._state)
        if job is not None and await self._worker.steer(
            job.id, case.actor, case.incoming.key, run.text
        ):
            return self._reply(case, about_jobs.steered(job))
        return await self._start(case)

    def _job_to_stop(self, case: Case, job_id: int | None) -> Job | None:
        for job in self._state.unfinished_jobs():
            if job.id == job_id or (job_id is None and job.place == case.incoming.place):
                return job
        return None

    async def _stop(self, case: Case, job: Job | None) -> None:
        if job is None:
            return self._reply(case, about_jobs.nothing_to_stop())
        await self._worker.stop(job, case.actor, case.incoming.key)
        return self._reply(case, about_jobs.stop_asked(job))

    # the conversation

    def _use_project(self, case: Case, name: ProjectName | None) -> None:
        if name is None:
            return self._reply(
                case, about_projects.projects(case.project, self._visible(case.actor))
            )
        project = self._projects.get(name)
        if project is None or name not in self._visible(case.actor):
            near = difflib.get_close_matches(name, self._visible(case.actor), n=1)
            return self._reply(
                case, about_projects.no_such_project(name, near[0] if near else None)
            )
        with self._state.transaction():
            self._state.save_conversation(case.incoming.place, Conversation(name))
            self._reply(case, about_projects.project_chosen(project))
        return None

    def _forget_session(self, case: Case) -> None:
        with self._state.transaction():
            self._state.save_conversation(case.incoming.place, Conversation(case.project))
            self._reply(case, say("Forgotten. The next message starts afresh."))

    def _stay_awake(self, case: Case, wish: Wish | None) -> None:
        with self._state.transaction():
            reply = self._keep_awake.follow(wish, case.actor.name, case.incoming.place)
            self._reply(case, reply)

    def _visible(self, actor: Actor) -> list[ProjectName]:
        """The projects in which this person may do anything at all."""
        return [name for name in self._projects if self._may(actor, name, "/project")]

    def _help(self, case: Case) -> Reply:
        recipes = self._policy.recipes()
        words = [f"/{builtin.word}" for builtin in BUILTINS]
        words += [f"/{recipe.name}" for recipe in recipes]
        may = frozenset(word for word in words if self._may(case.actor, case.project, word))
        return about_requests.help_for(may, recipes)

    def _may(self, actor: Actor, project: ProjectName | None, words: str) -> bool:
        request = CommandRequest(
            actor.name, project, words, actor.sender.platform, self._clock.now()
        )
        return not isinstance(self._policy.decide(request), Denied)

    # answering

    def _reply(self, case: Case, reply: Reply) -> None:
        with self._state.transaction():
            self._state.mark_handled(case.incoming.key)
            if isinstance(case.incoming, Click):
                self._outbox.toast(case.incoming.place, case.incoming.key, reply)
            else:
                self._outbox.put(case.incoming.place, reply)

    def _handled(self, case: Case) -> None:
        with self._state.transaction():
            self._state.mark_handled(case.incoming.key)


def _queued_event(case: Case, job: Job) -> Event:
    return JobQueued(
        who=Who.user(case.actor),
        cause=(case.incoming.key,),
        job=job.id,
        project=job.project,
        kind=job.kind,
        after=job.after or 0,
    )


def _summary(work: Work) -> str:
    match work:
        case Prompt(text=text):
            return text
        case Program(argv=argv):
            return shlex.join(argv)
