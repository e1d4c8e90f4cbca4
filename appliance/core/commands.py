"""What people may ask for: one class for each command, before anybody decides about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.core.administration import Administer
from appliance.core.file_requests import HandleFiles
from appliance.core.help import Group
from appliance.core.keep_awake import HowLong
from appliance.core.model import ApprovalId, JobId, Phrase, ProjectName, Recipe
from appliance.core.place_settings import ChangeSettings, ShowSettings
from appliance.core.questions import Choice, QuestionId
from appliance.core.shortened import ShowRest
from appliance.core.wake_on_lan import HostName
from appliance.core.words import phrase

ID = r"[a-z0-9]{4,32}"
"""How a question is named."""


@dataclass(frozen=True, slots=True)
class Run:
    """Work for the coding agent. `fresh` starts a session of its own (`/run`).

    `is_plan`: a plan first, which is carried out once somebody has approved it (`/plan`).
    `in_tree`: in a git worktree of its own, beside what else is done in the project.
    """

    text: str
    fresh: bool = False
    after: JobId | None = None
    is_plan: bool = False
    in_tree: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A question on the side: in the workspace, without project files or shell."""

    text: str


@dataclass(frozen=True, slots=True)
class CallRecipe:
    """A command of commands.toml with its checked arguments."""

    recipe: Recipe
    argv: tuple[str, ...]
    words: str  # as typed, one blank between words: "/deploy prod"
    after: JobId | None = None


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """`whole`: not only what counts."""

    whole: bool = False


@dataclass(frozen=True, slots=True)
class ShowJobs:
    pass


@dataclass(frozen=True, slots=True)
class StopJob:
    """Stop this job; None: the one that runs in this conversation."""

    job: JobId | None = None


@dataclass(frozen=True, slots=True)
class ResumeJob:
    """Take an interrupted job's session up again."""

    job: JobId


@dataclass(frozen=True, slots=True)
class RetryJob:
    """The same task again as a new job; None: the asker's last one in this conversation."""

    job: JobId | None = None


@dataclass(frozen=True, slots=True)
class MoveJob:
    """Its task anew on the other side: in the project, or as a question in the workspace."""

    job: JobId


@dataclass(frozen=True, slots=True)
class ShowQueue:
    """What waits, and why."""


@dataclass(frozen=True, slots=True)
class ShowLog:
    """What happened in a job; None: in the last one here. `whole`: all of it, as a file."""

    job: JobId | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class ShowSessions:
    """The earlier sessions of this place and project."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Go on with the session of this job."""

    job: JobId


@dataclass(frozen=True, slots=True)
class Answer:
    """Approve or deny one approval by its id. `for_job`: the same may go on in the whole job."""

    approval: ApprovalId
    is_granted: bool
    reason: str = ""
    for_job: bool = False


@dataclass(frozen=True, slots=True)
class GiveReason:
    """Deny one approval, once its reason has been said."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class ShowDetails:
    """All there is to know before one approval is answered."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Ask once more for what nobody approved in time."""

    approval: ApprovalId


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """Answer what an agent asks: by a `choice`, or by what was typed, a number or a `text`."""

    question: QuestionId
    choice: Choice | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class UseProject:
    """Switch this conversation to a project; None: show which there are, `page` by page."""

    name: ProjectName | None = None
    page: int = 0


@dataclass(frozen=True, slots=True)
class StartAfresh:
    """Forget the conversation's agent session."""


@dataclass(frozen=True, slots=True)
class StayAwake:
    """Keep this machine awake for a while, or no longer; None: show how it is."""

    how_long: HowLong | None = None


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Wake another machine, by its name in the settings."""

    host: HostName


@dataclass(frozen=True, slots=True)
class PairGroup:
    """Work in this group from now on; in a topic only there, unless it `is_whole`."""

    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Unpair:
    """In a group: work there no longer. In private: this account is nobody's, once `is_sure`."""

    is_whole: bool = False
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class ShowChanges:
    """What a job changed; None: the last one here. `file` counts from one, 0: the list of files;
    `part` from zero. `whole`: all of it, as a file. `is_anew`: not in place of what shows it now,
    which is a picture."""

    job: JobId | None = None
    file: int = 0
    part: int = 0
    whole: bool = False
    is_anew: bool = False


@dataclass(frozen=True, slots=True)
class RevertChanges:
    """Make a job's files as they were before it; asks first, unless it `is_sure`."""

    job: JobId
    is_sure: bool = False


class Fate(StrEnum):
    """What becomes of a worktree."""

    MERGE = "merge"  # committed, merged into what the project is on, removed
    KEEP = "keep"  # committed, and there for more
    REMOVE = "remove"  # removed with its branch


@dataclass(frozen=True, slots=True)
class SettleTree:
    """Say what becomes of a job's worktree; to remove it asks first, unless it `is_sure`."""

    job: JobId
    fate: Fate
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class CommitChanges:
    """The recipe /commit, with what the job was asked for as the message."""

    job: JobId


@dataclass(frozen=True, slots=True)
class ExplainRefusal:
    """Why the last refusal in this place, and what would have allowed it."""


@dataclass(frozen=True, slots=True)
class Help:
    """What one may do; None: what is used most."""

    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """Not a command we can follow; `sentence` says why and what to do."""

    sentence: Phrase


Command = (
    Run
    | Ask
    | CallRecipe
    | ShowStatus
    | ShowJobs
    | StopJob
    | ResumeJob
    | RetryJob
    | MoveJob
    | ShowQueue
    | ShowLog
    | ShowSessions
    | OpenSession
    | Answer
    | GiveReason
    | ShowDetails
    | AskAgain
    | AnswerQuestion
    | UseProject
    | StartAfresh
    | ShowChanges
    | RevertChanges
    | CommitChanges
    | SettleTree
    | StayAwake
    | WakeUp
    | PairGroup
    | Unpair
    | HandleFiles
    | ShowSettings
    | ChangeSettings
    | ShowRest
    | ExplainRefusal
    | Administer
    | Help
    | Mistake
)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A line of /help."""

    word: str
    usage: str
    summary: Phrase


BUILTINS = (
    Builtin("run", "/run TASK", phrase("start a new task (--after JOB waits for one)")),
    Builtin("plan", "/plan TASK", phrase("a plan first, done once you approve it")),
    Builtin("ask", "/ask QUESTION", phrase("ask without project files or shell")),
    Builtin("after", "/after JOB TASK", phrase("a task for when that job has succeeded")),
    Builtin("status", "/status", phrase("what runs, and how the machine is")),
    Builtin("jobs", "/jobs", phrase("the latest jobs")),
    Builtin("queue", "/queue", phrase("what waits, and why")),
    Builtin("log", "/log JOB", phrase("what happened in a job")),
    Builtin("diff", "/diff [JOB]", phrase("what a job changed, file by file")),
    Builtin("worktree", "/worktree TASK", phrase("a task beside others, in a worktree of its own")),
    Builtin("tree", "/tree merge JOB", phrase("merge, keep or remove a job's worktree")),
    Builtin("revert", "/revert JOB", phrase("make its files as they were before a job")),
    Builtin("stop", "/stop [JOB]", phrase("stop the running job")),
    Builtin("resume", "/resume JOB", phrase("continue an interrupted job")),
    Builtin("retry", "/retry [JOB]", phrase("the same task again")),
    Builtin("move", "/move JOB", phrase("take a task from workspace to project, or back")),
    Builtin(
        "approve", "/approve ID", phrase("let a held step run (ID job: all like it in the job)")
    ),
    Builtin("deny", "/deny ID [WHY]", phrase("refuse a held step")),
    Builtin("details", "/details ID", phrase("all about a held step")),
    Builtin("again", "/again ID", phrase("ask again for what nobody approved in time")),
    Builtin(
        "answer", "/answer ID WORDS", phrase("answer what the agent asks: 2, or 1,3, or words")
    ),
    Builtin("project", "/project [NAME]", phrase("show or switch the project")),
    Builtin("new", "/new", phrase("forget the conversation so far")),
    Builtin("sessions", "/sessions", phrase("earlier conversations here, to go on with")),
    Builtin("send", "/send PATH", phrase("send a file of the project here")),
    Builtin("awake", "/awake [8h]", phrase("keep this machine awake (or: until 18:00, off)")),
    Builtin("wake", "/wake HOST", phrase("wake another machine")),
    Builtin("pair", "/pair", phrase("work in this group or topic (group: in all of it)")),
    Builtin("unpair", "/unpair", phrase("no longer hear this account, or this group")),
    Builtin("users", "/users", phrase("who there is, and what they may")),
    Builtin("grant", "/grant WHO WHAT [in PROJECT]", phrase("propose that somebody may more")),
    Builtin("revoke", "/revoke WHO WHAT [in PROJECT]", phrase("propose that somebody may less")),
    Builtin("audit", "/audit [WHO|JOB|today]", phrase("what happened last")),
    Builtin("lockdown", "/lockdown [WHY]", phrase("stop and refuse everything")),
    Builtin("why", "/why", phrase("explain the last refusal here")),
    Builtin("settings", "/settings", phrase("language, times, quiet hours, how much of jobs")),
    Builtin("help", "/help", phrase("this list")),
)
