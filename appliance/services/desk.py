"""What each command does once it is allowed.

Effects on a running job (steer, stop) come before the message is marked handled: after a crash
the job is interrupted, and the message is looked at again in that light.
"""

from __future__ import annotations

from appliance.core.administration import AnswerProposal, LockDown, Propose, ShowAudit, ShowUsers
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
from appliance.core.file_requests import DiscardHeard, ForgetFiles, KeepFiles, SendFile, WriteDown
from appliance.core.help import Group
from appliance.core.jobs import Job, Step, StepKind
from appliance.core.keep_awake import HowLong
from appliance.core.model import Asks, Message, Reply
from appliance.core.pairing import is_group
from appliance.core.place_settings import ChangeSettings, ShowSettings
from appliance.core.replies import about_conversations, about_jobs, about_requests
from appliance.core.shortened import ShowRest
from appliance.core.words import say
from appliance.ports import Clock, Policy, State
from appliance.services.accounts import Accounts
from appliance.services.admin_desk import AdminDesk
from appliance.services.admission import STARTS_JOB, Admission
from appliance.services.answering import Answering
from appliance.services.cases import Case, answer, show_rest, turn_page
from appliance.services.conversations import Conversations
from appliance.services.file_desk import FileDesk
from appliance.services.groups import Groups
from appliance.services.health import Health
from appliance.services.keep_awake import KeepAwake
from appliance.services.manners import Manners
from appliance.services.other_hosts import OtherHosts
from appliance.services.outbox import Outbox
from appliance.services.permission import may_say
from appliance.services.refusals import Refusals
from appliance.services.renewals import Renewals
from appliance.services.review import Review
from appliance.services.stories import Stories
from appliance.services.worker import Worker


class Desk:
    """Carries out commands. Every way through `act` marks the message handled."""

    def __init__(
        self,
        state: State,
        policy: Policy,
        worker: Worker,
        admission: Admission,
        answering: Answering,
        renewals: Renewals,
        refusals: Refusals,
        outbox: Outbox,
        health: Health,
        keep_awake: KeepAwake,
        other_hosts: OtherHosts,
        conversations: Conversations,
        stories: Stories,
        groups: Groups,
        accounts: Accounts,
        review: Review,
        manners: Manners,
        admin_desk: AdminDesk,
        files: FileDesk,
        clock: Clock,
    ) -> None:
        self._state = state
        self._policy = policy
        self._worker = worker
        self._admission = admission
        self._answering = answering
        self._renewals = renewals
        self._refusals = refusals
        self._outbox = outbox
        self._health = health
        self._keep_awake = keep_awake
        self._other_hosts = other_hosts
        self._conversations = conversations
        self._stories = stories
        self._groups = groups
        self._accounts = accounts
        self._review = review
        self._manners = manners
        self._admin_desk = admin_desk
        self._files = files
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
                self._conversations.follow(case, turn)
            case ShowChanges() | RevertChanges() | SettleTree():
                self._review.take(case)
            case KeepFiles() | ForgetFiles() | WriteDown() | DiscardHeard() | SendFile() as files:
                await self._files.act(case, files)
            case ShowSettings() | ChangeSettings() | Help() | ShowRest() as page:
                self._show(case, page)
            case StayAwake(how_long=how_long):
                self._stay_awake(case, how_long)
            case PairGroup() | Unpair() as pairing:
                await self._pair(case, pairing)
            case ShowUsers() | Propose() | AnswerProposal() | ShowAudit() | LockDown() as act:
                await self._admin_desk.act(case, act)
            case _:
                self._reply(case, await self._told(case))
        return None

    def _show(self, case: Case, page: ShowSettings | ChangeSettings | Help | ShowRest) -> None:
        match page:
            case ShowSettings() | ChangeSettings() as settings:
                with self._state.transaction():
                    reply = self._manners.follow(settings, case.incoming.place)
                    turn_page(case, reply, self._state, self._outbox)
            case Help(group=group):
                turn_page(case, self._help(case, group), self._state, self._outbox)
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

    async def _work(self, case: Case) -> None:
        if (instead := await self._renewals.take(case)) is not None:
            return self._reply(case, instead)
        match case.command, case.wish.steers:
            case Run(text=text), Job() as running:
                await self._steer(case, running, text)
            case _:
                await self._admission.start(case)
        return None

    async def _steer(self, case: Case, job: Job, text: str) -> None:
        if await self._worker.steer(job.id, case.actor, case.incoming.key, text):
            return self._passed_on(case, job, text)
        self._outbox.put(case.incoming.place, about_conversations.not_passed_on(job.id))
        return await self._admission.start(case)

    def _passed_on(self, case: Case, job: Job, text: str) -> None:
        incoming = case.incoming
        with self._state.transaction():
            step = Step(self._clock.now(), StepKind.HEARD, text)
            self._state.add_step(job.id, step)
            self._files.written(case)
            if isinstance(incoming, Message) and incoming.message_id:
                self._state.mark_handled(incoming.key)
                self._outbox.mark(
                    incoming.place, incoming.message_id, about_conversations.ARRIVED, job=job.id
                )
            else:
                self._reply(case, about_jobs.steered(job))

    async def _stop(self, case: Case) -> None:
        job = case.wish.about
        if job is None or job.is_finished:
            return self._reply(case, about_jobs.nothing_to_stop())
        await self._worker.stop(job, case.actor, case.incoming.key)
        return self._reply(case, about_jobs.stop_asked(job))

    def _stay_awake(self, case: Case, how_long: HowLong | None) -> None:
        with self._state.transaction():
            reply = self._keep_awake.follow(how_long, case.actor.name, case.incoming.place)
            self._reply(case, reply)

    def _help(self, case: Case, group: Group | None) -> Reply:
        recipes = self._policy.recipes()
        words = [f"/{builtin.word}" for builtin in BUILTINS]
        words += [f"/{recipe.name}" for recipe in recipes]
        asks = (case.actor, case.project, self._policy, self._clock)
        may = frozenset(word for word in words if may_say(word, *asks))
        return about_requests.help_for(may, recipes, group)

    def _reply(self, case: Case, reply: Reply) -> None:
        answer(case, reply, self._state, self._outbox)
