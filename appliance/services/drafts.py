"""The job that comes of a wish.

It is drafted when a message comes in and again when its turn has come: what was handled in between
may have turned the conversation to something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.commands import Ask, CallRecipe, ResumeJob, Run
from appliance.core.jobs import Job
from appliance.core.model import (
    Actor,
    JobId,
    Message,
    Millis,
    Program,
    Projects,
    Prompt,
    Work,
    Workplace,
)
from appliance.core.requests import words_of
from appliance.ports import State as StateDatabase
from appliance.services.wishes import Wish

RESUME_TEXT = "Continue where you were interrupted. First check what is already done."
HEARD_TEXT = "While you worked you were told more. Perhaps you have not read it yet:"
MAX_HEARD = 20_000
"""Characters of what is told once more, the latest of it."""


def placed(wish: Wish, state: StateDatabase, projects: Projects) -> Wish:
    """The wish with the worktree of its work; last of all, when its command is as it stays."""
    return replace(wish, tree=_tree(wish, state, projects))


def _tree(wish: Wish, state: StateDatabase, projects: Projects) -> JobId | None:
    """A session stays where it has worked; what is new begins where the project says."""
    work = _work(wish)
    if not isinstance(work, Prompt) or isinstance(wish.command, Ask):
        return None
    if work.session:
        latest = state.job_in_session(work.session)
        return latest.worktree if latest is not None else None
    project = projects.get(wish.project) if wish.project is not None else None
    is_again = wish.retries is not None and wish.retries.tree is not None
    is_wanted = isinstance(wish.command, Run) and wish.command.in_tree
    is_usual = project is not None and project.work is Workplace.WORKTREE
    return JobId(0) if is_again or is_wanted or is_usual else None


def draft_job(wish: Wish, message: Message, actor: Actor, now: Millis) -> Job | None:
    """The job in state `received`, or None: nothing is to be done, or nobody knows where."""
    work, command = _work(wish), wish.command
    if work is None or wish.project is None:
        return None
    return Job(
        id=JobId(0),
        key=message.key,
        place=message.place,
        requester=actor.name,
        sender=actor.sender,
        project=wish.project,
        work=work,
        words=words_of(command),
        created_at=now,
        after=command.after if isinstance(command, Run | CallRecipe) else None,
        parallel=isinstance(command, CallRecipe) and command.recipe.parallel,
        read_only=isinstance(command, Ask),
        keeps_session=isinstance(command, Run | ResumeJob),
        message_id=message.message_id,
        tree=wish.tree,
    )


def _work(wish: Wish) -> Work | None:
    match wish.command:
        case Run() | Ask() if wish.retries is not None:
            work = wish.retries.work
            return replace(work, is_plan=wish.only_plans) if isinstance(work, Prompt) else work
        case Run(text=text, fresh=fresh):
            session = None if fresh else wish.session or None
            return Prompt(text, session=session, is_plan=wish.only_plans, files=wish.files)
        case Ask(text=text):
            return Prompt(text, files=wish.files)
        case ResumeJob():
            session = wish.about.session if wish.about is not None else ""
            if not session:
                return None
            text = _resumed(wish.heard)
            return Prompt(text, session=session, is_plan=wish.only_plans, files=wish.files)
        case CallRecipe() as command:
            return program_of(command)
        case _:
            return None


def _resumed(heard_before: Sequence[str]) -> str:
    if not heard_before:
        return RESUME_TEXT
    texts = "\n\n".join(heard_before)[-MAX_HEARD:]
    return f"{RESUME_TEXT}\n\n{HEARD_TEXT}\n\n{texts}"


def program_of(command: CallRecipe) -> Program:
    """What a recipe runs with these words."""
    recipe = command.recipe
    return Program(
        recipe=recipe.name,
        argv=command.argv,
        directory=recipe.directory,
        tail_lines=recipe.tail_lines,
        ok_statuses=recipe.ok_statuses,
        timeout_seconds=recipe.timeout_seconds,
    )
