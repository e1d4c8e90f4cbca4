"""The job state machine, transition by transition, and the choice of what runs next."""

from __future__ import annotations

import pytest

from appliance.core.jobs import (
    Admitted,
    Asked,
    Barred,
    Cancelled,
    Finished,
    Granted,
    Interrupted,
    JobEvent,
    Lapsed,
    NamedSession,
    Refused,
    Started,
    State,
    advance,
    parallel_now,
    runnable,
)
from appliance.core.model import Ending, JobId, ProjectName, Usage
from appliance.errors import WrongMoment
from tests.examples import NOW, job

DONE = Finished(NOW, Ending.SUCCEEDED, "", Usage())


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([Barred("no rule")], State.DENIED),
        ([Asked(), Refused("no")], State.REFUSED),
        ([Asked(), Lapsed()], State.EXPIRED),
        ([Asked(), Granted()], State.QUEUED),
        ([Admitted()], State.QUEUED),
        ([Admitted(), Started(NOW)], State.RUNNING),
        ([Admitted(), Started(NOW), Asked()], State.WAITING_APPROVAL),
        ([Admitted(), Started(NOW), Asked(), Granted()], State.RUNNING),
        ([Admitted(), Started(NOW), Asked(), Lapsed()], State.RUNNING),
        ([Admitted(), Started(NOW), Asked(), Asked(), Refused()], State.WAITING_APPROVAL),
        ([Admitted(), Started(NOW), Asked(), Asked(), Refused(), Granted()], State.RUNNING),
        ([Admitted(), Started(NOW), DONE], State.SUCCEEDED),
        ([Admitted(), Started(NOW), Asked(), DONE], State.SUCCEEDED),
        ([Admitted(), Started(NOW), Interrupted(NOW, "restart")], State.INTERRUPTED),
        ([Admitted(), Cancelled(NOW, "stopped")], State.CANCELLED),
    ],
)
def test_events_lead_to_the_state_of_the_design(events: list[JobEvent], state: State) -> None:
    current = job()
    for event in events:
        current = advance(current, event)
    assert current.state is state


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.RECEIVED, Started(NOW)),
        (State.DENIED, Admitted()),
        (State.SUCCEEDED, Started(NOW)),
        (State.INTERRUPTED, Started(NOW)),
        (State.QUEUED, Granted()),
    ],
)
def test_an_event_at_the_wrong_moment_is_refused(state: State, event: JobEvent) -> None:
    with pytest.raises(WrongMoment, match=f"job 1 is {state}"):
        advance(job(state=state), event)


def test_an_answer_nobody_waits_for_is_refused() -> None:
    with pytest.raises(WrongMoment):
        advance(job(state=State.RUNNING, started_at=NOW), Granted())


def test_the_session_is_remembered_while_running() -> None:
    running = job(state=State.RUNNING, started_at=NOW)
    assert advance(running, NamedSession("abc")).session == "abc"


def queued(number: int, project: str = "demo", after: int | None = None, parallel: bool = False):  # type: ignore[no-untyped-def]
    return job(
        id=JobId(number),
        project=ProjectName(project),
        state=State.QUEUED,
        after=JobId(after) if after else None,
        parallel=parallel,
    )


def test_the_oldest_job_of_each_project_runs_first() -> None:
    jobs = [queued(3), queued(2), queued(4, "other")]
    assert [j.id for j in runnable(jobs, [], [], 5)] == [2, 4]


def test_a_project_has_one_writer() -> None:
    assert runnable([queued(2)], [queued(1)], [], 5) == ()


def test_a_reading_job_runs_beside_the_writer() -> None:
    assert [j.id for j in runnable([queued(2, parallel=True)], [queued(1)], [], 5)] == [2]


def test_no_more_jobs_run_than_allowed() -> None:
    jobs = [queued(2, "a"), queued(3, "b"), queued(4, "c")]
    assert [j.id for j in runnable(jobs, [queued(1)], [], 3)] == [2, 3]


@pytest.mark.parametrize(
    ("running", "free_mib", "possible"),
    [
        (0, 0, 1),  # one job always runs
        (1, 1_279, 1),
        (1, 1_280, 2),
        (2, 1_280, 3),
        (3, 0, 3),  # what runs goes on
        (0, 64_000, 4),
    ],
)
def test_as_many_jobs_run_as_memory_is_free_for(running: int, free_mib: int, possible: int) -> None:
    assert parallel_now(4, running, free_mib * 2**20, 1024 * 2**20) == possible


def test_a_job_after_another_waits_for_its_success() -> None:
    jobs = [queued(3, after=1)]
    assert runnable(jobs, [], [], 5) == ()
    assert [j.id for j in runnable(jobs, [], [JobId(1)], 5)] == [3]
