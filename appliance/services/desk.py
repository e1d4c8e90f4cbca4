"""What each command does once it is allowed.

Effects on a running job (steer, stop) come before the message is marked handled: after a crash
the job is interrupted, and the message is looked at again in that light.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace

from appliance.core.administration import (
    AnswerProposal,
    LockDown,
    Propose,
    ShowAudit,
    ShowUsers,
)
from appliance.core.approvals import JOB_ITSELF, work_fingerprint
from appliance.core.commands import (
    BUILTINS,
    Answer,
    AnswerQuestion,
    Ask,
    CallRecipe,
    ExplainRefusal,
    GiveReason,
    Help,
    Mistake,
    OpenSession,
    PairGroup,
    ResumeJob,
    RevertChanges,
    Run,
    SettleTree,
    ShowChanges,
    ShowDetails,
    ShowJobs,
    ShowLog,
    ShowQueue,
    ShowSessions,
    ShowStatus,
    StartAfresh,
    StayAwake,
    StopJob,
    Unpair,
    UseProject,
    WakeUp,
)
from appliance.core.events import Event, JobCancelled, JobQueued, Who
from appliance.core.file_requests import (
    DiscardHeard,
    ForgetFiles,
    KeepFiles,
    SendFile,
    WriteDown,
)
from appliance.core.files import safe_names
from appliance.core.jobs import Admitted, Barred, Cancelled, Job, Step, StepKind, advance
from appliance.core.jobs import State as JobState
from appliance.core.keep_awake import Wish
from appliance.core.model import (
    Allowed,
    Asks,
    Message,
    Program,
    Project,
    ProjectName,
    Prompt,
    Reply,
    Work,
)
from appliance.core.pairing import is_group
from appliance.core.place_settings import ChangeSettings, ShowSettings
from appliance.core.replies import about_jobs, about_projects, about_requests, about_talks
from appliance.core.shortened import ShowRest
from appliance.core.words import say
from appliance.ports import Audit, Clock, Policy, State
from appliance.services.accounts import Accounts
from appliance.services.answering import Answering
from appliance.services.approvals import Approvals, Question
from appliance.services.cases import Case, answer, show_rest, turn_page
from appliance.services.drafts import draft_job
from appliance.services.file_desk import FileDesk
from appliance.services.groups import Groups
from appliance.services.health import Health
from appliance.services.judge import what_asks
from appliance.services.keep_awake import KeepAwake
from appliance.services.looking_after import LookingAfter
from appliance.services.manners import Manners
from appliance.services.other_hosts import OtherHosts
from appliance.services.outbox import Outbox
from appliance.services.permission import may_say
from appliance.services.refusals import Refusals
from appliance.services.renewals import Renewals
from appliance.services.review import Review
from appliance.services.stories import Stories
from appliance.services.talks import Talks
from appliance.services.watching import live_label
from appliance.services.worker import Worker

STARTS_JOB = (Run, Ask, CallRecipe, ResumeJob)


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
        answering: Answering,
        renewals: Renewals,
        refusals: Refusals,
        outbox: Outbox,
        health: Health,
        keep_awake: KeepAwake,
        other_hosts: OtherHosts,
        talks: Talks,
        stories: Stories,
        groups: Groups,
        accounts: Accounts,
        review: Review,
        manners: Manners,
        looking_after: LookingAfter,
        files: FileDesk,
        clock: Clock,
    ) -> None:
        self._state = state
        self._files = files
        self._audit = audit
        self._policy = policy
        self._projects = projects
        self._worker = worker
        self._approvals = approvals
        self._answering = answering
        self._renewals = renewals
        self._refusals = refusals
        self._outbox = outbox
        self._health = health
        self._keep_awake = keep_awake
        self._other_hosts = other_hosts
        self._talks = talks
        self._stories = stories
        self._groups = groups
        self._accounts = accounts
        self._review = review
        self._manners = manners
        self._looking_after = looking_after
        self._clock = clock

    async def act(self, case: Case) -> None:
        """Raises AuditUnavailable: it was not done."""
        if isinstance(case.decision, Asks) and not isinstance(case.command, STARTS_JOB):
            return self._reply(case, about_requests.cannot_wait(case.decision))
        match case.command:
            case Run() | Ask() | CallRecipe() | ResumeJob():
                await self._work(case)
            case StopJob():
                await self._stop(case)
            case Answer() | GiveReason() | ShowDetails() | AnswerQuestion() as about:
                await self._answering.act(case, about)
                self._worker.wake()
            case UseProject() | StartAfresh() | ShowSessions() | OpenSession() as turn:
                self._talks.follow(case, turn)
            case ShowChanges() | RevertChanges() | SettleTree():
                self._review.take(case)
            case KeepFiles() | ForgetFiles() | WriteDown() | DiscardHeard() | SendFile() as files:
                await self._files.act(case, files)
            case ShowSettings() | ChangeSettings() | Help() | ShowRest() as page:
                self._show(case, page)
            case StayAwake(wish=wish):
                self._stay_awake(case, wish)
            case PairGroup() | Unpair() as pairing:
                await self._pair(case, pairing)
            case ShowUsers() | Propose() | AnswerProposal() | ShowAudit() | LockDown() as act:
                await self._looking_after.do(case, act)
            case _:
                self._reply(case, await self._told(case))
        return None

    def _show(self, case: Case, page: ShowSettings | ChangeSettings | Help | ShowRest) -> None:
        match page:
            case ShowSettings() | ChangeSettings() as settings:
                with self._state.transaction():
                    reply = self._manners.follow(settings, case.incoming.place)
                    turn_page(case, reply, self._state, self._outbox)
            case Help():
                turn_page(case, self._help(case), self._state, self._outbox)
            case ShowRest() as asked:
                show_rest(case, asked, self._state, self._outbox)

    async def _pair(self, case: Case, pairing: PairGroup | Unpair) -> None:
        match pairing:
            case PairGroup(is_whole=whole):
                await self._groups.pair(case.incoming, case.actor, is_whole=whole)
            case Unpair(is_whole=whole) if is_group(case.incoming.place):
                await self._groups.unpair(case.incoming, case.actor, is_whole=whole)
            case Unpair(is_sure=sure):
                await self._accounts.unpair_own(case.incoming, case.actor, is_sure=sure)

    async def _told(self, case: Case) -> Reply:
        """What needs nothing but an answer."""
        match case.command:
            case WakeUp(host=host):
                return await self._other_hosts.wake(host)
            case ShowJobs() | ShowQueue() | ShowLog() as lookup:
                return self._stories.tell(case, lookup)
            case ShowStatus(whole=whole):
                return self._health.whole() if whole else self._health.reply()
            case ExplainRefusal():
                return self._refusals.explain(case.incoming.place)
            case Mistake(sentence):
                return say(sentence)
            case _:
                raise AssertionError(f"nobody does {case.words}")

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
            await self._audit.append(*before, _queued_event(case, job), *started)
            with self._state.transaction():
                self._state.mark_handled(case.incoming.key)
                self._files.written(case)
                if case.wish.is_astray:
                    self._outbox.put(job.place, about_talks.astray())
                job = advance(job, Admitted())
                if slot is not None:
                    slot.take(job)
                else:
                    self._line_up(job)

    def _line_up(self, job: Job) -> None:
        self._state.save_job(job)
        behind = self._worker.blocked_by(job)
        is_told = bool(self._state.posts_labelled(live_label(job)))
        if not is_told and (behind is not None or job.after is not None):
            reply = about_jobs.queued(job, behind)
            self._outbox.put(job.place, reply, label=live_label(job), job=job.id)
        self._worker.wake()

    # starting

    async def _work(self, case: Case) -> None:
        if (instead := await self._renewals.take(case)) is not None:
            return self._reply(case, instead)
        match case.command, case.wish.steers:
            case Run(text=text), Job() as running:
                await self._steer(case, running, text)
            case _:
                await self._start(case)
        return None

    async def _start(self, case: Case) -> None:
        job = self._drafted(case)
        if job is None:
            return self._reply(case, self._why_no_job(case))
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
            self._state.save_job(advance(stored, Barred("nobody knows in which project")))
            return None
        job = replace(job, id=stored.id, created_at=stored.created_at)
        if job != stored:
            self._state.save_job(job)
        return job

    def _added(self, case: Case, job: Job) -> Job:
        with self._state.transaction():
            self._files.taken(case, job)
            return self._state.add_job(job)

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

    async def _steer(self, case: Case, job: Job, text: str) -> None:
        if await self._worker.steer(job.id, case.actor, case.incoming.key, text):
            return self._passed_on(case, job, text)
        self._outbox.put(case.incoming.place, about_talks.not_passed_on(job.id))
        return await self._start(case)

    def _passed_on(self, case: Case, job: Job, text: str) -> None:
        incoming = case.incoming
        with self._state.transaction():
            step = Step(self._clock.now(), StepKind.HEARD, text)
            self._state.add_step(job.id, step)
            self._files.written(case)
            if isinstance(incoming, Message) and incoming.message_id:
                self._handled(case)
                self._outbox.mark(
                    incoming.place, incoming.message_id, about_talks.ARRIVED, job=job.id
                )
            else:
                self._reply(case, about_jobs.steered(job))

    async def _stop(self, case: Case) -> None:
        job = case.wish.about
        if job is None or job.is_finished:
            return self._reply(case, about_jobs.nothing_to_stop())
        await self._worker.stop(job, case.actor, case.incoming.key)
        return self._reply(case, about_jobs.stop_asked(job))

    # the conversation

    def _stay_awake(self, case: Case, wish: Wish | None) -> None:
        with self._state.transaction():
            reply = self._keep_awake.follow(wish, case.actor.name, case.incoming.place)
            self._reply(case, reply)

    def _help(self, case: Case) -> Reply:
        recipes = self._policy.recipes()
        words = [f"/{builtin.word}" for builtin in BUILTINS]
        words += [f"/{recipe.name}" for recipe in recipes]
        asks = (case.actor, case.project, self._policy, self._clock)
        may = frozenset(word for word in words if may_say(word, *asks))
        group = case.command.group if isinstance(case.command, Help) else None
        return about_requests.help_for(may, recipes, group)

    # answering

    def _reply(self, case: Case, reply: Reply) -> None:
        answer(case, reply, self._state, self._outbox)

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
        case Prompt(text=text, files=()):
            return text
        case Prompt(text=text, files=files):
            return "\n".join((text, *(f"+ {name}" for name in safe_names(files))))
        case Program(argv=argv):
            return shlex.join(argv)
