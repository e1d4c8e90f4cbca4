"""Every outside thing we need, as a Protocol, on one page.

Adapters implement these without knowing each other; services tell the story with them alone;
`appliance.app.wiring` is where the two meet. Each port has one contract suite in
`tests/contracts`, run against the fake and against every adapter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from appliance.core.approvals import Approval
from appliance.core.diffs import Line
from appliance.core.events import Event
from appliance.core.excerpts import Excerpt
from appliance.core.jobs import Job, PastSession, Step
from appliance.core.keep_awake import Battery, Session
from appliance.core.lockdown import Lockdown, LockdownId
from appliance.core.model import (
    Actor,
    ApprovalId,
    Asks,
    Decision,
    Denied,
    Incoming,
    IncomingFile,
    JobId,
    Message,
    Millis,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    Progress,
    Project,
    ProjectName,
    Quota,
    Recipe,
    Reply,
    Request,
    Sender,
    Task,
    TaskEvent,
    ToolCall,
    Urgency,
    UserName,
    Verdict,
)
from appliance.core.pairing import Account, PairedPlace, Pairing, PairingId
from appliance.core.preferences import Preferences
from appliance.core.proposals import Draft, Proposal, ProposalId, Wish
from appliance.core.questions import Question, QuestionId
from appliance.core.snapshots import Snapshots
from appliance.core.wake_on_lan import Host

Ready = Callable[[], None]
"""A part calls this once, when it can do its work."""

Intake = Callable[[Sequence[Incoming]], Awaitable[None]]
"""Takes a batch; returns once all of it is durable. Only then may the platform be told so.

Raises StorageUnavailable: nothing of the batch was accepted; offer it again.
"""

Judge = Callable[[ToolCall], Awaitable[Verdict]]
"""Decides one tool call; may wait for a human, for hours. Cancelled when the agent withdraws it."""

FreeMemory = Callable[[], int]
"""Bytes that programs of this machine can still get."""

Numbers = Mapping[tuple[str, ...], float]

BeforeRisk = Callable[[str], Awaitable[None]]
"""Called with what it is for before an approved action runs: returns once a checkpoint of the
log that covers the approval is kept outside of it.

Raises AnchorUnavailable or AuditUnavailable: the action must not run.
"""


@dataclass(frozen=True, slots=True)
class Dial:
    """A number of ours that can be read at any time, for who watches over the machine.

    `read` returns one for each combination of values of `labels`; without labels, for (). It
    raises StorageUnavailable: there is none now. `only_grows`: as long as the daemon runs.
    """

    name: str
    summary: str
    read: Callable[[], Numbers]
    labels: tuple[str, ...] = ()
    only_grows: bool = False


class Clock(Protocol):
    """Time, so that tests can jump it."""

    def now(self) -> Millis:
        """Wall clock, for people and records."""

    def monotonic(self) -> float:
        """Seconds that never jump, for time-outs."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""


class FileSource(Protocol):
    """Where the files are that people send."""

    def fetch(self, file: IncomingFile) -> AsyncIterator[bytes]:
        """Its content, piece by piece; whether that is all of it is told by how it ends.

        Raises ChatUnavailable (try again) or ChatRefused (never again).
        """


class InboxStore(Protocol):
    """Where the files of each job are kept. What changes it raises StorageUnavailable."""

    def path(self, job: JobId) -> str:
        """The directory that the agent reads, whether it is there already or not."""

    def begin(self, job: JobId) -> None:
        """Start with an empty one that nobody sees; what an earlier try left is gone."""

    def writing(self, job: JobId, name: str) -> AbstractContextManager[Callable[[bytes], None]]:
        """Write one file from its beginning; `name` is a plain segment of a path."""

    def publish(self, job: JobId) -> None:
        """All of it is there: the agent may read it, and nobody changes it any more."""

    def remove(self, job: JobId) -> None: ...

    def sizes(self) -> Mapping[JobId, int]:
        """The bytes of every job's files that are there."""


class Transcriber(Protocol):
    """Understands what people say."""

    async def transcribe(self, sound: bytes, language: str | None) -> str:
        """The words of a recording, "" for none; `language` None: whichever it is.

        Raises NotHeard, in one sentence.
        """


class Chat(Protocol):
    """One platform where people write to us."""

    @property
    def platform(self) -> Platform: ...

    async def run(self, intake: Intake, ready: Ready) -> None:
        """Receive until cancelled: fetch → `await intake(batch)` → only then confirm.

        Never raises because the far side is down: it retries with backoff and says so in the log.
        """

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        """Render and split a reply into posts that this platform takes whole.

        The parts' bodies are `Rich`; buttons stay on the last part; very long text becomes a
        short beginning and an attached file. Pure: same reply, same parts.
        """

    async def room(self, place: Place, urgency: Urgency) -> bool:
        """Returns once a post of this urgency may go to the place; True: that took a while.

        What is more urgent goes first, asked for later or not. May be cancelled and asked anew:
        room once given is kept for the next `send` to that place. Raises ChatUnavailable while
        the platform wants no calls.
        """

    async def send(self, post: Post) -> str:
        """Deliver a prepared post and return the platform's message id.

        Uses the `room` that was given, or waits for some. Raises ChatUnavailable (try the same
        post again) or ChatRefused (never again).
        """

    async def find(self, post: Post) -> str | None:
        """The message id of a post whose sending was cut off, or None if it never arrived.

        Raises ChatUnavailable when that cannot be found out now.
        """

    def show(self, progress: Progress) -> None:
        """Show what a job does now if there is room in the budget; never waits, never fails."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the audit log gives back after COMMIT: the last record's number and the tree's head."""

    seq: int
    root: bytes


class Audit(Protocol):
    """The append-only signed log."""

    async def append(self, *events: Event) -> Receipt:
        """Make the events durable in this order, in one commit.

        Raises AuditUnavailable: nothing was recorded, and the caller must not act.
        """


class AnchorableAudit(Audit, Protocol):
    """The log with its checkpoints. Each method raises AuditUnavailable when it cannot do it."""

    async def checkpoint(self) -> str:
        """The signed note of the log as it is now; it covers everything acknowledged so far."""

    async def record_anchor(self, size: int, sink: str, receipt: str) -> None:
        """Keep with the log that a sink holds the checkpoint of this size, and what it said."""

    async def public_key(self) -> str:
        """The first key of the log, as people keep it to recognise the log."""

    async def prove_growth(self, old: int, new: int) -> Sequence[bytes]:
        """The hashes which prove that the log of `old` records became that of `new` (RFC 6962)."""


class AnchorSink(Protocol):
    """A place outside the log that keeps checkpoints, so that nobody can take back what it was."""

    @property
    def name(self) -> str:
        """One short word for people and records, e.g. "chat"."""

    async def post(self, note: str) -> str:
        """Keep a checkpoint there; returns once it is, with a receipt.

        The receipt is the note, with whatever the sink has added to it. Raises AnchorUnavailable.
        """


class Policy(Protocol):
    """A loaded policy: immutable; a reload makes another one."""

    def decide(self, request: Request) -> Decision:
        """Judge a request. Pure and quick; anything not understood is at best `Asks`."""

    def as_run(self, call: ToolCall) -> ToolCall:
        """The call in the words in which it is to be judged, shown, recorded and run.

        They mean what the agent's own words mean. What runs in place of them is what was judged.
        """

    def may_approve(self, user: UserName, requester: UserName, asks: Asks) -> bool:
        """Whether `user` may answer what `requester` asked for."""

    def approvers(self, requester: UserName, asks: Asks) -> tuple[UserName, ...]:
        """Everybody for whom `may_approve` holds, in order of name."""

    def recipes(self) -> tuple[Recipe, ...]:
        """The commands of commands.toml."""

    def quotas(self, user: UserName, project: ProjectName | None) -> tuple[Quota, ...]:
        """How much the user may use there; all of them hold."""


class LivePolicy(Policy, Protocol):
    """A policy as it was read: with the fingerprint of its files, and how many rules it has."""

    @property
    def sha256(self) -> str: ...

    @property
    def rules(self) -> int: ...


class PolicyFiles(Protocol):
    """Where the policy is written down. Its methods read files: they are called in a thread."""

    @property
    def path(self) -> str:
        """For people and records."""

    def version(self) -> str:
        """Changes with every edit; quick, and never fails."""

    def load(self) -> LivePolicy:
        """What the files say now. Raises PolicyError, with one line for each mistake."""

    def difference(self, before: LivePolicy, after: LivePolicy) -> tuple[str, ...]:
        """Who may what since, one line each: "+ …" for more, "- …" for less."""


class Grants(Protocol):
    """What was granted beside the policy files. Its methods read files: they are called in a
    thread. All raise PolicyError when what is there cannot be read."""

    def lines(self) -> tuple[str, ...]:
        """What it says, without comments."""

    def text(self) -> str: ...

    def draft(self, policy: LivePolicy, wish: Wish) -> Draft:
        """What a wish would change in this policy.

        Raises PolicyError, in one sentence for who wished it, when it cannot be granted so.
        """

    def change(self, added: Sequence[str], removed: Sequence[str], because: str) -> None:
        """Write it with these lines added and removed; twice is once. Raises StorageUnavailable."""

    def put(self, text: str) -> None:
        """Put an earlier text back. Raises StorageUnavailable."""


class LogReader(Protocol):
    """Whoever can show what is in the log, a page at a time."""

    async def newest(self, who: str, job: int, since: int, before: int) -> Excerpt:
        """The newest records before this one (0: of all) that fit; "" and 0 fit everything.

        Raises AuditUnavailable when they cannot be read, or are not what was signed.
        """


class Hold(Protocol):
    """The machine kept awake. Ends by itself soon after nobody renews it or its maker is gone."""

    @property
    def shortfall(self) -> str:
        """What may send the machine to sleep all the same, "" for nothing we know of."""

    async def renew(self) -> bool:
        """Go on for a while; False: it has ended, by whatever cause."""

    async def release(self) -> None:
        """Let go; returns once the machine may sleep. Never fails, and may be called again."""


class Inhibitor(Protocol):
    """How this machine is kept awake."""

    @property
    def means(self) -> str:
        """In a word, for people and records: "logind"."""

    async def hold(self, why: str) -> Hold:
        """Keep the machine awake; `why` is what its users are shown.

        To change the reason, hold anew before the old hold is released. Raises WakeUnavailable.
        """


ReadBattery = Callable[[], Awaitable[Battery | None]]
"""How the battery is; None: there is none."""

Wake = Callable[[Host], Awaitable[None]]
"""Send what wakes another machine; nobody hears whether it did. Raises WakeUnavailable."""


class AgentSession(Protocol):
    """A running task. `events` ends with exactly one `Ended`, whatever happens to the process."""

    def events(self) -> AsyncIterator[TaskEvent]: ...

    async def steer(self, text: str) -> bool:
        """Give the running agent a further message; False: it cannot take one (any more)."""

    def unread(self) -> Sequence[str]:
        """What `steer` took that no turn of the agent has begun with, oldest first."""

    async def interrupt(self) -> None:
        """Ask the agent to stop; `Ended(CANCELLED)` follows. Kills it when it does not listen."""


class Agent(Protocol):
    """Something that can work on a task: a coding agent, or the runner of recipes."""

    @property
    def is_ready(self) -> bool:
        """Whether `ready` would pass at once."""

    async def ready(self) -> None:
        """Raises AgentFailed, in one sentence with a hint, while this agent must not be used."""

    def start(self, task: Task, judge: Judge) -> AbstractAsyncContextManager[AgentSession]:
        """Start the task; leaving the context leaves no process behind.

        Entering raises SandboxRefused or AgentFailed.
        """


@dataclass(frozen=True, slots=True)
class Output:
    """What a program of a `Workbench` left. `is_cut`: it printed more, and was stopped (-1)."""

    status: int
    stdout: bytes
    stderr: str
    is_cut: bool


class Workbench(Protocol):
    """Runs short programs of ours where a project's files can be read: in its sandbox."""

    async def run(
        self,
        project: Project,
        argv: Sequence[str],
        *,
        directory: str = ".",
        limit_bytes: int = 1 << 20,
        stdin: bytes = b"",
    ) -> Output:
        """Run `argv` without a network, for a minute at most; `directory` is in the project.

        Its output is the first `limit_bytes` of it, byte by byte. Raises AgentFailed when it
        could not be run to its end, SandboxRefused where there is no wall for it.
        """


class Painter(Protocol):
    """Makes pictures of what is too wide for a phone."""

    async def lines(self, lines: Sequence[Line]) -> bytes | None:
        """Changed lines as a PNG; None: this machine cannot paint (no font)."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a place is about: its current project and agent session ("" when none).

    `since` is the number of the message by which somebody turned to something else there: a job
    that was asked for before it belongs to another conversation.
    """

    project: ProjectName | None = None
    session: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A post on its way out. `attempts` counts the tries.

    `is_in_doubt`: a try was cut off midway. `is_ready`: it needs no `mark_trying` before its first
    try, because after a crash it would be in doubt anyway. `urgency` is that of the most urgent
    post that waits in its place, so that nothing urgent waits behind what gives way.
    """

    post: Post
    attempts: int
    is_in_doubt: bool
    is_ready: bool
    first_tried_at: Millis
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class Speech:
    """A spoken message on its way to a task; `text` is None until it is written down."""

    number: int
    key: str
    place: Place
    actor: Actor
    file: IncomingFile
    at: Millis
    text: str | None = None

    def is_of(self, place: Place, actor: Actor) -> bool:
        """Nobody else's words are run or thrown away."""
        return (self.place, self.actor.name) == (place, actor.name)


@dataclass(frozen=True, slots=True)
class Remainder:
    """What was left out of a long answer, and all of it; `cuts_code`: in the midst of code."""

    rest: str
    whole: str
    cuts_code: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused last in a place, to be explained there."""

    at: Millis
    request: Request
    denied: Denied


class QuestionBook(Protocol):
    """What agents ask, and what belongs to questions while people answer them.

    Part of the state database: it shares its transactions, and raises what it raises.
    """

    def save(self, question: Question) -> None: ...

    def get(self, question_id: QuestionId) -> Question | None: ...

    def open_of(self, job_id: JobId) -> tuple[Question, ...]:
        """Those of a job that wait for an answer, oldest first."""

    def await_reason(self, user: UserName, approval: ApprovalId) -> None:
        """This user is about to say why not."""

    def awaits_reason(self, user: UserName, approval: ApprovalId) -> bool: ...

    def let_through(self, approval: ApprovalId, request: str, summary: str) -> None:
        """A call went on because of a yes for the whole job."""

    def passed(self, approval: ApprovalId) -> tuple[str, ...]:
        """Summaries of what went on because of it, in order."""


class FileBook(Protocol):
    """What of files and speech is to be remembered; part of the state database."""

    def job_with_files(self, session: str) -> JobId | None:
        """The latest job of an agent's session that files came with."""

    def keep(self, place: Place, user: UserName, files: Sequence[IncomingFile], at: Millis) -> None:
        """What this person sent there without a word; takes the place of what was kept before."""

    def kept(self, place: Place, user: UserName, since: Millis) -> tuple[IncomingFile, ...]: ...

    def forget(self, place: Place, user: UserName) -> None: ...

    def name(self, job_id: JobId, paths: Sequence[str]) -> None:
        """The files that a job's answer names, in this order."""

    def named(self, job_id: JobId) -> tuple[str, ...]: ...

    def add_speech(self, speech: Speech) -> Speech:
        """Store it and return it with its number; the same as before for a key that is known."""

    def save_speech(self, speech: Speech) -> None: ...

    def speech(self, number: int) -> Speech | None: ...

    def unheard(self) -> tuple[Speech, ...]:
        """What is still to be written down, oldest first."""

    def heard(self, place: Place, user: UserName) -> tuple[Speech, ...]:
        """What was written down of what this person said there, and is not settled."""

    def forget_speech(self, number: int) -> None: ...


@dataclass(frozen=True, slots=True)
class SetAside:
    """What in a place was under way when a backup was made that is restored now."""

    place: Place
    messages: int  # not looked at
    posts: int  # perhaps never sent


class Restoration(Protocol):
    """What came from a backup and must not be done twice; part of the state database."""

    def made_at(self) -> Millis | None:
        """When the backup was made from which this state was restored; None: it is settled."""

    def set_aside(self) -> tuple[SetAside, ...]: ...

    def settle(self) -> None:
        """It was told to people: nothing of it is held back any more, and nothing of it is done."""


class State(Protocol):
    """The state database: inbox, jobs, approvals, limits, refusals, conversations, outbox.

    Calls are short and synchronous. What belongs together is written inside one
    `with state.transaction():`, durable when the block is left. Every method raises
    StorageUnavailable when the database cannot be read or written.
    """

    @property
    def files(self) -> FileBook: ...

    @property
    def questions(self) -> QuestionBook: ...

    @property
    def restoration(self) -> Restoration: ...

    def transaction(self) -> AbstractContextManager[None]: ...

    # inbox
    def accept(self, incoming: Incoming, actor: Actor) -> bool:
        """Store what came in; False: it was here before (same key)."""

    def waiting(self) -> tuple[tuple[Incoming, Actor], ...]:
        """Some of what was accepted and not handled yet: what is urgent, then the oldest."""

    def mark_handled(self, key: str) -> None: ...

    def offer_again(self, key: str) -> None:
        """What was handled is waiting once more: what it was to do has not happened."""

    def number_of(self, key: str) -> int:
        """Counts what came in, in order; 0: nothing with this key did."""

    def said(self, place: Place, message_id: str) -> tuple[Message, Actor] | None:
        """The message that has this number there."""

    def last_seen(self, user: UserName) -> Millis | None:
        """When this user wrote, or pressed something, last."""

    def place_of(
        self, user: UserName, platforms: Collection[Platform] = tuple(Platform)
    ) -> Place | None:
        """Where this user wrote last on one of these platforms, to reach them: in private, or in a
        group that is paired."""

    # jobs
    def add_job(self, job: Job) -> Job:
        """Store a new job and return it with its number (the given `id` is ignored)."""

    def save_job(self, job: Job) -> None: ...

    def job(self, job_id: JobId) -> Job | None: ...

    def job_of(self, key: str) -> Job | None:
        """The job that this message asked for."""

    def job_about(self, place: Place, message_id: str) -> Job | None:
        """The job that the message with this number is about, whoever wrote it."""

    def past_sessions(
        self, place: Place, project: ProjectName, limit: int
    ) -> tuple[PastSession, ...]:
        """The sessions that went on in a place, the latest first."""

    def add_step(self, job_id: JobId, step: Step) -> None:
        """Something that happened in a job; only so many of the latest are kept."""

    def steps(self, job_id: JobId) -> tuple[Step, ...]:
        """Oldest first."""

    def job_in_session(self, session: str) -> Job | None:
        """The latest job that worked in this agent session."""

    def unfinished_jobs(self) -> tuple[Job, ...]: ...

    def latest_jobs(self, limit: int, place: Place | None = None) -> tuple[Job, ...]: ...

    # what jobs changed
    def save_snapshots(self, snapshots: Snapshots) -> None: ...

    def snapshots(self, job_id: JobId) -> Snapshots | None: ...

    def succeeded(self, job_ids: Sequence[JobId]) -> frozenset[JobId]:
        """Those of the given jobs that succeeded."""

    # approvals
    def save_approval(self, approval: Approval) -> None: ...

    def approval(self, approval_id: ApprovalId) -> Approval | None: ...

    def open_approvals(self) -> tuple[Approval, ...]:
        """Pending or given but not used, oldest first."""

    def approvals_of(self, job_id: JobId) -> tuple[Approval, ...]:
        """Everything that was asked about this job, oldest first."""

    def approvals_for_job(self, job_id: JobId) -> tuple[Approval, ...]:
        """Those of this job that hold for all of it, and have let their first thing happen."""

    # limits
    def count(self, counter: str, key: str, at: Millis, forget_before: Millis) -> None:
        """Count one more, once for each key; what was counted before that time is forgotten."""

    def is_counted(self, counter: str, key: str) -> bool: ...

    def latest_count(self, counter: str, number: int) -> Millis | None:
        """When the last but `number` - 1 was counted; None: there are fewer."""

    def costs(
        self, user: UserName, project: ProjectName | None, since: Millis
    ) -> tuple[tuple[Millis, int], ...]:
        """When each of the user's jobs ended since then, and its microdollars; oldest first."""

    # refusals
    def save_refusal(self, place: Place, refusal: Refusal) -> None:
        """The last one of a place takes the place of the one before."""

    def refusal(self, place: Place) -> Refusal | None: ...

    # conversations
    def conversation(self, place: Place) -> Conversation: ...

    def save_conversation(self, place: Place, conversation: Conversation) -> None: ...

    def preferences(self, place: Place) -> Preferences: ...

    def save_preferences(self, place: Place, preferences: Preferences) -> None: ...

    # long answers
    def keep_rest(self, place: Place, remainder: Remainder) -> int:
        """Keep what was not shown, by a number that holds in this place; the oldest go."""

    def rest(self, place: Place, number: int) -> Remainder | None: ...

    # accounts and groups
    def save_pairing(self, pairing: Pairing) -> None: ...

    def pairing(self, pairing_id: PairingId) -> Pairing | None: ...

    def pairings(self, since: Millis) -> tuple[Pairing, ...]:
        """Those opened since then, oldest first."""

    def save_account(self, account: Account) -> None: ...

    def account(self, sender: Sender) -> Account | None: ...

    def accounts(self) -> tuple[Account, ...]:
        """All that are paired, in order of user and id."""

    def remove_account(self, sender: Sender) -> None:
        """It is nobody's any more: where it wrote is no place of its user (`place_of`), and what
        waits to be sent there is not sent."""

    def save_paired_place(self, paired: PairedPlace) -> None: ...

    def is_paired(self, place: Place) -> bool:
        """Whether exactly this place is paired."""

    def paired_places(self) -> tuple[PairedPlace, ...]: ...

    def remove_paired_place(self, place: Place) -> None:
        """With all its topics, when it is a whole group."""

    # proposals and lockdowns
    def save_proposal(self, proposal: Proposal) -> None: ...

    def proposal(self, proposal_id: ProposalId) -> Proposal | None: ...

    def open_proposals(self) -> tuple[Proposal, ...]:
        """Those that wait for an answer, or were accepted and are not in the file; oldest first."""

    def save_lockdown(self, lockdown: Lockdown) -> None: ...

    def lockdown(self, lockdown_id: LockdownId) -> Lockdown | None: ...

    def held_lockdown(self) -> Lockdown | None:
        """The one that holds now."""

    # staying awake
    def save_awake(self, session: Session | None) -> None:
        """The one that was asked for last takes the place of the one before."""

    def awake(self) -> Session | None: ...

    # outbox
    def post(
        self,
        place: Place,
        reply: Reply,
        *,
        kind: PostKind = PostKind.NEW,
        edits: PostId | None = None,
        click: str = "",
        marks: str = "",
        label: str = "",
        job: JobId | None = None,
    ) -> PostId:
        """Put a prepared reply into the outbox. `click` is the key of the click that a TOAST
        answers, `marks` the platform's id of the message that a MARK is put on. `label` finds it
        again (`posts_labelled`); `job` is what it is about (`job_about`).

        Where nothing else waits in its place it is ready: one commit less before it is sent.
        """

    def post_at(self, place: Place, message_id: str) -> PostId | None:
        """Our message that has this number there."""

    def label_at(self, place: Place, message_id: str) -> str:
        """What our message with this number there was labelled with, "" if with nothing."""

    def posts_labelled(self, label: str) -> tuple[tuple[PostId, Place], ...]: ...

    def message_id(self, post_id: PostId) -> str:
        """The platform's id of a delivered post, "" before that."""

    def places_with_mail(self) -> tuple[Place, ...]: ...

    def undelivered(self) -> tuple[int, Millis | None]:
        """How many posts wait to be delivered, and when the oldest of them was put."""

    def next_delivery(self, place: Place) -> Delivery | None:
        """What goes next to a place: a try that was cut off; else answers to clicks, messages,
        edits, marks, each in the order of `post`. An edit that a later one replaces never goes.
        """

    def mark_trying(self, post_id: PostId, at: Millis) -> None:
        """Durable before the platform is called: from now on the post may have arrived."""

    def mark_untried(self, post_id: PostId) -> None:
        """The platform surely did not take it."""

    def mark_delivered(self, post_id: PostId, message_id: str) -> tuple[PostId, ...]:
        """Returns the edits that this one has replaced: they are settled with it."""

    def mark_given_up(self, post_id: PostId, reason: str) -> None: ...
