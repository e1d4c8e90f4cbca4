"""What the machine stays awake for, until when, and what people ask for."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.jobs import State
from appliance.core.keep_awake import (
    LINGER_SECONDS,
    Battery,
    For,
    HowLong,
    Off,
    Session,
    Until,
    end_of,
    how_long,
    is_too_long,
    keeping,
    named,
    need,
    seconds_left,
    spares,
    time_of_day,
)
from appliance.core.model import JobId, Millis, UserName
from tests.examples import NOW, PLACE, job

HOUR = 3_600_000
NEVER = float("inf")


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()


def berlin(*when: int) -> Millis:
    return Millis(int(datetime(*when, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1000)  # type: ignore[misc,arg-type]


def session(until: int = NOW + HOUR) -> Session:
    return Session(Millis(until), UserName("alice"), PLACE)


def ids(*numbers: int) -> list[JobId]:
    return [JobId(number) for number in numbers]


# --- what for


def test_every_job_that_was_let_in_and_is_not_over_keeps_it_awake() -> None:
    jobs = [replace(job(), state=state) for state in State]
    assert [j.state for j in keeping(jobs)] == [
        State.WAITING_APPROVAL,
        State.QUEUED,
        State.RUNNING,
    ]


def test_nothing_to_do_lets_it_sleep() -> None:
    assert need([], NEVER, None, Millis(NOW)) is None


def test_jobs_are_named_and_end_by_nothing_but_themselves() -> None:
    found = need(ids(12, 13), 0, None, Millis(NOW))
    assert found is not None
    assert (found.why, found.seconds) == ("jobs 12, 13", None)


def test_a_minute_after_the_last_job_it_may_sleep() -> None:
    found = need([], 20, None, Millis(NOW))
    assert found is not None
    assert (found.why, found.seconds) == ("a job has just ended", 40)
    assert need([], LINGER_SECONDS, None, Millis(NOW)) is None


def test_who_asked_and_until_when_is_said_beside_the_jobs() -> None:
    found = need(ids(7), 0, session(berlin(2027, 1, 15, 18)), berlin(2027, 1, 15, 17))
    assert found is not None
    assert (found.why, found.seconds) == ("job 7; until 18:00 for alice", 3600)


def test_what_ends_first_is_when_to_look_again() -> None:
    found = need([], 50, session(NOW + 30_000), Millis(NOW))
    assert found is not None
    assert found.seconds == 10


def test_a_session_counts_until_its_end_and_not_when_the_clock_was_set_back() -> None:
    assert seconds_left(None, Millis(NOW)) == 0
    assert seconds_left(session(NOW + 1000), Millis(NOW)) == 1
    assert seconds_left(session(NOW), Millis(NOW)) == 0
    assert seconds_left(session(NOW + 8 * HOUR), Millis(NOW)) == 8 * 3600
    assert seconds_left(session(NOW + 8 * HOUR), Millis(NOW - 1)) == 0


@given(
    st.lists(st.integers(1, 99).map(JobId), max_size=3),
    st.floats(0, 200),
    st.none() | st.integers(NOW - 9 * HOUR, NOW + 9 * HOUR),
)
def test_when_the_time_has_come_something_is_different(
    jobs: list[JobId], idle: float, until: int | None
) -> None:
    asked = session(until) if until is not None else None
    found = need(jobs, idle, asked, Millis(NOW))
    if found is None or found.seconds is None:
        return
    later = Millis(NOW + round(found.seconds * 1000) + 1)
    idle_later = 0 if jobs else idle + found.seconds + 0.001
    assert need(jobs, idle_later, asked, later) != found


def test_many_jobs_are_counted() -> None:
    assert named(ids(1)) == "job 1"
    assert named(ids(1, 2, 3, 4, 5)) == "jobs 1, 2, 3, 4, 5"
    assert named(ids(1, 2, 3, 4, 5, 6, 7)) == "jobs 1, 2, 3, 4, 5 and 2 more"


# --- the battery


@pytest.mark.parametrize(
    ("battery", "has_spared", "expected"),
    [
        (None, False, False),
        (Battery(3, is_plugged=True), True, False),
        (Battery(21, is_plugged=False), False, False),
        (Battery(20, is_plugged=False), False, True),
        (Battery(22, is_plugged=False), True, True),
    ],
)
def test_a_low_battery_is_spared_until_there_is_a_plug(
    battery: Battery | None, has_spared: bool, expected: bool
) -> None:
    assert spares(battery, 20, has_spared=has_spared) is expected


# --- what people ask for


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8h", For(480)),
        ("1h30m", For(90)),
        (" 2 H ", For(120)),
        ("90 min", For(90)),
        ("45m", For(45)),
        ("until 18:00", Until(1080)),
        ("until 7:05", Until(425)),
        ("OFF", Off()),
        ("", None),
        ("0h", None),
        ("8", None),
        ("-1h", None),
        ("until 24:00", None),
        ("until 18", None),
        ("until", None),
        ("8h please", None),
        ("forever", None),
    ],
)
def test_a_time_is_understood_or_not(text: str, expected: HowLong | None) -> None:
    assert how_long(text) == expected


@given(st.text(max_size=20))
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    found = how_long(text)
    assert not isinstance(found, For) or found.minutes > 0


def test_a_duration_begins_now() -> None:
    assert end_of(For(90), Millis(NOW)) == NOW + 90 * 60_000


def test_a_time_of_day_is_the_next_one_here() -> None:
    noon = berlin(2027, 1, 15, 12)
    assert end_of(Until(18 * 60), noon) == berlin(2027, 1, 15, 18)
    assert end_of(Until(12 * 60), noon) == berlin(2027, 1, 16, 12)
    assert end_of(Until(0), noon) == berlin(2027, 1, 16, 0)
    assert time_of_day(berlin(2027, 7, 1, 18, 5)) == "18:05"


@pytest.mark.parametrize("evening", [(2027, 3, 27, 22), (2027, 10, 30, 22)])
def test_a_night_of_other_length_changes_no_time_of_day(evening: tuple[int, ...]) -> None:
    until = end_of(Until(6 * 60), berlin(*evening))
    assert until == berlin(*evening[:2], evening[2] + 1, 6)
    assert time_of_day(until) == "06:00"


@given(st.integers(0, 24 * 60 - 1), st.integers(0, 400 * 24 * 60))
def test_a_time_of_day_lies_within_the_day_to_come(minute: int, after: int) -> None:
    now = Millis(NOW + after * 60_000)
    until = end_of(Until(minute), now)
    assert now < until <= now + 25 * HOUR


def test_more_than_eight_hours_is_too_long() -> None:
    assert not is_too_long(Millis(NOW + 8 * HOUR), Millis(NOW))
    assert is_too_long(Millis(NOW + 8 * HOUR + 1), Millis(NOW))


def test_a_later_wish_ends_later() -> None:
    ends = [end_of(For(minutes), Millis(NOW)) for minutes in (1, 60, 480)]
    assert all(first < second for first, second in pairwise(ends))
