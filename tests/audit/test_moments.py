from __future__ import annotations

import pytest

from appliance.audit.moments import day_and_time, utc
from appliance.core.model import Millis


def test_moments_have_milliseconds() -> None:
    assert utc(Millis(1_800_000_000_007)) == "2027-01-15T08:00:00.007Z"
    assert utc(Millis(-1)) == "1969-12-31T23:59:59.999Z"


def test_people_see_day_and_time() -> None:
    assert day_and_time(Millis(1_800_000_000_007)) == "2027-01-15 08:00:00"


@pytest.mark.parametrize("time", [2**53 - 1, -(2**53) + 1])
def test_a_time_in_no_calendar_is_its_number(time: int) -> None:
    assert utc(Millis(time)) == day_and_time(Millis(time)) == f"{time} ms"
