"""All services together, on a real state database and small fakes of everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

from appliance.chat.footer import with_footer
from appliance.core.administration import CONFIRM, LOCK_DOWN, PROPOSE, READ_AUDIT, SHOW_USERS
from appliance.core.events import Event
from appliance.core.files import FileLimits
from appliance.core.keep_awake import Battery
from appliance.core.model import (
    WORKSPACE,
    Actor,
    AdminRequest,
    Allowed,
    Asks,
    Care,
    Decision,
    Denied,
    Ended,
    Ending,
    Isolation,
    Place,
    Platform,
    Post,
    PostKind,
    Proceed,
    Program,
    Progress,
    Project,
    ProjectName,
    Prompt,
    Quota,
    Recipe,
    Reply,
    Request,
    Rich,
    Rule,
    Sender,
    SessionStarted,
    Task,
    TaskEvent,
    ToolCall,
    ToolFinished,
    ToolRequest,
    ToolStarted,
    Urgency,
    UserName,
)
from appliance.core.router import RouterRules
from appliance.core.wake_on_lan import Host, HostName
from appliance.errors import AuditUnavailable
from appliance.ports import BeforeRisk, Receipt
from appliance.ports import Judge as JudgeCallback
from appliance.services.accounts import Accounts
from appliance.services.activity import Activity
from appliance.services.admin_desk import AdminDesk
from appliance.services.admission import Admission
from appliance.services.allowance import Allowance
from appliance.services.answering import Answering
from appliance.services.approvals import Approvals
from appliance.services.changes import Changes
from appliance.services.conversations import Conversations
from appliance.services.desk import Desk
from appliance.services.edits import Edits
from appliance.services.file_desk import FileDesk
from appliance.services.first_task import FirstTask
from appliance.services.gate import Gate
from appliance.services.granting import Granting
from appliance.services.groups import Groups
from appliance.services.health import Facts, Health
from appliance.services.inboxes import Inboxes, Keeping
from appliance.services.intake import Intake
from appliance.services.judge import Judge
from appliance.services.keep_awake import KeepAwake
from appliance.services.lockdowns import Lockdowns
from appliance.services.manners import Manners
from appliance.services.other_hosts import OtherHosts
from appliance.services.outbox import Outbox
from appliance.services.overview import Overview
from appliance.services.pairing import Pairings
from appliance.services.parcels import Parcels
from appliance.services.people import People
from appliance.services.policy_holder import PolicyHolder
from appliance.services.preparation import Preparation, Terms
from appliance.services.proposals import Proposals
from appliance.services.questions import Questions
from appliance.services.refusals import Refusals
from appliance.services.reloading import Reloading
from appliance.services.renewals import Renewals
from appliance.services.review import Review
from appliance.services.routing import Routing
from appliance.services.runs import Runs
from appliance.services.second_look import SecondLook
from appliance.services.sending import Sending
from appliance.services.stories import Stories
from appliance.services.understanding import Understanding
from appliance.services.voices import Hearing, Voices
from appliance.services.watching import Watching
from appliance.services.worker import Worker
from appliance.services.worktrees import Worktrees
from appliance.storage.inboxes import DirectoryInboxes
from appliance.storage.state import SqliteState
from tests.examples import ALICE, BOB, NOW, click, message
from tests.fakes import FakeClock
from tests.fakes_grants import FakeGrants, FakeLog, FakePolicyFiles
from tests.fakes_inhibitor import FakeInhibitor
from tests.fakes_painter import FakePainter
from tests.fakes_workbench import LocalWorkbench
from tests.services.file_fakes import FakeFiles, FakeTranscriber

CAROL = Actor(UserName("carol"), Sender(Platform.TELEGRAM, "77"))
PEOPLE = (ALICE, BOB, CAROL)
DAVE = Actor(UserName("dave"), Sender(Platform.TELEGRAM, "78"))
"""Declared, but without an account: DAVE's is paired in some tests."""
DEMO = ProjectName("demo")
OTHER = ProjectName("other")
RULE = Rule("rules.csv", 1, "p, …")
STATUS = Recipe(("git", "status"), "status", ("git", "status"), parallel=True)
NAS = Host(HostName("nas"), "02:00:00:00:00:01", "192.0.2.255")
DEPLOY = Recipe(("deploy",), "deploy", ("./deploy",), approval=True, source=Rule("c.toml", 9, ""))


@dataclass
class ListAudit:
    """Keeps events in a list, commit by commit; `broken` makes every append fail."""

    commits: list[tuple[Event, ...]] = field(default_factory=list)
    broken: str = ""

    async def append(self, *events: Event) -> Receipt:
        await asyncio.sleep(0)
        if self.broken:
            raise AuditUnavailable(self.broken)
        self.commits.append(events)
        return Receipt(len(self.events), b"")

    @property
    def events(self) -> list[Event]:
        return [event for commit in self.commits for event in commit]

    def names(self) -> list[str]:
        return [event.name for event in self.events]


class ListChat:
    """Keeps posts; every delivered text is in `messages`, the current one of each message."""

    platform = Platform.TELEGRAM

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.messages: dict[str, str] = {}
        self.failures: list[Exception] = []
        self.lost_after_delivery = False
        self.shown: list[Progress] = []
        self.changed = asyncio.Condition()

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        body = Rich(reply.body.text)
        return (replace(reply, body=with_footer(body, reply.footer), footer=None),)

    async def room(self, place: Place, urgency: Urgency) -> bool:
        return False

    async def send(self, post: Post) -> str:
        if self.failures and not self.lost_after_delivery:
            raise self.failures.pop(0)
        self.posts.append(post)
        message_id = post.message_id if post.kind is PostKind.EDIT else str(1000 + len(self.posts))
        self.messages[message_id] = post.reply.body.text
        async with self.changed:
            self.changed.notify_all()
        if self.failures:
            raise self.failures.pop(0)
        return message_id

    async def find(self, post: Post) -> str | None:
        for message_id, text in self.messages.items():
            if text == post.reply.body.text and int(message_id) > int(post.after_id or 0):
                return message_id
        return None

    def show(self, progress: Progress) -> None:
        self.shown.append(progress)

    async def until(self, word: str) -> str:
        """The first message, now or later, that holds the word."""

        def hits() -> list[str]:
            return [text for text in self.messages.values() if word in text]

        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: bool(hits()))
        return hits()[0]

    async def until_button(self, label: str) -> None:
        """Wait until a button says so."""

        def is_there() -> bool:
            rows = (row for post in self.posts for row in post.reply.buttons)
            return any(button.label == label for row in rows for button in row)

        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(is_there)


@dataclass
class TablePolicy:
    """Words and tools to decisions; what is not in the table is denied."""

    table: dict[str, Decision] = field(default_factory=dict)
    by: dict[str, set[str]] = field(default_factory=dict)
    limits: tuple[Quota, ...] = ()
    known: tuple[Recipe, ...] = (STATUS, DEPLOY)
    as_written: dict[str, dict[str, str]] = field(default_factory=dict)
    admins: Collection[str] = frozenset(actor.name for actor in PEOPLE)
    sha256: str = "ab" * 32
    rules: int = 1
    asked: list[Request] = field(default_factory=list)

    def decide(self, request: Request) -> Decision:
        self.asked.append(request)
        if isinstance(request, AdminRequest) and request.user not in self.admins:
            return Denied(None, f"{request.user} does not look after the appliance")
        key = request.tool if isinstance(request, ToolRequest) else request.words
        return self.table.get(key, Denied(None, f"nothing allows {key}"))

    def as_run(self, call: ToolCall) -> ToolCall:
        line = call.input.get("command")
        return replace(call, input={**call.input, **self.as_written.get(str(line), {})})

    def may_approve(self, user: UserName, requester: UserName, asks: Asks) -> bool:
        if asks.by:
            return user != requester and any(user in self.by.get(role, ()) for role in asks.by)
        return user == requester

    def approvers(self, requester: UserName, asks: Asks) -> tuple[UserName, ...]:
        return tuple(u.name for u in PEOPLE if self.may_approve(u.name, requester, asks))

    def recipes(self) -> tuple[Recipe, ...]:
        return self.known

    def quotas(self, user: UserName, project: ProjectName | None) -> tuple[Quota, ...]:
        return self.limits


def allow_everything() -> TablePolicy:
    words = "/run /ask /status /jobs /stop /resume /approve /deny /project /new /why /help /deploy"
    words += " /plan /details /again /answer /retry /move /queue /log /sessions /awake /wake"
    words += " /unpair /settings /more"
    allowed: dict[str, Decision] = {word: Allowed(RULE) for word in [*words.split(), "Read"]}
    admin = (SHOW_USERS, PROPOSE, CONFIRM, READ_AUDIT, LOCK_DOWN)
    allowed |= {word: Allowed(RULE) for word in admin}
    return TablePolicy(
        {**allowed, "/wake nas": Allowed(RULE), "/git status": Allowed(RULE), "Bash": Asks(RULE)}
    )


class PuppetAgent:
    """An agent whose task is a coroutine of the test: `script(puppet)` returns how it ends."""

    def __init__(self) -> None:
        self.script: Callable[[Puppet], object] = lambda _: None
        self.tasks: list[Task] = []
        self.ran: list[str] = []

    is_ready = True

    async def ready(self) -> None:
        return None

    @property
    def prompts(self) -> list[Prompt]:
        """What an agent was given to do, without the recipes."""
        return [task.work for task in self.tasks if isinstance(task.work, Prompt)]

    @asynccontextmanager
    async def start(self, task: Task, judge: JudgeCallback) -> AsyncIterator[Puppet]:
        self.tasks.append(task)
        yield Puppet(self, task, judge)


class Puppet:
    """One running task of a `PuppetAgent`."""

    def __init__(self, agent: PuppetAgent, task: Task, judge: JudgeCallback) -> None:
        self.agent = agent
        self.task = task
        self.judge = judge
        self.steered: asyncio.Queue[str] = asyncio.Queue()
        self.interrupted = asyncio.Event()
        self.untaken: list[str] = []
        self._events: asyncio.Queue[TaskEvent] = asyncio.Queue()

    async def events(self) -> AsyncIterator[TaskEvent]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._play())
            while True:
                event = await self._events.get()
                yield event
                if isinstance(event, Ended):
                    return

    async def _play(self) -> None:
        if isinstance(self.task.work, Prompt):
            self.tell(SessionStarted("session-1"))
        result = self.agent.script(self)
        if asyncio.iscoroutine(result):
            result = await result
        self.tell(result if isinstance(result, Ended) else Ended(Ending.SUCCEEDED, "all done"))

    def tell(self, event: TaskEvent) -> None:
        self._events.put_nowait(event)

    async def call(self, tool: str, call_id: str = "toolu_1", **values: str | int) -> str:
        """Try a tool; what the agent gets back."""
        call = ToolCall(call_id, tool, values, "/srv/demo")
        verdict = await self.judge(call)
        if not isinstance(verdict, Proceed):
            return verdict.reason
        self.tell(ToolStarted(replace(call, input=verdict.input)))
        self.agent.ran.append(f"{tool} {dict(verdict.input)}")
        self.tell(ToolFinished(call_id, False, "ok"))
        return "ok"

    async def steer(self, text: str) -> bool:
        self.steered.put_nowait(text)
        return True

    def unread(self) -> list[str]:
        return list(self.untaken)

    async def interrupt(self) -> None:
        self.interrupted.set()


class Rig:
    """The services, wired as in the daemon."""

    def __init__(
        self,
        directory: Path,
        policy: TablePolicy | None = None,
        project: Path | Project | None = None,
    ) -> None:
        """`project`: the demo project or its directory, whose changes are kept then."""
        self.clock = FakeClock(NOW)
        self.free_memory = 64 * 2**30
        self.state = SqliteState.open(directory)
        self.audit = ListAudit()
        self.activity = Activity(self.audit)
        self.policy = policy or allow_everything()
        self.holder = PolicyHolder(self.policy)
        self.chat = ListChat()
        self.agent = PuppetAgent()
        projects = {
            name: Project(name, f"/srv/{name}", snapshots=Care.OFF) for name in (DEMO, OTHER)
        }
        if project is not None:
            whole = Project(DEMO, str(project)) if isinstance(project, Path) else project
            projects[DEMO] = whole
        workplaces = {**projects, WORKSPACE: Project(WORKSPACE, "/srv/workspace")}
        chats = {Platform.TELEGRAM: self.chat}
        self.people = People(
            self.state,
            {actor.sender: actor.name for actor in PEOPLE},
            {actor.name for actor in PEOPLE} | {DAVE.name},
        )
        self.manners = Manners(self.state, self.people, {}, UTC, self.clock)
        self.outbox = Outbox(
            self.state,
            self.audit,
            chats,  # type: ignore[arg-type]
            self.clock,
            self.people.is_closed,
            self.manners.catalogue,
        )
        self.approvals = Approvals(self.state, self.activity, self.holder, self.outbox, self.clock)
        core = (self.state, self.activity, self.holder)
        self.questions = Questions(*core, self.outbox, self.clock)
        answering = Answering(*core, self.approvals, self.questions, self.outbox, self.clock)
        allowance = Allowance(self.state, self.holder, self.clock)
        refusals = Refusals(self.state, self.holder, lambda _: ("add a line",), self.clock)
        self.workbench = LocalWorkbench()
        self.changes = Changes(self.state, self.audit, self.workbench, projects)
        self.worktrees = Worktrees(self.workbench, projects)
        names = [actor.name for actor in PEOPLE]
        self.lockdowns = Lockdowns(
            *core,
            self.outbox,
            names,
            lambda why: self.worker.halt(why),
            lambda: self.worker.wake(),
            self.clock,
        )
        self.grants, self.log = FakeGrants(), FakeLog()
        self.files = FakePolicyFiles(self.grants, lambda: self.policy)
        self.told: list[Reply] = []
        self.reloading = Reloading(
            self.files, self.holder, self.activity, self.told.append, self.clock
        )
        granting = Granting(self.holder, self.grants, self.reloading, self.clock)
        self.proposals = Proposals(*core, granting, self.outbox, names, [], self.clock)
        overview = Overview(
            self.state,
            self.log,
            self.holder,
            lambda _, user: ("owner",) if user == ALICE.name else (),
            self.people,
            names,
            [],
            projects,
            self.clock,
        )
        admin_desk = AdminDesk(self.state, overview, self.proposals, self.lockdowns, self.outbox)
        judge = Judge(
            self.state,
            self.activity,
            self.holder,
            allowance,
            self.approvals,
            self.questions,
            refusals,
            self.outbox,
            workplaces,
            self.changes,
            self.before_risk,
            self.clock,
            lambda: self.lockdowns.refusal,
        )
        self.far_files, self.transcriber = FakeFiles(), FakeTranscriber()
        self.limits = FileLimits(max_bytes=1000, max_count=3)
        self.store = DirectoryInboxes(directory / "inboxes")
        sources = {Platform.TELEGRAM: self.far_files}
        self.parcels = Parcels(self.state, self.limits, self.clock)
        routing = Routing(RouterRules(), self.policy, self.clock)
        understanding = Understanding(self.state, self.holder, projects, self.parcels, routing)
        self.inboxes = Inboxes(
            self.state,
            self.activity,
            self.store,
            sources,
            self.limits,
            Keeping(days=7, max_bytes=2000),
            self.clock,
        )
        self.voices = Voices(
            self.state,
            self.activity,
            sources,
            self.transcriber,
            Hearing(self.limits, max_seconds=60),
            self.outbox,
            self.clock,
        )
        self.sending = Sending(*core, projects, self.workbench, refusals, self.outbox, self.clock)
        file_desk = FileDesk(self.state, self.parcels, self.voices, self.sending, self.outbox)
        self.watching = Watching(self.state, self.outbox, self.clock, stall_minutes=10)
        terms = Terms(2, Isolation.NONE, Isolation.NONE, 3600)
        self.runs = Runs(terms, lambda: self.free_memory)
        self.worker = Worker(
            self.state,
            self.activity,
            judge,
            SecondLook(self.holder, self.people, self.approvals, allowance, refusals, self.clock),
            Preparation(workplaces, terms, self.inboxes, self.approvals, self.before_risk),
            {Prompt: self.agent, Program: self.agent},
            self.approvals,
            self.outbox,
            self.watching,
            self.changes,
            self.worktrees,
            self.sending,
            self.runs,
            Isolation.NONE,
            self.clock,
            lambda: self.gate.wake(),
            lambda: self.lockdowns.refusal,
        )
        facts = Facts("0", "host", self.clock.now(), Isolation.NONE, Isolation.NONE, 2)
        health = Health(facts, self.state, self.clock, {})
        self.inhibitor = FakeInhibitor()
        self.battery: Battery | None = None
        self.keep_awake = KeepAwake(
            self.state,
            self.audit,
            self.activity,
            self.inhibitor,
            self.read_battery,
            20,
            self.outbox,
            self.clock,
            calm_seconds=0,
        )
        self.woken: list[Host] = []
        self.accounts = Accounts(self.state, self.activity, self.people, self.outbox)
        self.pairing = Pairings(
            self.state,
            self.activity,
            self.people,
            self.outbox,
            self.bot_name,
            FirstTask(self.state, self.holder, projects, self.clock),
            "host",
            self.clock,
        )
        self.painter = FakePainter()
        self.review = Review(
            self.state,
            self.activity,
            self.holder,
            self.changes,
            self.worktrees,
            self.painter,
            self.outbox,
            self.runs,
            lambda: self.lockdowns.refusal,
        )
        admission = Admission(
            self.state,
            self.activity,
            workplaces,
            self.runs,
            self.worker,
            self.approvals,
            file_desk,
            self.outbox,
            self.clock,
        )
        desk = Desk(
            self.state,
            self.holder,
            self.worker,
            admission,
            answering,
            Renewals(self.state, self.activity, self.approvals, self.outbox),
            refusals,
            self.outbox,
            health,
            self.keep_awake,
            OtherHosts({NAS.name: NAS}, self.wake_host),
            Conversations(self.state, self.holder, projects, self.outbox, self.clock),
            Stories(self.state, self.holder, self.runs, self.clock),
            Groups(self.state, self.activity, self.outbox, self.clock),
            self.accounts,
            self.review,
            self.manners,
            admin_desk,
            file_desk,
            self.clock,
        )
        self.gate = Gate(
            self.state,
            self.activity,
            self.holder,
            allowance,
            refusals,
            self.people,
            self.pairing,
            self.lockdowns,
            understanding,
            admission,
            desk,
            Edits(
                self.state,
                self.activity,
                self.runs,
                self.approvals,
                admission,
                self.outbox,
                self.clock,
            ),
            self.outbox,
            self.clock,
        )
        self.intake = Intake(
            self.state,
            self.holder,
            self.people,
            self.pairing,
            self.parcels,
            understanding,
            self.manners,
            self.clock,
            self.gate.wake,
        )
        self.number = 0
        self.anchor: BeforeRisk | None = None

    async def bot_name(self) -> str:
        return "test_bot"

    async def before_risk(self, for_what: str) -> None:
        if self.anchor is not None:
            await self.anchor(for_what)

    async def read_battery(self) -> Battery | None:
        return self.battery

    async def wake_host(self, host: Host) -> None:
        self.woken.append(host)

    async def run(self, *, without: tuple[str, ...] = ()) -> None:
        parts = {
            "outbox": self.outbox.run,
            "awake": self.keep_awake.run,
            "approvals": self.approvals.run,
            "proposals": self.proposals.run,
            "watching": self.watching.run,
            "worker": self.worker.run,
            "review": self.review.run,
            "inboxes": self.inboxes.run,
            "voices": self.voices.run,
            "gate": self.gate.run,
            "pairing": self.pairing.run,
        }
        async with asyncio.TaskGroup() as group:
            for name, run in parts.items():
                if name not in without:
                    group.create_task(run(lambda: None), name=name)

    async def says(self, text: str, actor: Actor = ALICE, place: Place | None = None) -> None:
        self.number += 1
        where = place or Place(Platform.TELEGRAM, actor.sender.id)
        await self.intake([message(text, self.number, actor, where)])

    async def clicks(self, token: str, actor: Actor = ALICE, under: str = "") -> None:
        """`under`: a word of the message that the button is under."""
        self.number += 1
        where = Place(Platform.TELEGRAM, actor.sender.id)
        pressed = click(token, self.number, actor, where)
        number = self.number_of(under, actor) if under else ""
        await self.intake([replace(pressed, message_id=number)])

    async def replies(self, text: str, to: str, actor: Actor = ALICE) -> None:
        """Answer the last message of the chat that holds the word `to`."""
        self.number += 1
        where = Place(Platform.TELEGRAM, actor.sender.id)
        said = message(text, self.number, actor, where)
        await self.intake([replace(said, reply_to=self.number_of(to, actor))])

    def number_of(self, word: str, actor: Actor = ALICE) -> str:
        """The platform's number of the last message in somebody's chat that holds the word."""
        for index in reversed(range(len(self.chat.posts))):
            post, number = self.chat.posts[index], str(1001 + index)
            is_theirs = post.place.chat == actor.sender.id and post.kind is PostKind.NEW
            if is_theirs and word in self.chat.messages[number]:
                return number
        raise AssertionError(f"nobody told {actor.name} {word!r}")

    def button(self, label: str) -> str:
        """The token of the last button with this label."""
        for post in reversed(self.chat.posts):
            for row in post.reply.buttons:
                for button in row:
                    if button.label == label:
                        return button.token
        raise AssertionError(f"nobody showed a button {label}")


@asynccontextmanager
async def running(rig: Rig, **options: tuple[str, ...]) -> AsyncIterator[Rig]:
    """The rig with all its parts running."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(rig.run(**options))
        try:
            yield rig
        finally:
            task.cancel()


STRANGER = Sender(Platform.TELEGRAM, "666")
