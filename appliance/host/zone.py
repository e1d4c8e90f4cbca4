"""The time zone of this machine."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, tzinfo

_ZERO = timedelta()


class MachineZone(tzinfo):
    """As its clocks show, summer time included; follows the machine when that is moved."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        if moment is None:
            return _ZERO
        # a wall clock's time, which mktime reads by the zone of the machine
        seconds = time.mktime((*moment.timetuple()[:8], -1))
        return timedelta(seconds=time.localtime(seconds).tm_gmtoff)

    def dst(self, moment: datetime | None) -> timedelta:
        return _ZERO

    def tzname(self, moment: datetime | None) -> str:
        return time.tzname[0] if moment is None else _name(moment)

    def fromutc(self, moment: datetime) -> datetime:
        seconds = (moment.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001
        return moment + timedelta(seconds=time.localtime(seconds).tm_gmtoff)

    def __str__(self) -> str:
        return time.tzname[0]


def _name(moment: datetime) -> str:
    is_summer = time.localtime(time.mktime((*moment.timetuple()[:8], -1))).tm_isdst > 0
    return time.tzname[1 if is_summer else 0]
