"""Counts and times from the events of the log, as they are recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from appliance.core.approvals import Approval
from appliance.core.events import (
    ApprovalAsked,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    ConnectionClosed,
    Event,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobInterrupted,
    JobQueued,
    JobStarted,
    JobTimedOut,
    MessageReceived,
    PostFailed,
    RequestAllowed,
    RequestDenied,
    ToolFinished,
)
from appliance.core.jobs import Job
from appliance.core.model import Act, ApprovalId, JobId, Millis, Platform, ProjectName
from appliance.errors import StorageUnavailable
from appliance.ports import Clock, Receipt

PREFIX = "dispatch_"

START_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400)
"""A start that waits for nothing takes a fraction of a second; one may wait for hours in line."""
JOB_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
"""Recipes take seconds; an agent is stopped after an hour, or what the settings say."""
WAIT_BUCKETS = (5, 15, 30, 60, 120, 300, 600, 1200, 3600, 14400, 43200, 86400)
"""How long a question waits for a person; most lapse after ten minutes."""

ACTS = frozenset({"chat", "admin", "approve", "answer", "start"})
"""Ours, by their own names; every other act that is recorded is the name of an agent's tool."""

ENDINGS: dict[type[Event], str] = {
    JobFinished: "succeeded",
    JobFailed: "failed",
    JobCancelled: "cancelled",
    JobTimedOut: "timed_out",
    JobInterrupted: "interrupted",
}
ANSWERS: dict[type[Event], str] = {
    ApprovalGiven: "given",
    ApprovalRefused: "refused",
    ApprovalExpired: "expired",
}

K = TypeVar("K")
V = TypeVar("V")


class Counters:
    """An onlooker of the log (`services.observed`).

    `job_of` and `approval_of` look into the state database, `act_of` tells what kind of act an
    agent's tool is.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        projects: Collection[ProjectName],
        job_of: Callable[[JobId], Job | None],
        approval_of: Callable[[ApprovalId], Approval | None],
        act_of: Callable[[str], Act],
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._job_of = job_of
        self._approval_of = approval_of
        self._act_of = act_of
        self._clock = clock

        self._events = self._counter("events", "Records of the audit log", "event")
        self._messages = self._counter("messages_received", "Messages of our people", "platform")
        self._requests = self._counter(
            "requests", "What was decided about requests and tool calls", "act", "effect"
        )
        self._asked = self._counter("approvals_asked", "Questions whether something may be done")
        self._answered = self._counter("approvals_answered", "Their answers", "answer")
        self._waited = self._histogram(
            "approval_wait_seconds", "From a question to its answer", WAIT_BUCKETS, "answer"
        )
        self._queued = self._counter("jobs_queued", "Jobs that were let in", "project")
        self._started = self._counter("jobs_started", "Jobs whose agent was started", "project")
        self._ended = self._counter("jobs_ended", "Jobs that are over", "project", "outcome")
        self._start = self._histogram(
            "job_start_seconds", "From a message to the start of its job", START_BUCKETS
        )
        self._duration = self._histogram(
            "job_duration_seconds", "From the start of a job to its end", JOB_BUCKETS, "project"
        )
        self._cost = self._counter("cost_dollars", "What agents say that jobs cost", "project")
        self._tokens = self._counter("tokens", "Of agents' models", "project", "direction")
        self._tools = self._counter("tool_calls", "Calls that agents made", "result")
        self._connections = self._counter("connections", "Connections of tasks that are over")
        self._bytes = self._counter("connection_bytes", "What went through them", "direction")
        self._posts_failed = self._counter("posts_failed", "Answers that were given up")
        self._begin_at_zero(projects)

    def saw(self, events: Sequence[Event], _receipt: Receipt) -> None:
        for event in events:
            self._events.labels(event.name).inc()
            self._count(event)

    def _count(self, event: Event) -> None:
        match event:
            case MessageReceived(place=place):
                self._messages.labels(_platform(place)).inc()
            case RequestAllowed(act=act):
                self._requests.labels(self._act(act), "allowed").inc()
            case RequestDenied(act=act):
                self._requests.labels(self._act(act), "denied").inc()
            case ApprovalAsked(object=tool):
                self._asked.inc()
                self._requests.labels(self._act(tool), "asked").inc()
            case ApprovalGiven() | ApprovalRefused() | ApprovalExpired():
                self._count_answer(event)
            case ToolFinished(is_error=is_error):
                self._tools.labels("error" if is_error else "ok").inc()
            case ConnectionClosed(sent_bytes=sent, received_bytes=received):
                self._connections.inc()
                self._bytes.labels("sent").inc(sent)
                self._bytes.labels("received").inc(received)
            case PostFailed():
                self._posts_failed.inc()
            case _:
                self._count_job(event)

    def _count_answer(self, event: ApprovalGiven | ApprovalRefused | ApprovalExpired) -> None:
        answer = ANSWERS[type(event)]
        self._answered.labels(answer).inc()
        approval = _looked_up(self._approval_of, ApprovalId(event.approval))
        if approval is not None:
            self._waited.labels(answer).observe(self._seconds_since(approval.asked_at))

    def _count_job(self, event: Event) -> None:
        match event:
            case JobQueued(project=project):
                self._queued.labels(project).inc()
            case JobStarted(project=project, job=number):
                self._started.labels(project).inc()
                job = _looked_up(self._job_of, JobId(number))
                if job is not None:
                    self._start.observe(self._seconds_since(job.created_at))
            case JobFinished() | JobFailed() | JobCancelled() | JobTimedOut() | JobInterrupted():
                self._count_end(event, _looked_up(self._job_of, JobId(event.job)))
            case _:
                pass

    def _count_end(self, event: Event, job: Job | None) -> None:
        project = job.project if job is not None else ""
        self._ended.labels(project, ENDINGS[type(event)]).inc()
        if job is not None and job.started_at is not None:
            self._duration.labels(project).observe(self._seconds_since(job.started_at))
        if isinstance(event, JobFinished | JobFailed):
            self._cost.labels(project).inc(event.cost_microdollars / 1_000_000)
        if isinstance(event, JobFinished):
            self._tokens.labels(project, "input").inc(event.input_tokens)
            self._tokens.labels(project, "output").inc(event.output_tokens)

    def _act(self, act: str) -> str:
        return act if act in ACTS else self._act_of(act).value

    def _seconds_since(self, then: Millis) -> float:
        return max(0.0, (self._clock.now() - then) / 1000)

    # --- their making

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, what, labels, registry=self._registry)

    def _histogram(self, name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(PREFIX + name, what, labels, registry=self._registry, buckets=buckets)

    def _begin_at_zero(self, projects: Collection[ProjectName]) -> None:
        """What is known to be possible is 0 before it happens: its first time is seen as one."""
        for project in projects:
            for counter in (self._queued, self._started, self._cost):
                counter.labels(project)
            self._duration.labels(project)
            for outcome in ENDINGS.values():
                self._ended.labels(project, outcome)
            for direction in ("input", "output"):
                self._tokens.labels(project, direction)
        for answer in ANSWERS.values():
            self._answered.labels(answer)
            self._waited.labels(answer)


def _looked_up(look: Callable[[K], V | None], key: K) -> V | None:
    """None as well when the database does not answer: an onlooker never fails."""
    try:
        return look(key)
    except StorageUnavailable:
        return None


def _platform(place: str) -> str:
    platform = place.partition(":")[0]
    return platform if platform in tuple(Platform) else "other"
