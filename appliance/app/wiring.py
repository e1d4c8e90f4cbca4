"""Settings in, whole daemon out: the only place where the parts meet.

Straight-line code: read it top to bottom to see what there is and who knows whom.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from appliance import __version__
from appliance.agent.claude import ClaudeAgent
from appliance.agent.login import examine
from appliance.agent.task_link import TaskLink
from appliance.agent.workbench import TaskWorkbench
from appliance.app import daemon, dials
from appliance.app.agents import NO_AGENT, RECIPES_WORK, agents_of, claude_of, launchers_of
from appliance.app.anchoring import anchoring
from appliance.app.chat_platforms import telegram_of, terminal_of, web_of
from appliance.app.daemon import Daemon, Part
from appliance.app.directories import private
from appliance.app.egress_access import egress_of
from appliance.app.file_handling import file_handling, limits_of
from appliance.app.granted import GrantsFile
from appliance.app.journal import tell_events
from appliance.app.metering import Meter
from appliance.app.policy_files import PolicyDirectory
from appliance.app.programs import claude_path, host_wall
from appliance.app.recorder import RecordedLog
from appliance.app.recorder import recorder as recorder_of
from appliance.app.room import free_bytes, shortfall
from appliance.chat.web.server import Manner, WebChat
from appliance.config import ClaudeSettings, Settings
from appliance.core.events import ConfigLoaded, DaemonStarted, Event, PolicyLoaded
from appliance.core.languages import SENTENCES
from appliance.core.menu import Audience, menu
from appliance.core.model import Catalogue, Platform, Request, UserName
from appliance.core.preferences import Language
from appliance.host.clock import SystemClock
from appliance.host.inhibit import of_this_machine
from appliance.host.machine import boot_id, free_memory, host_name
from appliance.host.power import battery
from appliance.host.service_manager import ServiceManager
from appliance.host.wake_on_lan import wake
from appliance.host.zone import MachineZone
from appliance.pictures.painter import PillowPainter
from appliance.policy.explain import why
from appliance.policy.loaded import LoadedPolicy
from appliance.ports import Chat, Inhibitor, LivePolicy
from appliance.services.accounts import Accounts
from appliance.services.activity import Activity
from appliance.services.admin_desk import AdminDesk
from appliance.services.administration import Administration
from appliance.services.admission import Admission
from appliance.services.allowance import Allowance
from appliance.services.anchors import Anchors
from appliance.services.answering import Answering
from appliance.services.approvals import Approvals
from appliance.services.changes import Changes
from appliance.services.conversations import Conversations
from appliance.services.coverage import Coverage
from appliance.services.desk import Desk
from appliance.services.edits import Edits
from appliance.services.first_task import FirstTask
from appliance.services.gate import Gate
from appliance.services.granting import Granting
from appliance.services.groups import Groups
from appliance.services.health import Facts, Health, Probe
from appliance.services.host_queries import HostQueries
from appliance.services.intake import Intake
from appliance.services.judge import Judge
from appliance.services.keep_awake import LEASE_SECONDS, KeepAwake
from appliance.services.lockdowns import Lockdowns
from appliance.services.manners import Habit, Manners
from appliance.services.observed import Observed
from appliance.services.other_hosts import OtherHosts
from appliance.services.outbox import Outbox
from appliance.services.overview import Overview
from appliance.services.pairing import Pairings
from appliance.services.pairing_queries import PairingQueries
from appliance.services.parcels import Parcels
from appliance.services.people import People
from appliance.services.policy_holder import PolicyHolder
from appliance.services.preparation import Preparation, Terms
from appliance.services.proposals import Proposals
from appliance.services.questions import Questions
from appliance.services.refusals import Advice, Refusals
from appliance.services.reloading import Reloading
from appliance.services.renewals import Renewals
from appliance.services.restoration import Restorer
from appliance.services.review import Review
from appliance.services.routing import Routing
from appliance.services.runs import Runs
from appliance.services.second_look import SecondLook
from appliance.services.stories import Stories
from appliance.services.strangers import Strangers
from appliance.services.understanding import Understanding
from appliance.services.watching import Watching
from appliance.services.worker import Worker
from appliance.services.workload import Workload
from appliance.services.worktrees import Worktrees
from appliance.storage.state import SqliteState
from appliance.task.sandbox import Wall

Announce = Callable[[str, str], None]
"""Told a login link of the chat page and a one-line notice, once both are known."""


async def run(
    settings: Settings, credentials: str | None, announce: Announce | None = None
) -> None:
    """Build the daemon and run it until a signal.

    `credentials` is systemd's credential directory. Raises ApplianceError, alone or in a group.
    """
    stop = asyncio.Event()
    daemon.stop_on_signals(stop)
    await daemon.run(build(settings, credentials, announce), stop)


def build(settings: Settings, credentials: str | None, announce: Announce | None = None) -> Daemon:
    """The whole daemon, nothing of it running yet. Raises ApplianceError."""
    state_directory = private(Path(settings.daemon.state))
    directories = [d for d in (credentials, settings.daemon.credentials) if d]
    clock, manager, wall = SystemClock(), ServiceManager(), host_wall(settings)
    policy_files = PolicyDirectory(settings)
    first_policy = policy_files.load()
    policy = PolicyHolder(first_policy)
    state = SqliteState.open(state_directory)
    recorder = recorder_of(settings, clock)
    log = recorder.log
    coverage, meter = Coverage(clock), Meter(settings, state, clock)
    observed = Observed(log, tell_events, coverage.saw, *meter.onlookers)
    audit = Activity(observed)

    egress, egress_program = egress_of(settings, state_directory, clock)
    launchers = launchers_of(settings, state_directory)
    link = TaskLink(launchers, lambda task, judge: egress.session(task, judge, audit.append))
    claude = claude_of(settings, directories, link, audit)

    telegram = telegram_of(
        settings, directories, lambda incoming: intake.hears(incoming), state_directory, clock
    )
    web = web_of(
        settings,
        state,
        state_directory,
        Manner(
            language=lambda place, spoken: manners.language(place, spoken),
            menu=lambda language: menu(
                Audience.PRIVATE, policy.recipes(), Catalogue(SENTENCES[language])
            ),
        ),
        clock,
    )
    terminal = terminal_of(
        settings,
        clock,
        web,
        lambda: health.report(),
        lambda: anchors.post(),
        lambda user: administration.reload_policy(user),
        lambda: pairing_queries,
        lambda: host_queries,
    )
    chats: dict[Platform, Chat] = {c.platform: c for c in (telegram, web, terminal) if c}
    strangers = Strangers(
        audit, clock, {Platform.TELEGRAM: lambda: telegram.strangers} if telegram else {}
    )

    # what it cannot deliver is no activity: it might be a checkpoint
    people = People(state, settings.people(), settings.pairable)
    manners = Manners(state, people, _habits(settings), MachineZone(), clock)
    outbox = Outbox(state, observed, chats, clock, people.is_closed, manners.catalogue)
    anchored = anchoring(settings, observed, audit, state, outbox, clock)
    anchors = anchored.anchors
    reloading = Reloading(policy_files, policy, audit, anchored.tell_owner, clock)
    administration = Administration(policy, audit, reloading, clock)
    allowance = Allowance(state, policy, clock)
    accounts = Accounts(state, audit, people, outbox)
    pairing = Pairings(
        state,
        audit,
        people,
        outbox,
        telegram.bot_name if telegram else None,
        FirstTask(state, policy, settings.projects, clock),
        host_name(),
        clock,
    )
    pairing_queries = PairingQueries(administration, pairing, accounts, clock)
    parcels = Parcels(state, limits_of(settings), clock)
    routing = Routing(settings.router.rules(), policy, clock)
    understanding = Understanding(state, policy, settings.projects, parcels, routing)
    intake = Intake(
        state,
        policy,
        people,
        pairing,
        parcels,
        understanding,
        manners,
        clock,
        lambda: gate.wake(),
    )
    approvals = Approvals(state, audit, policy, outbox, clock)
    questions = Questions(state, audit, policy, outbox, clock)
    answering = Answering(state, audit, policy, approvals, questions, outbox, clock)
    refusals = Refusals(state, policy, _advice(policy), clock)
    lockdowns = Lockdowns(
        state,
        audit,
        policy,
        outbox,
        settings.users,
        lambda why: worker.halt(why),
        lambda: worker.wake(),
        clock,
    )
    proposals = Proposals(
        state,
        audit,
        policy,
        Granting(policy, GrantsFile(settings), reloading, clock),
        outbox,
        settings.users,
        settings.automations,
        clock,
    )
    host_queries = HostQueries(state, administration, proposals, lockdowns)
    workbench = TaskWorkbench(link, settings.daemon.minimum_isolation)
    changes = Changes(state, audit, workbench, settings.projects)
    worktrees = Worktrees(workbench, settings.projects)
    files = file_handling(
        settings,
        state,
        audit,
        policy,
        parcels,
        workbench,
        link,
        refusals,
        outbox,
        {source.platform: source for source in (telegram, web) if source},
        clock,
    )
    judge = Judge(
        state,
        audit,
        policy,
        allowance,
        approvals,
        questions,
        refusals,
        outbox,
        settings.workplaces,
        changes,
        anchors.before_risk,
        clock,
        lambda: lockdowns.refusal,
    )
    watching = Watching(state, outbox, clock, settings.daemon.stall_minutes)
    terms = _terms(settings, wall)
    runs = Runs(terms, free_memory)
    worker = Worker(
        state,
        audit,
        judge,
        SecondLook(policy, people, approvals, allowance, refusals, clock),
        Preparation(settings.workplaces, terms, files.inboxes, approvals, anchors.before_risk),
        agents_of(claude, link),
        approvals,
        outbox,
        watching,
        changes,
        worktrees,
        files.sending,
        runs,
        wall.isolation,
        clock,
        lambda: gate.wake(),
        lambda: lockdowns.refusal,
    )
    facts = Facts(
        version=__version__,
        host=host_name(),
        started_at=clock.now(),
        isolation=wall.isolation,
        minimum_isolation=settings.daemon.minimum_isolation,
        max_parallel=settings.daemon.max_parallel,
    )
    keep_awake = KeepAwake(
        state,
        observed,  # what is held and let go is no activity
        audit,
        _inhibitor(settings),
        battery,
        settings.awake.battery_percent,
        outbox,
        clock,
    )
    health = Health(
        facts,
        state,
        clock,
        _probes(
            wall,
            claude,
            runs,
            strangers,
            log,
            anchors,
            reloading,
            keep_awake,
            lockdowns,
            state_directory,
        ),
    )
    review = Review(
        state,
        audit,
        policy,
        changes,
        worktrees,
        PillowPainter(),
        outbox,
        runs,
        lambda: lockdowns.refusal,
    )
    overview = Overview(
        state,
        log,
        policy,
        _roles_of,
        people,
        settings.users,
        settings.automations,
        settings.projects,
        clock,
    )
    admission = Admission(
        state, audit, settings.workplaces, runs, worker, approvals, files.desk, outbox, clock
    )
    desk = Desk(
        state,
        policy,
        worker,
        admission,
        answering,
        Renewals(state, audit, approvals, outbox),
        refusals,
        outbox,
        health,
        keep_awake,
        OtherHosts(settings.hosts, wake),
        Conversations(state, policy, settings.projects, outbox, clock),
        Stories(state, policy, runs, clock),
        Groups(state, audit, outbox, clock),
        accounts,
        review,
        manners,
        AdminDesk(state, overview, proposals, lockdowns, outbox),
        files.desk,
        clock,
    )
    gate = Gate(
        state,
        audit,
        policy,
        allowance,
        refusals,
        people,
        pairing,
        lockdowns,
        understanding,
        admission,
        desk,
        Edits(state, audit, runs, approvals, admission, outbox, clock),
        outbox,
        clock,
    )

    services = [
        Part("outbox", outbox.run),
        Part("restoration", Restorer(state, audit, approvals, outbox, clock).run),
        Part("strangers", strangers.run),
        *recorder.parts,
        *anchored.parts,
        Part("policy", reloading.run),
        *([Part("egress", egress_program.run)] if egress_program is not None else []),
        Part("launcher", link.run),
        *([Part("claude", claude.run)] if claude is not None else []),
        Part("awake", keep_awake.run),
        Part("pairing", pairing.run),
        Part("approvals", approvals.run),
        Part("proposals", proposals.run),
        Part("watching", watching.run),
        Part("inboxes", files.inboxes.run),
        Part("voices", files.voices.run),
        Part("worker", worker.run),
        Part("review", review.run),
        Part("gate", gate.run),
        *meter.parts(
            [
                *dials.of_daemon(facts, health, lockdowns, claude),
                *dials.of_work(Workload(state, tuple(settings.workplaces), clock)),
                *dials.of_chats(strangers, telegram),
                *dials.of_log(log, observed, coverage),
                *dials.of_policy(policy, reloading),
                *dials.of_machine(settings, keep_awake, launchers),
            ],
            health,
        ),
    ]

    async def close() -> None:
        if telegram is not None:
            await telegram.close()
        await log.close()
        state.close()
        manager.close()

    return Daemon(
        services=services,
        chats=[Part(name, _receive(chat, intake)) for name, chat in chats.items()],
        worker=worker,
        outbox=outbox,
        audit=audit,
        manager=manager,
        start_events=_start_events(settings, first_policy, wall),
        is_alive=lambda: _answers(state),
        grace_seconds=settings.daemon.stop_grace_seconds,
        when_ready=_when_ready(settings, web, announce),
        reload=reloading.ask,
        close=close,
    )


# --- the parts, one function each


def _roles_of(policy: LivePolicy, user: UserName) -> Sequence[str]:
    assert isinstance(policy, LoadedPolicy)
    return policy.roles(user)


def _advice(policy: PolicyHolder) -> Advice:
    """What would have allowed a request, by the policy of the moment when that is asked."""

    def advice(request: Request) -> Sequence[str]:
        current = policy.current
        assert isinstance(current, LoadedPolicy)
        return [part.advice for part in why(current, request).parts if part.advice]

    return advice


def _terms(settings: Settings, wall: Wall) -> Terms:
    claude = settings.claude or ClaudeSettings()
    return Terms(
        max_parallel=settings.daemon.max_parallel,
        job_bytes=settings.daemon.job_memory_mib * 2**20,
        isolation=wall.isolation,
        minimum_isolation=settings.daemon.minimum_isolation,
        prompt_timeout_seconds=claude.timeout_minutes * 60,
        model=claude.model or None,
        max_turns=claude.max_turns,
    )


def _habits(settings: Settings) -> Mapping[UserName, Habit]:
    return {
        name: Habit(Language(user.language) if user.language else None, user.zone)
        for name, user in settings.users.items()
    }


def _inhibitor(settings: Settings) -> Inhibitor | None:
    if not settings.awake.enabled:
        return None
    return of_this_machine(lid=settings.awake.lid, lease_seconds=LEASE_SECONDS)


def _probes(
    wall: Wall,
    claude: ClaudeAgent | None,
    runs: Runs,
    strangers: Strangers,
    log: RecordedLog,
    anchors: Anchors,
    reloading: Reloading,
    keep_awake: KeepAwake,
    lockdowns: Lockdowns,
    state_directory: Path,
) -> Mapping[str, Probe]:
    return {
        "agent": lambda: f"claude {claude.version}" if claude else NO_AGENT,
        "memory": runs.shortage,
        "policy": reloading.line,
        "policy trouble": reloading.trouble,
        "wall": lambda: wall.shortfall,
        "audit": lambda: log.refusal,
        "anchors": anchors.line,
        "anchor trouble": anchors.trouble,
        "awake": keep_awake.line,
        "awake trouble": keep_awake.trouble,
        "disk": lambda: shortfall(state_directory),
        "room": lambda: f"{free_bytes(state_directory) // 10**9} GB",
        "lockdown": lambda: lockdowns.refusal or "",
        "strangers": strangers.line,
    }


# --- the moments


def _start_events(settings: Settings, policy: LoadedPolicy, wall: Wall) -> list[Event]:
    content = Path(settings.file).read_bytes()
    return [
        DaemonStarted(version=__version__, boot=boot_id(), isolation=wall.isolation),
        ConfigLoaded(path=settings.file, sha256=hashlib.sha256(content).hexdigest()),
        PolicyLoaded(path=settings.daemon.policies, sha256=policy.sha256, rules=policy.rules),
    ]


def _receive(chat: Chat, intake: Intake) -> Callable[[Callable[[], None]], Awaitable[None]]:
    return lambda ready: chat.run(intake, ready)


def _answers(state: SqliteState) -> None:
    state.unfinished_jobs()


def _when_ready(
    settings: Settings, web: WebChat | None, announce: Announce | None
) -> Callable[[], Awaitable[None]]:
    async def when_ready() -> None:
        if web is None:
            return
        configured = settings.claude
        web.notice = f"{NO_AGENT}; {RECIPES_WORK}"
        if configured is not None and settings.daemon.task_socket:
            web.notice = ""  # its login is another user's: `dispatchctl agent status` tells
        elif configured is not None:
            state = await asyncio.to_thread(
                examine,
                claude_path(configured),
                Path(configured.home),
                has_key=bool(configured.login),
            )
            web.notice = f"{state.problem}; {RECIPES_WORK}" if state.problem else ""
        if announce is not None:
            user = next(name for name, user in settings.users.items() if user.web)
            announce(web.login_link(user), web.notice)

    return when_ready
