from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.host.zone import MachineZone

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True, scope="module")
def _in_berlin() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@given(st.integers(1_600_000_000, 2_000_000_000))
def test_it_shows_what_the_clocks_of_the_machine_show(seconds: int) -> None:
    local = datetime.fromtimestamp(seconds, MachineZone())
    assert local.replace(tzinfo=None) == datetime.fromtimestamp(seconds, BERLIN).replace(
        tzinfo=None
    )


def test_it_knows_summer_time() -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=MachineZone())
    winter = datetime(2026, 1, 1, 12, tzinfo=MachineZone())
    assert (summer.utcoffset(), winter.utcoffset()) == (timedelta(hours=2), timedelta(hours=1))
    assert summer.astimezone(UTC).hour == 10
