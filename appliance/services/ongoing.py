"""What is going on in a place: its project, and the job that takes what is said there next."""

from __future__ import annotations

from appliance.core.jobs import Job, State
from appliance.core.model import Actor, Place, ProjectName, Projects
from appliance.ports import Conversation
from appliance.ports import State as StateDatabase


def project_here(place: Place, state: StateDatabase, projects: Projects) -> ProjectName | None:
    """The project this conversation is about: the chosen one, or the only one there is."""
    chosen = state.conversation(place).project
    if chosen in projects:
        return chosen
    return next(iter(projects)) if len(projects) == 1 else None


def running_prompt(place: Place, actor: Actor, state: StateDatabase) -> Job | None:
    """The agent's job of this conversation that runs and takes a message of this person."""
    conversation = state.conversation(place)
    for job in state.unfinished_jobs():
        if job.place == place and takes_more(job, actor) and belongs(job, conversation, state):
            return job
    return None


def takes_more(job: Job, actor: Actor) -> bool:
    """Only its requester steers a job: its steps are judged by the requester's rights."""
    is_running = job.has_started and job.state in (State.RUNNING, State.WAITING_APPROVAL)
    return is_running and job.is_task and job.requester == actor.name


def belongs(job: Job, conversation: Conversation, state: StateDatabase) -> bool:
    """Whether a job is of the conversation that goes on in its place now."""
    return state.number_of(job.key) > conversation.since
