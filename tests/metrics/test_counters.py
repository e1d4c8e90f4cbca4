"""What is recorded, counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from prometheus_client import CollectorRegistry

from appliance.core.approvals import Approval
from appliance.core.events import (
    ApprovalAsked,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    ConnectionClosed,
    Event,
    JobFailed,
    JobFinished,
    JobInterrupted,
    JobQueued,
    JobStarted,
    MessageReceived,
    RequestAllowed,
    RequestDenied,
    ToolFinished,
    event_names,
)
from appliance.core.jobs import Job
from appliance.core.model import Act, ApprovalId, JobId, Millis, ProjectName
from appliance.errors import StorageUnavailable
from appliance.metrics.counters import ENDINGS, Counters
from appliance.metrics.registry import new_registry
from appliance.policy.tools import act_of
from appliance.ports import Receipt
from tests.audit.every_event import every_event
from tests.examples import NOW, approval, job
from tests.fakes import FakeClock
from tests.metrics.exposed import Samples, exposed

DEMO = ProjectName("demo")
JOB = replace(job(), id=JobId(7), project=DEMO, created_at=Millis(NOW - 40_000))


@dataclass
class Counted:
    """Counters with a state database of one job and one question, which may be out of order."""

    registry: CollectorRegistry = field(default_factory=new_registry)
    job: Job = JOB
    approval: Approval = replace(approval(), asked_at=Millis(NOW - 20_000))  # noqa: RUF009
    is_broken: bool = False

    def __post_init__(self) -> None:
        self._counters = Counters(
            self.registry, [DEMO], self._job_of, self._approval_of, act_of, FakeClock(NOW)
        )

    def after(self, *events: Event) -> Samples:
        self._counters.saw(events, Receipt(1, b""))
        return exposed(self.registry)

    def _job_of(self, number: JobId) -> Job | None:
        if self.is_broken:
            raise StorageUnavailable("disk full")
        return self.job if self.job.id == number else None

    def _approval_of(self, name: ApprovalId) -> Approval | None:
        return self.approval if self.approval.id == name else None


@pytest.fixture
def counted() -> Counted:
    return Counted()


FINISHED = JobFinished(
    job=7,
    cost_microdollars=250_000,
    input_tokens=1000,
    output_tokens=20,
    duration_ms=1,
    answer_sha256="",
)


def test_every_kind_of_record_can_be_counted(counted: Counted) -> None:
    after = counted.after(*every_event())
    found = {name for name in after if name.startswith("dispatch_events_total")}
    assert found == {f"dispatch_events_total event={name}" for name in event_names()}


def test_what_can_happen_to_a_project_begins_at_zero(counted: Counted) -> None:
    before = exposed(counted.registry)
    for outcome in ENDINGS.values():
        assert before[f"dispatch_jobs_ended_total outcome={outcome} project=demo"] == 0
    assert before["dispatch_job_duration_seconds_count project=demo"] == 0
    assert before["dispatch_cost_dollars_total project=demo"] == 0


def test_no_series_tells_when_it_began(counted: Counted) -> None:
    assert not any("_created" in name for name in counted.after(FINISHED))


def test_a_job_is_counted_on_its_way(counted: Counted) -> None:
    counted.after(JobQueued(job=7, project="demo", kind="prompt"))
    after = counted.after(JobStarted(job=7, project="demo", kind="prompt", isolation="unit"))
    assert after["dispatch_jobs_queued_total project=demo"] == 1
    assert after["dispatch_jobs_started_total project=demo"] == 1
    assert after["dispatch_job_start_seconds_sum"] == 40
    assert after["dispatch_job_start_seconds_bucket le=30.0"] == 0
    assert after["dispatch_job_start_seconds_bucket le=60.0"] == 1
    counted.job = replace(JOB, started_at=Millis(NOW - 90_000))
    after = counted.after(FINISHED)
    assert after["dispatch_jobs_ended_total outcome=succeeded project=demo"] == 1
    assert after["dispatch_job_duration_seconds_sum project=demo"] == 90
    assert after["dispatch_cost_dollars_total project=demo"] == 0.25
    assert after["dispatch_tokens_total direction=input project=demo"] == 1000
    assert after["dispatch_tokens_total direction=output project=demo"] == 20


def test_what_failed_cost_something_too(counted: Counted) -> None:
    after = counted.after(JobFailed(job=7, reason="", cost_microdollars=1_000_000))
    assert after["dispatch_jobs_ended_total outcome=failed project=demo"] == 1
    assert after["dispatch_cost_dollars_total project=demo"] == 1
    assert after["dispatch_job_duration_seconds_count project=demo"] == 0, "it never started"


def test_what_a_crash_interrupted_lasted_until_it_was_found(counted: Counted) -> None:
    counted.job = replace(JOB, started_at=Millis(NOW - 5_000))
    after = counted.after(JobInterrupted(job=7, reason="the appliance restarted"))
    assert after["dispatch_jobs_ended_total outcome=interrupted project=demo"] == 1
    assert after["dispatch_job_duration_seconds_sum project=demo"] == 5


def test_a_database_that_does_not_answer_costs_a_label_and_nothing_else(counted: Counted) -> None:
    counted.is_broken = True
    after = counted.after(FINISHED, JobStarted(job=7, project="demo", kind="", isolation=""))
    assert after["dispatch_jobs_ended_total outcome=succeeded project="] == 1
    assert after["dispatch_jobs_started_total project=demo"] == 1
    assert after["dispatch_job_start_seconds_count"] == 0


@pytest.mark.parametrize(
    ("act", "label"),
    [
        ("chat", "chat"),
        ("admin", "admin"),
        ("approve", "approve"),
        ("Bash", "bash"),
        ("Edit", "write"),
        ("Connect", "net"),
        ("mcp__github__merge", "mcp"),
        ("x" * 1000, "tool"),
    ],
)
def test_decisions_count_by_kind_of_act(counted: Counted, act: str, label: str) -> None:
    allowed = RequestAllowed(act=act, object="ls", project="demo", rule="r.csv:1")
    denied = RequestDenied(act=act, object="ls", project="demo", rule="r.csv:1", reason="no")
    after = counted.after(allowed, denied)
    assert after[f"dispatch_requests_total act={label} effect=allowed"] == 1
    assert after[f"dispatch_requests_total act={label} effect=denied"] == 1


def test_every_act_of_the_policy_is_a_word_of_ours() -> None:
    assert {act_of(tool) for tool in ("Bash", "Read", "WebFetch", "Connect", "?")} <= set(Act)


def test_questions_and_how_long_they_waited(counted: Counted) -> None:
    name = str(counted.approval.id)
    asked = ApprovalAsked(
        approval=name,
        job=7,
        request="",
        object="Bash",
        project="demo",
        directory="/",
        rule="r.csv:1",
        input_sha256="",
        expires_at=0,
    )
    after = counted.after(
        asked,
        ApprovalGiven(approval=name, job=7, request="", input_sha256=""),
        ApprovalRefused(approval=name, job=7, request=""),
        ApprovalExpired(approval="unknown", job=7, request=""),
    )
    assert after["dispatch_approvals_asked_total"] == 1
    assert after["dispatch_requests_total act=bash effect=asked"] == 1
    for answer in ("given", "refused", "expired"):
        assert after[f"dispatch_approvals_answered_total answer={answer}"] == 1
    assert after["dispatch_approval_wait_seconds_sum answer=given"] == 20
    assert after["dispatch_approval_wait_seconds_count answer=expired"] == 0


def test_a_message_counts_for_its_platform_and_not_for_its_chat(counted: Counted) -> None:
    said = MessageReceived(key="k", place="telegram:4711", text="fix it")
    after = counted.after(said, replace(said, place="pigeon:3"))
    assert after["dispatch_messages_received_total platform=telegram"] == 1
    assert after["dispatch_messages_received_total platform=other"] == 1
    assert not any("4711" in name or "fix it" in name for name in after)


def test_what_tasks_do_and_send(counted: Counted) -> None:
    closed = ConnectionClosed(
        job=7,
        request="",
        host="example.org",
        port=443,
        address="192.0.2.1",
        sent_bytes=10,
        received_bytes=2000,
        duration_ms=1,
        reason="",
    )
    call = ToolFinished(job=7, request="", is_error=False, output_sha256="")
    after = counted.after(closed, call, replace(call, is_error=True))
    assert after["dispatch_connections_total"] == 1
    assert after["dispatch_connection_bytes_total direction=received"] == 2000
    assert after["dispatch_tool_calls_total result=ok"] == 1
    assert after["dispatch_tool_calls_total result=error"] == 1
