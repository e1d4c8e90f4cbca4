"""What somebody wants, put together from what they wrote and from what it goes on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.core.commands import (
    Ask,
    AskAgain,
    CallRecipe,
    Command,
    CommitChanges,
    Mistake,
    MoveJob,
    OpenSession,
    ResumeJob,
    RetryJob,
    RevertChanges,
    Run,
    SettleTree,
    ShowChanges,
    ShowLog,
    StopJob,
)
from appliance.core.file_requests import SendFile
from appliance.core.hidden import readable
from appliance.core.jobs import Job, heard
from appliance.core.model import (
    WORKSPACE,
    Actor,
    ApprovalId,
    Edited,
    Incoming,
    IncomingFile,
    JobId,
    Message,
    Phrase,
    Place,
    ProjectName,
    Projects,
    Prompt,
    Recipe,
)
from appliance.core.parsing import parse
from appliance.core.replies import about_details
from appliance.core.requests import command_of, words_of
from appliance.core.words import phrase
from appliance.ports import State as StateDatabase
from appliance.services.ongoing import project_here, running_prompt, takes_more
from appliance.services.replies_to_questions import answer_by_reply

RENEWAL_TEXT = """\
A call of yours needed an approval, and nobody was there to give it. Somebody is there now. Make \
the same call again if the task still needs it, then go on:

{call}"""
MAX_RENEWED = 2000
RETRIED_OF = 20
"""Among so many of a place's latest jobs the one to try again is looked for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, where it belongs.

    Policy has to allow each of `words` in the `project`. `session` is what an agent would go on
    with. `about`: the job that is named or replied to; `retries`: the job whose task it is to be
    once more; `moves`: the one whose place it takes; `steers`: the running one that takes it.
    `is_astray`: it replies to something from which no session can go on. `tree`: in whose
    worktree an agent would work, as in `Job`. `heard`: what an interrupted job was told.
    """

    command: Command
    words: tuple[str, ...]
    project: ProjectName | None
    session: str = ""
    about: Job | None = None
    retries: Job | None = None
    steers: Job | None = None
    is_astray: bool = False
    tree: JobId | None = None
    only_plans: bool = False
    renews: ApprovalId | None = None
    moves: Job | None = None
    heard: tuple[str, ...] = ()
    files: tuple[IncomingFile, ...] = ()


def wish_of(
    incoming: Incoming,
    actor: Actor,
    state: StateDatabase,
    projects: Projects,
    recipes: Sequence[Recipe],
) -> Wish:
    """Decides nothing: whether it may be is for policy."""
    wish = _wish_of(incoming, actor, state, projects, recipes)
    if isinstance(wish.command, ResumeJob) and wish.about is not None:
        wish = replace(wish, heard=heard(state.steps(wish.about.id)))
    return planned(wish, state)


def planned(wish: Wish, state: StateDatabase) -> Wish:
    """The wish as its command is now: whether a plan comes first."""
    return replace(wish, only_plans=_only_plans(wish, state))


def _wish_of(
    incoming: Incoming,
    actor: Actor,
    state: StateDatabase,
    projects: Projects,
    recipes: Sequence[Recipe],
) -> Wish:
    command = answer_by_reply(incoming, actor, state) or command_of(incoming, recipes)
    if isinstance(incoming, Edited):
        return _changed(command, incoming, actor, state, projects)
    about = _about(command, incoming, actor, state)
    match command:
        case RetryJob():
            return _once_more(command, about, incoming.place, actor, recipes)
        case MoveJob():
            return _moved(command, about, incoming.place, actor, state, projects)
        case AskAgain():
            return _renewal(command, incoming.place, actor, state, recipes)
        case CommitChanges():
            return _committed(about, recipes)
        case Run(fresh=False) if isinstance(incoming, Message):
            return _going_on(command, about, incoming, actor, state, projects)
        case ResumeJob() if about is None or not _is_within_reach(about, incoming.place, actor):
            about = None
        case _:
            pass
    project = project_here(incoming.place, state, projects)
    if isinstance(command, Ask):
        project = WORKSPACE
    elif about is not None and not isinstance(command, Run | Ask | CallRecipe):
        project = about.project
    return Wish(command, (_words(command, about, actor),), project, about=about)


def _about(command: Command, incoming: Incoming, actor: Actor, state: StateDatabase) -> Job | None:
    match command:
        case StopJob(job=number) | ShowLog(job=number) | RetryJob(job=number) if number:
            return state.job(number)
        case ResumeJob(job=number) | OpenSession(job=number) | MoveJob(job=number):
            return state.job(number)
        case RevertChanges(job=number) | CommitChanges(job=number) | SettleTree(job=number):
            return state.job(number)
        case ShowChanges(job=int() as number) | SendFile(job=int() as number):
            return state.job(JobId(number))
        case _:
            pass
    if isinstance(incoming, Message) and incoming.reply_to:
        replied = state.job_about(incoming.place, incoming.reply_to)
        if replied is not None or not isinstance(command, StopJob):
            return replied
    if isinstance(command, StopJob):
        return _to_stop(incoming.place, actor, state)
    if isinstance(command, RetryJob | ShowLog | ShowChanges):
        latest = state.latest_jobs(RETRIED_OF, incoming.place)
        own = (job for job in latest if job.requester == actor.name and job.key != incoming.key)
        return next(own, None)
    return None


def _to_stop(place: Place, actor: Actor, state: StateDatabase) -> Job | None:
    """One's own job here, else any: known before it is judged, as its project may be another."""
    here = [job for job in state.unfinished_jobs() if job.place == place]
    own = [job for job in here if job.requester == actor.name]
    return next(iter(own + here), None)


def _is_within_reach(job: Job, place: Place, actor: Actor) -> bool:
    """What somebody else has said elsewhere is not to be taken up here."""
    return job.requester == actor.name or job.place == place


def _words(command: Command, about: Job | None, actor: Actor) -> str:
    words = words_of(command)
    if isinstance(command, ShowLog) and about is not None and about.requester != actor.name:
        return f"{words} others"  # so that rules can tell one's own jobs from those of others
    return words


def _mistake(sentence: Phrase) -> Wish:
    return Wish(Mistake(sentence), ("",), None)


def _once_more(
    command: RetryJob, job: Job | None, place: Place, actor: Actor, recipes: Sequence[Recipe]
) -> Wish:
    if job is None or not _is_within_reach(job, place, actor):
        return _mistake(phrase("There is nothing to try again here. /jobs lists the latest."))
    return _again(command, job, recipes)


def _moved(
    command: MoveJob,
    job: Job | None,
    place: Place,
    actor: Actor,
    state: StateDatabase,
    projects: Projects,
) -> Wish:
    """A task of one's own, on the other side."""
    if job is None or job.requester != actor.name or not isinstance(job.work, Prompt):
        return _mistake(phrase("There is no task of yours to move. /jobs lists the latest."))
    is_asked = job.project == WORKSPACE
    text, files = job.work.text, job.work.files
    again: Run | Ask = Run(text, fresh=True) if is_asked else Ask(text)
    project = project_here(place, state, projects) if is_asked else WORKSPACE
    words = (words_of(command), words_of(again))
    return Wish(again, words, project, about=job, moves=job, files=files)


def _renewal(
    command: AskAgain, place: Place, actor: Actor, state: StateDatabase, recipes: Sequence[Recipe]
) -> Wish:
    """What an approval was about that nobody gave in time: the job, or a call of its agent."""
    approval = state.approval(command.approval)
    job = state.job(approval.job) if approval is not None else None
    if approval is None or job is None or not _is_within_reach(job, place, actor):
        return _mistake(about_details.not_yours_to_renew())
    if approval.is_about_job:
        return replace(_again(command, job, recipes), renews=approval.id)
    if not job.session:
        return _mistake(about_details.cannot_renew())
    run = Run(RENEWAL_TEXT.format(call=readable(approval.summary)[:MAX_RENEWED]))
    return Wish(
        run,
        (words_of(command), words_of(run)),
        job.project,
        session=job.session,
        about=job,
        steers=job if takes_more(job, actor) else None,
        renews=approval.id,
    )


def _only_plans(wish: Wish, state: StateDatabase) -> bool:
    """Whether an agent that goes on has a plan to make that nobody has approved yet."""
    match wish.command:
        case Run(is_plan=True):
            return True
        case ResumeJob():
            return wish.about is not None and wish.about.only_plans
        case Run(fresh=False) if wish.session:
            latest = state.job_in_session(wish.session)
            return latest is not None and latest.only_plans
        case _:
            return False


def _committed(job: Job | None, recipes: Sequence[Recipe]) -> Wish:
    """The recipe /commit in the job's project; who approves it sees the message."""
    if job is None:
        return _mistake(phrase("There is no such job here."))
    title = " ".join(readable(job.title).split()).lstrip("-/ ") or f"job {job.id}"
    command = parse(f"/commit {title}", recipes)
    return Wish(command, (words_of(command),), job.project)


def _again(command: Command, job: Job, recipes: Sequence[Recipe]) -> Wish:
    origin = _origin(job, recipes)
    words = (words_of(command), words_of(origin))
    session = job.earlier_session
    return Wish(origin, words, job.project, session=session, about=job, retries=job)


def _origin(job: Job, recipes: Sequence[Recipe]) -> Command:
    """The command that the job came from."""
    if not job.is_finished:
        return Mistake(phrase("Job {job} has not ended yet.", job=job.id))
    if isinstance(job.work, Prompt):
        is_plan = job.only_plans or job.words == words_of(Run("", is_plan=True))
        if job.read_only:
            return Ask(job.work.text)
        return Run(job.work.text, fresh=True, is_plan=is_plan)
    return parse(job.words, recipes)


def _going_on(
    run: Run,
    about: Job | None,
    message: Message,
    actor: Actor,
    state: StateDatabase,
    projects: Projects,
) -> Wish:
    """Plain text: for the job that runs, for the conversation, or for what it replies to."""
    words, project = (words_of(run),), project_here(message.place, state, projects)
    conversation = state.conversation(message.place)
    has_job = state.job_of(message.key) is not None
    if not message.reply_to:
        running = None if has_job else running_prompt(message.place, actor, state)
        return Wish(run, words, project, session=conversation.session, steers=running)
    if about is not None and not _is_within_reach(about, message.place, actor):
        about = None  # a question about somebody else's job was asked here
    if about is not None and takes_more(about, actor) and not has_job:
        return Wish(run, words, about.project, session=about.session, about=about, steers=about)
    if about is not None and about.session:
        return Wish(run, words, about.project, session=about.session, about=about)
    return Wish(run, words, project, is_astray=True)


def _changed(
    command: Command, edited: Edited, actor: Actor, state: StateDatabase, projects: Projects
) -> Wish:
    """About the message's own job, whichever its new words name: only that one may change.

    The job keeps where it belongs, whatever the conversation has turned to since. A task that is
    now a question, or the other way round, belongs elsewhere.
    """
    said = state.said(edited.place, edited.message_id)
    about = state.job_of(said[0].key) if said else None
    words = (_words(command, about, actor),)
    if about is not None and isinstance(command, Ask) == about.read_only:
        return Wish(command, words, about.project, session=about.earlier_session, about=about)
    here = project_here(edited.place, state, projects)
    return Wish(command, words, WORKSPACE if isinstance(command, Ask) else here, about=about)
