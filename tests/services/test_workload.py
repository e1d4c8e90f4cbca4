"""How much there is to do, from a real state database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.approvals import ApprovalState
from appliance.core.jobs import State as JobState
from appliance.core.model import ApprovalId, Millis, ProjectName, Reply, Rich
from appliance.services.workload import Line, Workload
from appliance.storage.state import SqliteState
from tests.examples import NOW, PLACE, approval, job
from tests.fakes import FakeClock

DEMO, OTHER = ProjectName("demo"), ProjectName("other")
NONE = Line(0, 0.0)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqliteState]:
    state = SqliteState.open(tmp_path)
    yield state
    state.close()


def workload(state: SqliteState, now: int = NOW) -> Workload:
    return Workload(state, (DEMO, OTHER), FakeClock(now))


def test_every_project_has_its_zeros(state: SqliteState) -> None:
    assert set(workload(state).jobs().values()) == {0}
    assert {project for project, _ in workload(state).jobs()} == {"demo", "other"}
    assert workload(state).queue() == workload(state).approvals() == NONE
    assert workload(state).outbox() == NONE


def test_jobs_count_where_they_are(state: SqliteState) -> None:
    for number, now_is in enumerate((JobState.QUEUED, JobState.QUEUED, JobState.RUNNING)):
        state.add_job(job(key=f"k{number}", project=DEMO, state=now_is))
    state.add_job(job(key="over", project=DEMO, state=JobState.SUCCEEDED))
    gone = ProjectName("gone")  # from the settings since
    state.add_job(job(key="gone", project=gone, state=JobState.WAITING_APPROVAL))
    jobs = workload(state).jobs()
    assert jobs["demo", "queued"] == 2
    assert jobs["demo", "running"] == 1
    assert jobs["gone", "waiting_approval"] == 1
    assert jobs["other", "queued"] == 0


def test_the_oldest_in_line_tells_how_long_the_line_takes(state: SqliteState) -> None:
    for number, seconds in enumerate((30, 90, 60)):
        asked_at = Millis(NOW - seconds * 1000)
        state.add_job(job(key=f"k{number}", created_at=asked_at, state=JobState.QUEUED))
    assert workload(state).queue() == Line(3, 90.0)


def test_only_questions_without_an_answer_are_open(state: SqliteState) -> None:
    about = state.add_job(job())
    first = replace(approval(), job=about.id, asked_at=Millis(NOW - 20_000))
    state.save_approval(first)
    state.save_approval(
        replace(first, id=ApprovalId("second"), asked_at=NOW, state=ApprovalState.GIVEN)
    )
    assert workload(state).approvals() == Line(1, 20.0)


def test_what_waits_to_be_sent_has_an_age(state: SqliteState) -> None:
    now = int(time.time()) * 1000  # noqa: TID251 - the database's own clock is asked
    post = state.post(PLACE, Reply(Rich("hello")))
    state.post(PLACE, Reply(Rich("again")))
    found = workload(state, now + 10_000).outbox()
    assert found.length == 2
    assert 5 < found.oldest_seconds <= 10
    state.mark_delivered(post, "1")
    assert workload(state, now).outbox().length == 1
