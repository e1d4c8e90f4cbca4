"""Chat text to `Command`: what a person asks for, before anybody decides about it.

`parse` never fails: what it cannot read becomes a `Mistake` with one sentence for the person.
Text that is no command is work for the agent (`Run` with `fresh=False`): it steers the running
job or continues the conversation's session.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.core import keep_awake
from appliance.core import recipes as recipe_book
from appliance.core.keep_awake import Wish
from appliance.core.model import ApprovalId, JobId, Phrase, ProjectName, Recipe
from appliance.core.wake_on_lan import HostName
from appliance.core.words import number, phrase

MAX_TASK_CHARACTERS = 50_000
"""A task longer than this is refused: it belongs in a file of the project."""


@dataclass(frozen=True, slots=True)
class Run:
    """Work for the coding agent. `fresh` starts a session of its own (`/run`)."""

    text: str
    fresh: bool = False
    after: JobId | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question on the side: reads only, and leaves the conversation's session alone."""

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
    pass


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
class Answer:
    """Approve or deny one approval by its id. `for_job`: the same may go on in the whole job."""

    approval: ApprovalId
    is_granted: bool
    reason: str = ""
    for_job: bool = False


@dataclass(frozen=True, slots=True)
class UseProject:
    """Switch this conversation to a project; None: show which there are."""

    name: ProjectName | None = None


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
class ExplainRefusal:
    """Why the last refusal in this place, and what would have allowed it."""


@dataclass(frozen=True, slots=True)
class Help:
    pass


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
    | Answer
    | UseProject
    | StartAfresh
    | StayAwake
    | WakeUp
    | ExplainRefusal
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
    Builtin("ask", "/ask QUESTION", phrase("ask on the side, reading only")),
    Builtin("status", "/status", phrase("what runs, and how the machine is")),
    Builtin("jobs", "/jobs", phrase("the latest jobs")),
    Builtin("stop", "/stop [JOB]", phrase("stop the running job")),
    Builtin("resume", "/resume JOB", phrase("continue an interrupted job")),
    Builtin(
        "approve", "/approve ID", phrase("let a held step run (ID job: all like it in the job)")
    ),
    Builtin("deny", "/deny ID [WHY]", phrase("refuse a held step")),
    Builtin("project", "/project [NAME]", phrase("show or switch the project")),
    Builtin("new", "/new", phrase("forget the conversation so far")),
    Builtin("awake", "/awake [8h]", phrase("keep this machine awake (or: until 18:00, off)")),
    Builtin("wake", "/wake HOST", phrase("wake another machine")),
    Builtin("why", "/why", phrase("explain the last refusal here")),
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
    head, _, rest = text[1:].partition(" ") if " " in text.split("\n", 1)[0] else _by_line(text)
    word = head.split("@", 1)[0].casefold()  # "/run@my_bot" in groups
    return _builtin(word, rest.strip(), recipes) or _recipe(word, rest.split(), recipes)


def _by_line(text: str) -> tuple[str, str, str]:
    return text[1:].partition("\n")


_WITHOUT_WORDS: Mapping[str, Command] = {
    "status": ShowStatus(),
    "jobs": ShowJobs(),
    "new": StartAfresh(),
    "why": ExplainRefusal(),
    "help": Help(),
    "start": Help(),  # Telegram sends it when a chat is opened
}


def _builtin(word: str, rest: str, recipes: Sequence[Recipe]) -> Command | None:
    match word:
        case "run":
            return _run(rest, recipes)
        case "ask":
            if not rest:
                return Mistake(phrase("Ask what? Write: /ask QUESTION"))
            return Ask(readable(rest))
        case "stop":
            return _stop(rest)
        case "resume":
            if (job := job_number(rest)) is None:
                return Mistake(phrase("Resume which job? Write: /resume JOB"))
            return ResumeJob(job)
        case "approve" | "deny":
            return _answer(rest, is_granted=word == "approve")
        case "project":
            return UseProject(ProjectName(rest) if rest else None)
        case "awake":
            return _awake(rest)
        case "wake":
            return _wake(rest)
        case _:
            return _WITHOUT_WORDS.get(word)


def _run(rest: str, recipes: Sequence[Recipe]) -> Command:
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


def _take_after(rest: str) -> tuple[str, JobId | Mistake | None]:
    if not re.match(r"--after(\s|=|$)", rest):
        return rest, None
    words = re.split(r"[\s=]+", rest, maxsplit=2)
    job = job_number(words[1]) if len(words) > 1 else None
    if job is None:
        return "", Mistake(phrase("--after wants a job's number, as in: /run --after 12 TASK"))
    return (words[2] if len(words) > 2 else ""), job


def _stop(rest: str) -> Command:
    if not rest:
        return StopJob()
    job = job_number(rest)
    if job is None:
        return Mistake(phrase("No job called {name}. Write: /stop or /stop 12", name=shown(rest)))
    return StopJob(job)


def _answer(rest: str, *, is_granted: bool) -> Command:
    name, _, reason = rest.partition(" ")
    if not re.fullmatch(r"[a-z0-9]{4,32}", name):
        word = "approve" if is_granted else "deny"
        return Mistake(
            phrase("/{word} wants the id that the question shows: /{word} k7m2p9qd", word=word)
        )
    if is_granted and reason.strip() == "job":
        return Answer(ApprovalId(name), is_granted, for_job=True)
    return Answer(ApprovalId(name), is_granted, readable(reason.strip())[:500])


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


# Direction overrides make a text read differently from what it says; other control and
# zero-width format characters only hide things (CVE-2021-42574, "Trojan Source").
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def readable(text: str) -> str:
    """The text with hidden characters written out: what is read is what is run."""
    text = text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shown(text: str, limit: int = 60) -> str:
    """A piece of somebody's text for use inside one of our sentences."""
    line = " ".join(readable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
