"""A task may open many connections at once, and then some every second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.egress.pace import Pace


def test_a_burst_is_let_through_and_then_a_steady_stream() -> None:
    pace = Pace(burst=3, per_second=2)
    assert [pace.wait_seconds(100.0) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]


def test_after_a_rest_there_may_be_a_burst_again() -> None:
    pace = Pace(burst=2, per_second=1)
    waits = [pace.wait_seconds(now) for now in (0.0, 0.0, 60.0, 60.0, 60.0)]
    assert waits == [0, 0, 0, 0, 1.0]


@given(st.integers(1, 20), st.integers(1, 20), st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_never_more_than_burst_and_rate_together(burst: int, rate: int, gaps: list[float]) -> None:
    pace, now, let_through = Pace(burst, rate), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait_seconds(now)
        let_through.append(now)
    for first, start in enumerate(let_through):
        for last in range(first, len(let_through)):
            seconds = let_through[last] - start
            assert last - first + 1 <= burst + 1 + rate * seconds + 1e-6
