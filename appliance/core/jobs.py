"""The job state machine and the choice of what runs next.

    received → denied
             → waiting_approval → refused | expired
             → queued → running ⇄ waiting_approval
                      → succeeded | failed | cancelled | timed_out | interrupted

`advance(job, event)` returns the next job or raises `WrongMoment`; nothing else changes a state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from appliance.core.model import (
    Ending,
    IncomingFile,
    JobId,
    Millis,
    Place,
    Platform,
    ProjectName,
    Prompt,
    Sender,
    Usage,
    UserName,
    Work,
)
from appliance.errors import WrongMoment


class State(StrEnum):
    """Where a job is in its life."""

    RECEIVED = "received"
    DENIED = "denied"
    WAITING_APPROVAL = "waiting_approval"
    REFUSED = "refused"
    EXPIRED = "expired"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"


UNFINISHED = frozenset({State.RECEIVED, State.WAITING_APPROVAL, State.QUEUED, State.RUNNING})


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work somebody asked for. `key` is the message that asked, `words` what policy
    calls it: "/run", "/deploy prod"; `message_id` is the message's number where it has one.

    `pending` counts unanswered approvals. `keeps_session` is False for a question on the side
    (`/ask`): its agent session does not become the conversation's. `parallel` jobs only read and
    may run beside the one writer of their project. `tree`: whose git worktree it works in (0: one
    of its own), None: in the project's directory.
    """

    id: JobId
    key: str
    place: Place
    requester: UserName
    sender: Sender
    project: ProjectName
    work: Work
    words: str
    created_at: Millis
    state: State = State.RECEIVED
    after: JobId | None = None
    parallel: bool = False
    read_only: bool = False
    keeps_session: bool = True
    pending: int = 0
    started_at: Millis | None = None
    ended_at: Millis | None = None
    session: str = ""
    reason: str = ""
    usage: Usage = field(default_factory=Usage)
    message_id: str = ""
    tree: JobId | None = None

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def is_in_company(self) -> bool:
        """Whether others read along; web pages and terminals are one user's alone."""
        return self.place.platform is Platform.TELEGRAM and self.place.chat != self.sender.id

    @property
    def has_started(self) -> bool:
        return self.started_at is not None

    @property
    def only_plans(self) -> bool:
        """Whether it may only look until somebody has approved its plan."""
        return isinstance(self.work, Prompt) and self.work.is_plan

    @property
    def is_task(self) -> bool:
        """Whether an agent works on the project: no recipe, and no question on the side."""
        return isinstance(self.work, Prompt) and not self.read_only

    @property
    def files(self) -> tuple[IncomingFile, ...]:
        """What people sent with it."""
        return self.work.files if isinstance(self.work, Prompt) else ()

    @property
    def earlier_session(self) -> str:
        """The agent session that it goes on with, "" when it begins one."""
        return self.work.session or "" if isinstance(self.work, Prompt) else ""

    @property
    def kind(self) -> str:
        """ "prompt", or the name of the recipe."""
        return "prompt" if isinstance(self.work, Prompt) else self.work.recipe

    @property
    def answers(self) -> str:
        """The message under which its answer is shown: among several people it is not clear."""
        return self.message_id if self.is_in_company else ""

    @property
    def title(self) -> str:
        """One line for lists: the task's first line, or the recipe's command."""
        if isinstance(self.work, Prompt):
            return self.work.text.strip().split("\n", 1)[0][:80]
        return f"/{self.work.recipe}"

    @property
    def worktree(self) -> JobId | None:
        """The job whose worktree it works in, as each further job of its session will."""
        return None if self.tree is None else self.tree or self.id

    @property
    def workplace(self) -> str:
        """Where in the project it works, "." for all of it. At most one writer is there."""
        return "." if self.worktree is None else f"{WORKTREES}/{self.worktree}"


WORKTREES = ".dispatch/worktrees"


class StepKind(StrEnum):
    """What is remembered of a job's way, to be told on a phone; the log has all of it."""

    TOOL = "tool"
    REFUSED = "refused"
    HEARD = "heard"  # a further message


@dataclass(frozen=True, slots=True)
class Step:
    """`text` is one line, but for what was heard: that is whole."""

    at: Millis
    what: StepKind
    text: str


def heard(steps: Sequence[Step]) -> tuple[str, ...]:
    """What people said to a job while it ran; whether it has read the last of it nobody knows."""
    return tuple(step.text for step in steps if step.what is StepKind.HEARD)


@dataclass(frozen=True, slots=True)
class PastSession:
    """An agent session that a place had: its first job, its latest one, and how many there were."""

    first: Job
    latest: Job
    jobs: int


# --- what can happen to a job


@dataclass(frozen=True, slots=True)
class Admitted:
    """The gate let it in."""


@dataclass(frozen=True, slots=True)
class Barred:
    """The gate did not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A human has to approve: the job itself, or one tool call of it."""


@dataclass(frozen=True, slots=True)
class Granted:
    """One approval was given."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One approval was refused, or the agent withdrew the call."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lapsed:
    """One approval was not answered in time."""


@dataclass(frozen=True, slots=True)
class Reworded:
    """Its message was changed before it started: it is to be let in anew, as this `job`."""

    job: Job


@dataclass(frozen=True, slots=True)
class PlanAccepted:
    """Somebody has approved its plan: now it may do more than look."""


@dataclass(frozen=True, slots=True)
class Started:
    at: Millis


@dataclass(frozen=True, slots=True)
class NamedSession:
    """The agent told its session, by which the job can be resumed."""

    session: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The agent ended by itself or by its limits."""

    at: Millis
    ending: Ending
    reason: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody stopped it before it ran, or what it waited for did not succeed."""

    at: Millis
    reason: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The appliance went away under it."""

    at: Millis
    reason: str


JobEvent = (
    Admitted
    | Barred
    | Asked
    | Granted
    | Refused
    | Lapsed
    | Reworded
    | PlanAccepted
    | Started
    | NamedSession
    | Finished
    | Cancelled
    | Interrupted
)


def advance(job: Job, event: JobEvent) -> Job:
    """The job after the event. Raises WrongMoment when its state does not allow that."""
    match job.state:
        case _ if isinstance(event, Reworded) and not (job.is_finished or job.has_started):
            after: Job | None = _reworded(job, event)
        case State.RECEIVED:
            after = _when_received(job, event)
        case State.QUEUED:
            after = _when_queued(job, event)
        case State.WAITING_APPROVAL if not job.has_started:
            after = _when_waiting_to_start(job, event)
        case State.RUNNING | State.WAITING_APPROVAL:
            after = _when_running(job, event)
        case _:
            after = None
    if after is None:
        raise WrongMoment(
            f"job {job.id} is {job.state}: {type(event).__name__} cannot happen to it"
        )
    return after


def _reworded(job: Job, event: Reworded) -> Job:
    return replace(event.job, id=job.id, created_at=job.created_at, state=State.RECEIVED)


def _when_received(job: Job, event: JobEvent) -> Job | None:
    match event:
        case Admitted():
            return replace(job, state=State.QUEUED)
        case Barred(reason):
            return replace(job, state=State.DENIED, reason=reason)
        case Asked():
            return replace(job, state=State.WAITING_APPROVAL, pending=1)
        case Cancelled(at, reason):
            return replace(job, state=State.CANCELLED, ended_at=at, reason=reason)
        case _:
            return None


def _when_waiting_to_start(job: Job, event: JobEvent) -> Job | None:
    match event:
        case Granted():
            return replace(job, state=State.QUEUED, pending=0)
        case Refused(reason):
            return replace(job, state=State.REFUSED, pending=0, reason=reason)
        case Lapsed():
            return replace(job, state=State.EXPIRED, pending=0)
        case Cancelled(at, reason):
            return replace(job, state=State.CANCELLED, pending=0, ended_at=at, reason=reason)
        case _:
            return None


def _when_queued(job: Job, event: JobEvent) -> Job | None:
    match event:
        case Started(at):
            return replace(job, state=State.RUNNING, started_at=at)
        case Cancelled(at, reason):
            return replace(job, state=State.CANCELLED, ended_at=at, reason=reason)
        case _:
            return None


def _when_running(job: Job, event: JobEvent) -> Job | None:
    match event:
        case Asked():
            return replace(job, state=State.WAITING_APPROVAL, pending=job.pending + 1)
        case Granted() | Refused() | Lapsed():
            return _with_one_answer_less(job)
        case NamedSession(session):
            return replace(job, session=session)
        case PlanAccepted() if isinstance(job.work, Prompt):
            return replace(job, work=replace(job.work, is_plan=False))
        case Finished(at, ending, reason, usage):
            state = State(ending.value)
            return replace(job, state=state, pending=0, ended_at=at, reason=reason, usage=usage)
        case Interrupted(at, reason):
            return replace(job, state=State.INTERRUPTED, pending=0, ended_at=at, reason=reason)
        case _:
            return None


def _with_one_answer_less(job: Job) -> Job | None:
    if job.pending == 0:
        return None
    left = job.pending - 1
    return replace(job, pending=left, state=State.WAITING_APPROVAL if left else State.RUNNING)


# --- what runs next


SPARED_BYTES = 256 * 1024 * 1024
"""Free memory that is left to everything else on the machine."""


def parallel_now(maximum: int, running: int, free_bytes: int, job_bytes: int) -> int:
    """How many jobs may run at the same time while so much memory is free; at least one.

    `job_bytes` is what each further one is to find.
    """
    further = max(0, free_bytes - SPARED_BYTES) // job_bytes
    return max(1, min(maximum, running + further))


def runnable(
    queued: Iterable[Job], running: Collection[Job], succeeded: Collection[JobId], max_parallel: int
) -> tuple[Job, ...]:
    """Which of the queued jobs may start now, oldest first.

    At most `max_parallel` in all, one writer per project and worktree; a job with `after` starts
    only once that job is in `succeeded`.
    """
    room = max_parallel - len(running)
    writing = {(job.project, job.workplace) for job in running if not job.parallel}
    chosen: list[Job] = []
    for job in sorted(queued, key=lambda job: job.id):
        if len(chosen) >= room:
            break
        if job.after is not None and job.after not in succeeded:
            continue
        if not job.parallel:
            if (job.project, job.workplace) in writing:
                continue
            writing.add((job.project, job.workplace))
        chosen.append(job)
    return tuple(chosen)
