from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.core.model import Millis
from appliance.core.preferences import QuietHours, quiet_since

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(since=22 * 60 + 30, until=7 * 60)
LUNCH = QuietHours(since=12 * 60, until=13 * 60)


def at(day: int, hour: int, minute: int = 0) -> Millis:
    moment = datetime(2026, 1, day, hour, minute, tzinfo=BERLIN)
    return Millis(int(moment.timestamp()) * 1000)


@pytest.mark.parametrize(
    ("hours", "now", "since"),
    [
        (NIGHT, at(10, 22, 29), None),
        (NIGHT, at(10, 22, 30), at(10, 22, 30)),
        (NIGHT, at(11, 6, 59), at(10, 22, 30)),
        (NIGHT, at(11, 7), None),
        (LUNCH, at(10, 12, 59), at(10, 12)),
        (LUNCH, at(10, 13), None),
        (LUNCH, at(10, 23), None),
        (QuietHours(60, 60), at(10, 1), None),
    ],
)
def test_quiet_hours_are_of_the_local_day_and_may_pass_midnight(
    hours: QuietHours, now: Millis, since: Millis | None
) -> None:
    assert quiet_since(hours, now, BERLIN) == since
