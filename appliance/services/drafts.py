"""The job that a command asks for, before anybody has decided about it."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.commands import Ask, CallRecipe, Command, ResumeJob, Run
from appliance.core.jobs import Job, State
from appliance.core.model import (
    Actor,
    JobId,
    Message,
    Millis,
    Place,
    Program,
    Project,
    ProjectName,
    Prompt,
    Work,
)
from appliance.core.requests import words_of
from appliance.ports import Conversation
from appliance.ports import State as StateDatabase

RESUME_TEXT = "Continue where you were interrupted. First check what is already done."


Projects = Mapping[ProjectName, Project]


def project_here(place: Place, state: StateDatabase, projects: Projects) -> ProjectName | None:
    """The project this conversation is about: the chosen one, or the only one there is."""
    chosen = state.conversation(place).project
    if chosen in projects:
        return chosen
    return next(iter(projects)) if len(projects) == 1 else None


def draft_job(
    command: Command,
    message: Message,
    actor: Actor,
    state: StateDatabase,
    projects: Projects,
    now: Millis,
    *,
    may_steer: bool = True,
) -> Job | None:
    """The job in state `received`, or None: the command asks for none, or steers a running one.

    Not `may_steer`: the running one takes nothing more, so this is work of its own.
    """
    conversation = state.conversation(message.place)
    if may_steer and isinstance(command, Run) and steers(command, message.place, state):
        return None
    work = _work(command, conversation, state)
    if isinstance(command, ResumeJob):
        resumed = state.job(command.job)
        project = resumed.project if resumed else None
    else:
        project = project_here(message.place, state, projects)
    if work is None or project is None:
        return None
    return Job(
        id=JobId(0),
        key=message.key,
        place=message.place,
        requester=actor.name,
        sender=actor.sender,
        project=project,
        work=work,
        words=words_of(command),
        created_at=now,
        after=command.after if isinstance(command, Run | CallRecipe) else None,
        parallel=isinstance(command, CallRecipe) and command.recipe.parallel,
        read_only=isinstance(command, Ask),
        keeps_session=isinstance(command, Run | ResumeJob),
    )


def steers(command: Run, place: Place, state: StateDatabase) -> bool:
    """Whether plain text goes to the job that runs in this conversation."""
    return not command.fresh and running_prompt(place, state) is not None


def running_prompt(place: Place, state: StateDatabase) -> Job | None:
    """The agent's job that runs here, if any."""
    running = (State.RUNNING, State.WAITING_APPROVAL)
    for job in state.unfinished_jobs():
        is_agents = isinstance(job.work, Prompt) and not job.read_only
        if is_agents and job.place == place and job.state in running and job.has_started:
            return job
    return None


def _work(command: Command, conversation: Conversation, state: StateDatabase) -> Work | None:
    match command:
        case Run(text=text, fresh=fresh):
            return Prompt(text, session=None if fresh else conversation.session or None)
        case Ask(text=text):
            return Prompt(text)
        case ResumeJob(job=job_id):
            job = state.job(job_id)
            return Prompt(RESUME_TEXT, session=job.session) if job and job.session else None
        case CallRecipe():
            return program_of(command)
        case _:
            return None


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
