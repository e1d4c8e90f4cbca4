"""The nouns everybody shares: who, where, what was said, what is answered, what was decided.

Frozen values without behaviour beyond their own text form. Ids that look alike are different
types, so that a job's number never travels where an approval's is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import IntEnum, StrEnum
from typing import NewType

UserName = NewType("UserName", str)  # a name declared in dispatch.toml, never a chat's user name
ProjectName = NewType("ProjectName", str)
JobId = NewType("JobId", int)
ApprovalId = NewType("ApprovalId", str)  # random; short enough for a button (64 bytes on Telegram)
PostId = NewType("PostId", int)  # row of the outbox
Millis = NewType("Millis", int)  # milliseconds since 1970, UTC

WORKSPACE = ProjectName("workspace")
"""Where questions are answered (`/ask`): an empty directory, no shell. No project is called so."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Platform(StrEnum):
    """Where a message came from."""

    TELEGRAM = "telegram"
    WEB = "web"
    TERMINAL = "terminal"


KEEPING_CHATS = (Platform.TELEGRAM, Platform.WEB)
"""They keep what was said; a terminal forgets it when it is closed."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the platform says has written: its own numeric id, never a display name."""

    platform: Platform
    id: str

    def __str__(self) -> str:
        return f"{self.platform}:{self.id}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation happens and where its answers go: a chat, or a topic of a forum."""

    platform: Platform
    chat: str
    topic: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.platform, self.chat, self.topic)))


@dataclass(frozen=True, slots=True)
class Actor:
    """A known person and how we know: `name` from the settings, `sender` from the chat."""

    name: UserName
    sender: Sender


# --- what comes in


class FileKind(StrEnum):
    """What the platform says a file is; nobody has looked inside yet."""

    PHOTO = "photo"
    DOCUMENT = "document"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file that came with a message. `id` is what the platform gives it out for.

    `name` and `mime` are the sender's words ("" when there are none), `size` the platform's, in
    bytes (0: not told).
    """

    kind: FileKind
    id: str
    name: str = ""
    mime: str = ""
    size: int = 0
    seconds: int = 0  # of what can be heard


class Oddity(StrEnum):
    """What people send that is neither words nor a file."""

    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    DICE = "dice"
    GAME = "game"
    STORY = "story"
    CHECKLIST = "checklist"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody sent: a text, files with or without one, or an `oddity`.

    `key` is the platform's own id of the delivery and makes it unique.

    `joined` holds the keys of further parts when the client split one long text. `message_id` is
    the platform's number of the message in its chat, where there is one. `called` is what the
    sender's profile says: anybody may call themselves anything, so it is never compared. Messages
    of one `album` were sent as one.
    """

    key: str
    sender: Sender
    place: Place
    text: str
    sent_at: Millis
    joined: tuple[str, ...] = ()
    message_id: str = ""
    reply_to: str = ""
    files: tuple[IncomingFile, ...] = ()
    called: str = ""
    is_aside: bool = False  # said in a group, neither to us nor in answer to us
    pieces: tuple[str, ...] = ()  # the numbers of the parts before the last, as many as `joined`
    oddity: Oddity | None = None
    album: str = ""
    language: str = ""  # of the sender's app, "de" or "pt-br", as the platform tells it


@dataclass(frozen=True, slots=True)
class Edited:
    """The sender has changed a message: `message_id` names it, `text` is what it says now."""

    key: str
    sender: Sender
    place: Place
    text: str
    sent_at: Millis
    message_id: str


@dataclass(frozen=True, slots=True)
class Click:
    """A button somebody pressed; `token` is the button's, looked up and never trusted."""

    key: str
    sender: Sender
    place: Place
    token: str
    sent_at: Millis
    message_id: str = ""  # of the message that the button is under


Incoming = Message | Edited | Click


# --- what goes out


class Style(StrEnum):
    """How a span of text looks; the words follow Telegram's entity types."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strikethrough"
    CODE = "code"
    PRE = "pre"  # value: the language, or ""
    QUOTE = "blockquote"
    LINK = "text_link"  # value: the address, http or https only


@dataclass(frozen=True, slots=True)
class Span:
    """`length` code points of the text from `start` on look like `style`."""

    style: Style
    start: int
    length: int
    value: str = ""


@dataclass(frozen=True, slots=True)
class Rich:
    """Plain text with spans: what every chat can show without parsing anything."""

    text: str
    spans: tuple[Span, ...] = ()


Sentences = Mapping[str, str]
"""English text with {gaps} → the same in another language, with the same gaps."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """How a place is talked to: our sentences in its language, and times as its clocks show."""

    sentences: Sentences = field(default_factory=dict)
    zone: tzinfo = UTC


ENGLISH = Catalogue()
_GAP = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of ours in no language yet: `key` is English with {gaps}, which `values` fill.

    As `str` it is English. Values that are texts are put in as they are and never looked up.
    """

    key: str
    values: tuple[tuple[str, Value], ...] = ()

    def __str__(self) -> str:
        return self.filled(ENGLISH)

    def filled(self, catalogue: Catalogue) -> str:
        """In one language; in English where the catalogue does not know it."""
        return "".join(text for text, _ in self.parts(catalogue))

    def parts(self, catalogue: Catalogue) -> Iterator[tuple[str, bool]]:
        """The same in pieces, each with whether it is ours: texts that fill gaps are not."""
        text = catalogue.sentences.get(self.key, self.key)
        if not self.values:  # what has no gaps is no template: braces in it are just braces
            yield text, True
            return
        values, at = dict(self.values), 0
        for gap in _GAP.finditer(text):
            yield text[at : gap.start()], True
            at = gap.end()
            match values.get(gap[1]):
                case None:
                    yield gap[0], True
                case Phrase() as phrase:
                    yield from phrase.parts(catalogue)
                case value:
                    yield filled(value, catalogue), not isinstance(value, str)
        yield text[at:], True


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A moment as the clock of whoever reads it: "18:00"."""

    at: Millis

    def __str__(self) -> str:
        return self.filled(ENGLISH)

    def filled(self, catalogue: Catalogue) -> str:
        return f"{datetime.fromtimestamp(self.at / 1000, catalogue.zone):%H:%M}"


@dataclass(frozen=True, slots=True)
class Day:
    """A moment as the day it is for whoever reads it: "21 Nov", in their language."""

    at: Millis

    def __str__(self) -> str:
        return self.filled(ENGLISH)

    def filled(self, catalogue: Catalogue) -> str:
        local = datetime.fromtimestamp(self.at / 1000, catalogue.zone)
        month = Phrase(_MONTHS[local.month - 1])
        return Phrase("{day} {month}", (("day", local.day), ("month", month))).filled(catalogue)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Value = str | int | Phrase | TimeOfDay | Day
"""What fills a gap."""


def filled(said: Value, catalogue: Catalogue) -> str:
    """A phrase in one language, a moment by its clocks; other values as they are."""
    return str(said) if isinstance(said, str | int) else said.filled(catalogue)


@dataclass(frozen=True, slots=True)
class Piece:
    """Something said in one style. `value` as in `Span`."""

    said: str | Phrase
    style: Style | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """Our words before a language is chosen (`appliance.core.words`)."""

    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """In English."""
        return self.rich(ENGLISH).text

    def outside(self, catalogue: Catalogue) -> Iterator[tuple[int, int]]:
        """From and up to where there is text that is not ours."""
        at = 0
        for piece in self.pieces:
            said = piece.said
            parts = said.parts(catalogue) if isinstance(said, Phrase) else ((said, False),)
            for text, is_ours in parts:
                if text and not is_ours:
                    yield at, at + len(text)
                at += len(text)

    def rich(self, catalogue: Catalogue) -> Rich:
        text, spans = "", list[Span]()
        for piece in self.pieces:
            said = filled(piece.said, catalogue)
            if piece.style is not None and said:
                spans.append(Span(piece.style, len(text), len(said), piece.value))
            text += said
        return Rich(text, tuple(spans))


@dataclass(frozen=True, slots=True)
class Markdown:
    """Text from an agent, to be rendered to `Rich` by the chat that shows it."""

    text: str


class ButtonKind(StrEnum):
    """What pressing a button means, for chats that can colour it."""

    APPROVE = "approve"
    DENY = "deny"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Button:
    """`token` comes back in a `Click`; at most 64 bytes."""

    label: str | Phrase
    token: str
    kind: ButtonKind = ButtonKind.PLAIN


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a reply; a picture is shown as one where the platform can."""

    name: str
    content: bytes
    is_picture: bool = False


class Urgency(IntEnum):
    """What gives way to what when a platform takes only so many calls: the higher goes first."""

    SPARE = 0  # marks, what a job does now, and what its agent says on the way
    CHANGE = 1  # edits of earlier messages, and messages that ring no phone
    NEWS = 2  # other new messages, answers to clicks
    ANSWER = 3  # what somebody waits for: an answer, a question


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in words. `buttons` is rows of buttons below it; `silent` rings no phone.

    `answers`: the platform's id of the message that it answers, where that is shown. `footer`
    stands below the body, in our words where the body is an agent's. `urgency` None: as for any
    post of its kind.
    """

    body: Rich | Markdown | Wording
    buttons: tuple[tuple[Button, ...], ...] = ()
    attachment: Attachment | None = None
    silent: bool = False
    answers: str = ""
    footer: Rich | Wording | None = None
    urgency: Urgency | None = None


class PostKind(StrEnum):
    """`NEW` a message of its own; `EDIT` replaces an earlier post; `TOAST` answers one click;
    `MARK` puts a sign on somebody's message: it has arrived."""

    NEW = "new"
    EDIT = "edit"
    TOAST = "toast"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Post:
    """One row of the outbox as a chat sends it.

    `message_id`: for EDIT the platform's id of the message to replace, for MARK of the one to
    mark, for TOAST the key of the click. `after_id`: the last message id known in this place,
    ours or theirs, when the post was tried ("" when none), from where `Chat.find` looks for a
    post whose sending was cut off.
    """

    id: PostId
    place: Place
    kind: PostKind
    reply: Reply
    message_id: str = ""
    after_id: str = ""

    @property
    def urgency(self) -> Urgency:
        if self.reply.urgency is not None:
            return self.reply.urgency
        match self.kind:
            case PostKind.NEW:
                return Urgency.CHANGE if self.reply.silent else Urgency.NEWS
            case PostKind.TOAST:
                return Urgency.NEWS
            case PostKind.EDIT:
                return Urgency.CHANGE
            case PostKind.MARK:
                return Urgency.SPARE


@dataclass(frozen=True, slots=True)
class Progress:
    """What a job is doing now: shown when there is room, never stored, never repeated.

    `reply` is in one language already; None: nothing any more.
    """

    job: JobId
    place: Place
    reply: Reply | None = None
    started_post: str = ""  # platform's id of the job's own message, "" when not known yet

    @property
    def text(self) -> str:
        return self.reply.body.text if self.reply else ""


# --- what is decided


class Act(StrEnum):
    """The kinds of request that a policy rule can be about."""

    CHAT = "chat"  # a chat command, object: "/deploy prod"
    BASH = "bash"  # object: one simple command, words joined by one blank
    READ = "read"  # object: absolute path
    WRITE = "write"  # object: absolute path
    WEB = "web"  # object: host name, or "search"
    NET = "net"  # a connection of any program of a task, object: host:port
    MCP = "mcp"  # object: server/tool
    AGENT = "agent"  # a sub-agent, object: its type
    TOOL = "tool"  # any other tool, object: its name
    ADMIN = "admin"  # looking after the appliance, object: "pair telegram", "policy reload"


CONNECT = "Connect"
"""The tool that a task's connections are judged as; no agent has one of this name."""

ASK_PEOPLE = "AskUserQuestion"
"""The tool by which an agent asks people something."""

END_PLANNING = "ExitPlanMode"
"""The tool by which an agent asks to carry out its plan."""

PLAN_FILE = "PlanFile"
"""The tool that an agent's work on its own notes of a plan is judged as; none has this name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The line that decided: `path`:`line`, and its text as written."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A person asks for a command, e.g. words "/deploy prod". `project` None: about no project.

    `at` is now; 0: not known, and what a rule allows only at certain times is not allowed.
    """

    user: UserName
    project: ProjectName | None
    words: str
    via: Platform
    at: Millis = Millis(0)


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """The agent asks for a tool call in a job that `user` started.

    `root` is the project's resolved directory, `cwd` the agent's working directory within it,
    `at` now (0: not known), `inbox` the directory of the files that came for the job, "" if none.
    """

    user: UserName
    project: ProjectName
    root: str
    cwd: str
    tool: str
    input: Mapping[str, Json]
    via: Platform
    at: Millis = Millis(0)
    inbox: str = ""


@dataclass(frozen=True, slots=True)
class AdminRequest:
    """Somebody looks after the appliance itself: words such as "pair telegram"; no project."""

    user: UserName
    words: str
    via: Platform
    at: Millis = Millis(0)


Request = CommandRequest | ToolRequest | AdminRequest


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` times in any `seconds`."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class RuleRate:
    """How often each user may do what one rule is about."""

    rule: Rule
    rate: Rate


class Measure(StrEnum):
    """What a quota counts."""

    COMMANDS = "commands"
    COST = "cost"  # microdollars


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of something a user may use in any `seconds`; `rule` is the line that says so.

    `project`: what is used there counts; None: in all projects together.
    """

    measure: Measure
    limit: int
    seconds: int
    rule: Rule
    project: ProjectName | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go on, within all `rates`. `rule` says why."""

    rule: Rule
    rates: tuple[RuleRate, ...] = ()


@dataclass(frozen=True, slots=True)
class Asks:
    """A human decides. `by`: roles of which one must approve; empty: the requester may.

    `people`: how many different people must approve. `job_wide`: "allow for this job" may be
    offered. `rates`: how often it may be asked for. `via`: where it may be answered; empty:
    anywhere.
    """

    rule: Rule
    by: tuple[str, ...] = ()
    ttl_seconds: int = 600
    reason: str = ""  # what in particular asks, e.g. the sub-command
    people: int = 1
    job_wide: bool = False
    rates: tuple[RuleRate, ...] = ()
    via: tuple[Platform, ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """Refused. `rule` None: nothing allowed it. `reason` is one sentence for agent and human.

    `because`: the same in short, for who sees beside it what was refused; "" where there is no
    shorter one.
    """

    rule: Rule | None
    reason: str
    because: str = ""


Decision = Allowed | Asks | Denied


# --- what an agent does


class Isolation(StrEnum):
    """How strong the wall around a task is, weakest first (order: `ISOLATION_ORDER`)."""

    NONE = "none"
    SEATBELT = "seatbelt"  # macOS
    LANDLOCK = "landlock"
    BUBBLEWRAP = "bubblewrap"
    UNIT = "unit"  # a systemd unit of its own, with one of the two before inside


ISOLATION_ORDER = tuple(Isolation)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the processes of one task may use before it is stopped.

    `memory_bytes` and `processes` are for all of them together, `cpu_seconds` for each;
    `file_bytes` is how large one file may grow.
    """

    memory_bytes: int = 4 * 1024**3
    cpu_seconds: int = 2 * 60 * 60
    file_bytes: int = 4 * 1024**3
    processes: int = 512


class Workplace(StrEnum):
    """Where in a project its jobs work."""

    DIRECTORY = "directory"  # in it, on whatever branch it is
    BRANCH = "branch"  # in it, on a branch of the job's
    WORKTREE = "worktree"  # in a git worktree of the job's


class Care(StrEnum):
    """What a project's jobs may do while what they change cannot be kept for a revert."""

    REQUIRED = "required"  # nothing that could change a file
    WANTED = "wanted"  # anything; /diff says that nothing can be shown or reverted
    OFF = "off"  # anything: nothing is kept


@dataclass(frozen=True, slots=True)
class Project:
    """A directory that the administrator declared. `path` is absolute and resolved."""

    name: ProjectName
    path: str
    ceiling: Ceiling = field(default_factory=Ceiling)
    work: Workplace = Workplace.DIRECTORY
    snapshots: Care = Care.REQUIRED


Projects = Mapping[ProjectName, Project]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a task may use. The launcher has no default: no decision, nothing to run with."""

    timeout_seconds: int
    minimum_isolation: Isolation
    ceiling: Ceiling


@dataclass(frozen=True, slots=True)
class Prompt:
    """Work for the coding agent. `session` resumes an earlier one; `files` came with it.

    `is_plan`: it only looks, and makes a plan that somebody has to approve before it goes on.
    """

    text: str
    session: str | None = None
    model: str | None = None
    max_turns: int | None = None
    files: tuple[IncomingFile, ...] = ()
    is_plan: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """Work without AI: a recipe's argv, already validated, and its output rule."""

    recipe: str
    argv: tuple[str, ...]
    directory: str  # absolute, inside the project
    tail_lines: int = 200
    ok_statuses: tuple[int, ...] = (0,)
    timeout_seconds: int = 600


Work = Prompt | Program


@dataclass(frozen=True, slots=True)
class Inbox:
    """The directory with the files that came with a job, or with an earlier one of its session."""

    job: JobId
    path: str


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work in one project, as an agent gets it.

    `directory` is absolute, "" for the project's own.
    """

    job: JobId
    project: Project
    work: Work
    limits: Limits
    inbox: Inbox | None = None
    directory: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call an agent wants to make; `id` is the agent's own and unique within the job."""

    id: str
    tool: str
    input: Mapping[str, Json]
    cwd: str


@dataclass(frozen=True, slots=True)
class Proceed:
    """The call may run, with exactly this input.

    `answers`: what people said to an agent's questions (`ASK_PEOPLE`), by question; it goes back
    with the input and is no part of what was judged.
    """

    input: Mapping[str, Json]
    answers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """The call must not run; the agent is told why."""

    reason: str


Verdict = Proceed | Refuse


class Ending(StrEnum):
    """How a task ended, as the agent tells it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a task cost; zero where an agent does not say."""

    cost_microdollars: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """The process runs. `session` comes later for agents that have one."""

    isolation: Isolation
    pid: int


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The agent named its session, to be resumed later."""

    session: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """The agent wrote text on the way. Complete blocks, not letters."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call passed both gates and the agent went on with it: only now "allowed" is true."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """`output` is cut to a few kB."""

    call_id: str
    is_error: bool
    output: str


@dataclass(frozen=True, slots=True)
class Used:
    """What one answer of the agent's model took so far; a later one of the same `id` replaces it.

    `Ended` tells the sum, and the cost.
    """

    id: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Retrying:
    """The agent's own far side is in trouble; it tries again by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Always the last event. `text` is the answer, or the reason in one sentence."""

    ending: Ending
    text: str
    usage: Usage = field(default_factory=Usage)


TaskEvent = (
    TaskStarted | SessionStarted | Said | ToolStarted | ToolFinished | Used | Retrying | Ended
)


# --- recipes


class ParameterKind(StrEnum):
    """What a recipe's parameter accepts (checked in `core.recipes.bind`)."""

    WORD = "word"  # letters, digits, . _ - ; never starts with "-"
    CHOICE = "choice"
    INTEGER = "integer"
    REF = "ref"  # a git branch, tag or commit
    PATH = "path"  # relative, inside the project
    TEXT = "text"  # the rest of the line, one argument


@dataclass(frozen=True, slots=True)
class Parameter:
    """One typed value of a recipe, used in argv as {name}."""

    name: str
    kind: ParameterKind
    choices: tuple[str, ...] = ()
    default: str | None = None  # None: the parameter is required
    maximum: int | None = None  # INTEGER: the largest value


@dataclass(frozen=True, slots=True)
class Recipe:
    """An administrator-defined command without AI: `/name` or `/name word`.

    `words` is how it is called, e.g. ("git", "log") for `/git log`. `argv` holds literal words
    and "{parameter}" words; a placeholder is always one whole argument.
    """

    words: tuple[str, ...]
    summary: str
    argv: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    directory: str = "."
    timeout_seconds: int = 600
    approval: bool = False
    tail_lines: int = 200
    ok_statuses: tuple[int, ...] = (0,)
    parallel: bool = False  # only reads: may run beside the one writer of its project
    source: Rule | None = None

    @property
    def name(self) -> str:
        return " ".join(self.words)
