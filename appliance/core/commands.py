"""Chat text to `Command`: what a person asks for, before anybody decides about it.

`parse` never fails: what it cannot read becomes a `Mistake` with one sentence for the person.
Text that is no command is work for the agent (`Run` with `fresh=False`): it steers the running
job or continues the conversation's session.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from appliance.core import administration, keep_awake, place_settings, shortened
from appliance.core import recipes as recipe_book
from appliance.core.administration import Administer
from appliance.core.file_requests import MAX_PATH_CHARACTERS, HandleFiles, SendFile
from appliance.core.help import Group, group_named
from appliance.core.hidden import written_out
from appliance.core.keep_awake import Wish
from appliance.core.model import ApprovalId, JobId, Phrase, ProjectName, Recipe
from appliance.core.place_settings import ChangeSettings, ShowSettings
from appliance.core.questions import Choice, QuestionId
from appliance.core.shortened import ShowRest
from appliance.core.wake_on_lan import HostName
from appliance.core.words import number, phrase

ID = r"[a-z0-9]{4,32}"
"""How a question is named."""

MAX_TASK_CHARACTERS = 50_000
"""A task longer than this is refused: it belongs in a file of the project."""


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

    wish: Wish | None = None


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
    """Say what becomes of a job's worktree."""

    job: JobId
    fate: Fate


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


def parse(text: str, recipes: Sequence[Recipe]) -> Command:
    """What a chat text asks for."""
    text = text.strip()
    if not text:
        return Mistake(phrase("I can only read text so far. Write what to do, or /help."))
    if len(text) > MAX_TASK_CHARACTERS:
        return Mistake(
            phrase(
                "That is {count} characters; a task may have {limit}. "
                "Put the long part into a file of the project and name it.",
                count=number(len(text)),
                limit=number(MAX_TASK_CHARACTERS),
            )
        )
    if not text.startswith("/"):
        return Run(readable(text))
    blank = " " if " " in text.partition("\n")[0] else "\n"
    head, _, rest = text[1:].partition(blank)
    word = head.split("@", 1)[0].casefold()  # "/run@my_bot" in groups
    rest = rest.strip()
    return _builtin(word, rest, recipes) or _recipe(word, rest.split(), recipes)


def _builtin(word: str, rest: str, recipes: Sequence[Recipe]) -> Command | None:
    """None: it is none of ours."""
    if (elsewhere := _read_elsewhere(word, rest)) is not None:
        return Mistake(elsewhere) if isinstance(elsewhere, Phrase) else elsewhere
    if word in _WORK:
        return _WORK[word](rest, recipes)
    return _READERS[word](rest) if word in _READERS else None


def _read_elsewhere(word: str, rest: str) -> Command | Phrase | None:
    """What is about one thing alone; a phrase says what is wrong with it, None: none of these."""
    match word:
        case "settings":
            return place_settings.read(rest)
        case "more":
            return shortened.read(rest) or phrase("More of what? Press the button below it.")
        case "help":
            return Help(group_named(rest.casefold()))
        case _:
            return administration.read(word, readable(rest))


def _run(rest: str, recipes: Sequence[Recipe]) -> Command:
    in_tree = re.match(r"--worktree(\s+|$)", rest)
    if in_tree:
        return _in_tree(rest[in_tree.end() :], recipes)
    rest, after = _take_after(rest)
    if isinstance(after, Mistake):
        return after
    if not rest:
        return Mistake(phrase("Run what? Write: /run TASK"))
    if rest.startswith("/"):  # `/run --after 12 /test`: a recipe that waits
        command = parse(rest, recipes)
        if isinstance(command, CallRecipe):
            return CallRecipe(command.recipe, command.argv, command.words, after)
        if isinstance(command, Mistake):
            return command
        return Mistake(phrase("/run takes a task or a recipe."))
    return Run(readable(rest), fresh=True, after=after)


def _in_tree(rest: str, recipes: Sequence[Recipe]) -> Command:
    command = _run(rest, recipes) if rest else None
    if isinstance(command, Run):
        return replace(command, in_tree=True)
    return Mistake(phrase("What is to be done there? Write: /worktree TASK"))


def _tree(rest: str) -> Command:
    word, _, number = rest.partition(" ")
    job = job_number(number)
    if word not in tuple(Fate) or job is None:
        return Mistake(
            phrase("Which worktree? Write: /tree merge JOB, /tree keep JOB or /tree remove JOB")
        )
    return SettleTree(job, Fate(word))


def _take_after(rest: str) -> tuple[str, JobId | Mistake | None]:
    if not re.match(r"--after(\s|=|$)", rest):
        return rest, None
    words = re.split(r"[\s=]+", rest, maxsplit=2)
    job = job_number(words[1]) if len(words) > 1 else None
    if job is None:
        return "", Mistake(phrase("--after wants a job's number, as in: /run --after 12 TASK"))
    return (words[2] if len(words) > 2 else ""), job


def _diff(rest: str) -> Command:
    """ "12", "12 3" (its third file), "12 3 2" (the second part of it) or "12 all"."""
    words = rest.split()
    job = job_number(words[0]) if words else None
    numbers = [int(word) for word in words[1:] if re.fullmatch(r"[1-9][0-9]{0,4}", word)]
    if job is not None and words[1:] == ["all"]:
        return ShowChanges(job, whole=True)
    if (words and job is None) or len(numbers) != len(words[1:]) or len(words) > 3:
        return Mistake(phrase("What of which job? Write: /diff JOB, /diff JOB 2 or /diff JOB all"))
    file, part = (*numbers, 0, 0)[:2]
    return ShowChanges(job, file, max(0, part - 1))


def _revert(rest: str) -> Command:
    word, _, sure = rest.partition(" ")
    job = job_number(word)
    if job is None or sure.strip() not in ("", "yes"):
        return Mistake(phrase("Revert which job? Write: /revert JOB"))
    return RevertChanges(job, is_sure=bool(sure))


def _stop(rest: str) -> Command:
    if not rest:
        return StopJob()
    job = job_number(rest)
    if job is None:
        return Mistake(phrase("No job called {name}. Write: /stop or /stop 12", name=shown(rest)))
    return StopJob(job)


def _plan(rest: str) -> Command:
    if not rest:
        return Mistake(phrase("Plan what? Write: /plan TASK"))
    return Run(readable(rest), fresh=True, is_plan=True)


def _ask(rest: str) -> Command:
    return Ask(readable(rest)) if rest else Mistake(phrase("Ask what? Write: /ask QUESTION"))


def _resume(rest: str) -> Command:
    job = job_number(rest)
    return ResumeJob(job) if job else Mistake(phrase("Resume which job? Write: /resume JOB"))


def _move(rest: str) -> Command:
    job = job_number(rest)
    return MoveJob(job) if job else Mistake(phrase("Move which job? Write: /move JOB"))


def _after(rest: str, recipes: Sequence[Recipe]) -> Command:
    """ "/after 12 TASK" is a shorter "/run --after 12 TASK"."""
    job, _, task = rest.partition(" ")
    if job_number(job) is None or not task.strip():
        return Mistake(phrase("After which job, and what? Write: /after JOB TASK"))
    return _run(f"--after {job} {task.strip()}", recipes)


def _on_job(word: str, rest: str) -> Command:
    job = job_number(rest)
    if rest and job is None:
        return Mistake(phrase("No job called {name}. /jobs lists them.", name=shown(rest)))
    match word:
        case "retry":
            return RetryJob(job)
        case "log":
            return ShowLog(job)
        case _:
            return ShowSessions() if job is None else OpenSession(job)


def _answer(rest: str, *, is_granted: bool) -> Command:
    name, _, reason = rest.partition(" ")
    if not re.fullmatch(ID, name):
        return _wants_an_id("approve" if is_granted else "deny")
    if is_granted and reason.strip() == "job":
        return Answer(ApprovalId(name), is_granted, for_job=True)
    return Answer(ApprovalId(name), is_granted, readable(reason.strip())[:500])


def _on_approval(word: str, rest: str) -> Command:
    if not re.fullmatch(ID, rest):
        return _wants_an_id(word)
    approval = ApprovalId(rest)
    return ShowDetails(approval) if word == "details" else AskAgain(approval)


def _wants_an_id(word: str) -> Mistake:
    return Mistake(
        phrase("/{word} wants the id that the question shows: /{word} k7m2p9qd", word=word)
    )


def _answer_question(rest: str) -> Command:
    name, _, text = rest.partition(" ")
    if not re.fullmatch(ID, name) or not text.strip():
        return Mistake(phrase("Answer which question? Write: /answer ID WORDS"))
    return AnswerQuestion(QuestionId(name), None, readable(text.strip()))


def _send(rest: str) -> Command:
    path = rest.strip("`")
    if not path or len(path) > MAX_PATH_CHARACTERS or path != readable(path):
        return Mistake(phrase("Send which file? Write: /send PATH, as seen from the project"))
    return SendFile(path)


def _awake(rest: str) -> Command:
    wish = keep_awake.wish(rest)
    if rest and wish is None:
        return Mistake(phrase("How long? Write: /awake 8h, /awake until 18:00 or /awake off"))
    return StayAwake(wish)


def _wake(rest: str) -> Command:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", rest):
        return Mistake(
            phrase("Wake which machine? Write: /wake HOST, by its name in dispatch.toml")
        )
    return WakeUp(HostName(rest))


def _unpair(rest: str) -> Command:
    return Unpair(is_whole=rest.casefold() == "group", is_sure=rest.casefold() == "yes")


_WORK: Mapping[str, Callable[[str, Sequence[Recipe]], Command]] = {
    "run": _run,
    "after": _after,
    "worktree": _in_tree,
}
"""What may be about a recipe, too."""

_READERS: Mapping[str, Callable[[str], Command]] = {
    "plan": _plan,
    "ask": _ask,
    "status": lambda rest: ShowStatus(whole=rest.casefold() == "more"),
    "jobs": lambda _: ShowJobs(),
    "queue": lambda _: ShowQueue(),
    "log": partial(_on_job, "log"),
    "retry": partial(_on_job, "retry"),
    "sessions": partial(_on_job, "sessions"),
    "stop": _stop,
    "resume": _resume,
    "move": _move,
    "diff": _diff,
    "revert": _revert,
    "tree": _tree,
    "approve": partial(_answer, is_granted=True),
    "deny": partial(_answer, is_granted=False),
    "details": partial(_on_approval, "details"),
    "again": partial(_on_approval, "again"),
    "answer": _answer_question,
    "project": lambda rest: UseProject(ProjectName(rest) if rest else None),
    "new": lambda _: StartAfresh(),
    "send": _send,
    "awake": _awake,
    "wake": _wake,
    "pair": lambda rest: PairGroup(is_whole=rest.casefold() == "group"),
    "unpair": _unpair,
    "why": lambda _: ExplainRefusal(),
    "start": lambda _: Help(),  # Telegram sends it when a chat is opened
}


def _recipe(word: str, rest: list[str], recipes: Sequence[Recipe]) -> Command:
    after: JobId | None = None
    if rest and rest[0].startswith("--after"):
        joined, taken = _take_after(" ".join(rest))
        if isinstance(taken, Mistake):
            return taken
        after, rest = taken, joined.split()
    found = recipe_book.find(recipes, (word, *rest))
    if found is None:
        return Mistake(_unknown(word, rest, recipes))
    recipe, arguments = found
    argv = recipe_book.bind(recipe, arguments)
    if isinstance(argv, recipe_book.Mistake):
        return Mistake(argv.sentence)
    return CallRecipe(recipe, argv, " ".join([f"/{recipe.name}", *arguments]), after)


def _unknown(word: str, rest: Sequence[str], recipes: Sequence[Recipe]) -> Phrase:
    same_first = [r.name for r in recipes if r.words[0] == word]
    if same_first:
        names = ", ".join(f"/{name}" for name in same_first)
        return phrase("/{word} needs one of: {names}", word=word, names=names)
    known = [builtin.word for builtin in BUILTINS] + [r.words[0] for r in recipes]
    near = difflib.get_close_matches(word, known, n=1)
    word = shown(word)
    if near:
        return phrase("There is no command /{word}. Did you mean /{near}?", word=word, near=near[0])
    return phrase("There is no command /{word}. /help lists what you may do.", word=word)


def job_number(text: str) -> JobId | None:
    """ "12" or "#12" → 12; None when it is no job number."""
    number = text.strip().removeprefix("#")
    return JobId(int(number)) if re.fullmatch(r"[1-9][0-9]{0,9}", number) else None


def readable(text: str) -> str:
    """The text with hidden characters written out: what is read is what is run."""
    text = text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return written_out(text)


def shown(text: str, limit: int = 60) -> str:
    """A piece of somebody's text for use inside one of our sentences."""
    line = " ".join(readable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
