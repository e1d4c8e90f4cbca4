"""Laws of the job state machine, whatever happens in whatever order."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.jobs import (
    UNFINISHED,
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
    Reworded,
    Started,
    State,
    advance,
    runnable,
)
from appliance.core.model import Ending, JobId, ProjectName, Prompt, Usage
from appliance.errors import WrongMoment
from tests.examples import NOW, job

EVENTS: st.SearchStrategy[JobEvent] = st.sampled_from(
    [
        Admitted(),
        Barred("x"),
        Asked(),
        Granted(),
        Refused(),
        Lapsed(),
        Reworded(job(work=Prompt("something else"))),
        Started(NOW),
        NamedSession("s"),
        Cancelled(NOW, "x"),
        Interrupted(NOW, "x"),
        *(Finished(NOW, ending, "", Usage()) for ending in Ending),
    ]
)


@given(st.lists(EVENTS, max_size=30))
def test_nothing_runs_that_was_not_admitted_or_granted(events: list[JobEvent]) -> None:
    current = job()
    accepted: list[JobEvent] = []
    for event in events:
        with suppress(WrongMoment):
            current = advance(current, event)
            accepted.append(event)
    if current.has_started:
        before = accepted[: accepted.index(Started(NOW))]
        since_changed = before[_last_change(before) :]
        assert Admitted() in since_changed or Granted() in since_changed


def _last_change(events: list[JobEvent]) -> int:
    changes = [index for index, event in enumerate(events) if isinstance(event, Reworded)]
    return changes[-1] if changes else 0


@given(st.lists(EVENTS, max_size=30))
def test_a_finished_job_never_changes(events: list[JobEvent]) -> None:
    current = job()
    for event in events:
        with suppress(WrongMoment):
            after = advance(current, event)
            assert current.state in UNFINISHED
            current = after


@given(st.lists(EVENTS, max_size=30))
def test_a_job_waits_exactly_while_answers_are_pending(events: list[JobEvent]) -> None:
    current = job()
    for event in events:
        with suppress(WrongMoment):
            current = advance(current, event)
        assert (current.state is State.WAITING_APPROVAL) == (current.pending > 0)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12),
    st.lists(st.sampled_from("abc"), max_size=3, unique=True),
    st.integers(1, 5),
)
def test_the_choice_keeps_one_writer_per_project_and_the_limit(
    waiting: list[tuple[str, bool]], busy: list[str], limit: int
) -> None:
    queued = [
        job(id=JobId(10 + n), project=ProjectName(p), parallel=r)
        for n, (p, r) in enumerate(waiting)
    ]
    running = [job(id=JobId(n + 1), project=ProjectName(p)) for n, p in enumerate(busy)]
    chosen = runnable(queued, running, [], limit)
    assert len(chosen) + len(running) <= max(limit, len(running))
    writers = [j.project for j in (*chosen, *running) if not j.parallel]
    assert len(writers) == len(set(writers))
