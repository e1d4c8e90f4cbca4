"""Chat text to `Command`: what a person asks for, before anybody decides about it.

`parse` never fails: what it cannot read becomes a `Mistake` with one sentence for the person.
Text that is no command is work for the agent (`Run` with `fresh=False`): it steers the running
job or continues the conversation's session.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from appliance.core import administration, keep_awake, place_settings, shortened
from appliance.core import recipes as recipe_book
from appliance.core.commands import (
    BUILTINS,
    ID,
    Answer,
    AnswerQuestion,
    Ask,
    AskAgain,
    CallRecipe,
    Command,
    ExplainRefusal,
    Fate,
    Help,
    Mistake,
    MoveJob,
    OpenSession,
    PairGroup,
    ResumeJob,
    RetryJob,
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
from appliance.core.file_requests import MAX_PATH_CHARACTERS, SendFile
from appliance.core.help import group_named
from appliance.core.hidden import readable, shown
from appliance.core.model import ApprovalId, JobId, Phrase, ProjectName, Recipe
from appliance.core.questions import QuestionId
from appliance.core.wake_on_lan import HostName
from appliance.core.words import number, phrase

MAX_TASK_CHARACTERS = 50_000
"""A task longer than this is refused: it belongs in a file of the project."""


def parse(text: str, recipes: Sequence[Recipe]) -> Command:
    """What a chat text asks for."""
    text = text.strip()
    if not text:
        return Mistake(phrase("There is nothing in that I can read. Write what to do, or /help."))
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
    number, _, sure = number.partition(" ")
    job = job_number(number)
    if word not in tuple(Fate) or job is None or sure not in ("", "yes"):
        return Mistake(
            phrase("Which worktree? Write: /tree merge JOB, /tree keep JOB or /tree remove JOB")
        )
    return SettleTree(job, Fate(word), is_sure=sure == "yes")


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
    how_long = keep_awake.how_long(rest)
    if rest and how_long is None:
        return Mistake(phrase("How long? Write: /awake 8h, /awake until 18:00 or /awake off"))
    return StayAwake(how_long)


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
