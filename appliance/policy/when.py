"""When a rule counts: at which hours, on which days, until when, and from which chat.

Hours and days are those of the machine's own time zone, because people write them for the place
where they work. A night such as 22:00-06:00 belongs to the day on which it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from appliance.core.model import Millis, Platform

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule, all of which must hold. None: no such condition.

    `hours` is from and to in minutes of the day, "from" included; `days` counts from Monday, 0;
    `until` is the last day.
    """

    hours: tuple[int, int] | None = None
    days: frozenset[int] | None = None
    until: date | None = None
    via: frozenset[Platform] | None = None

    def __str__(self) -> str:
        """ "09:00-17:00 on mon-fri until 2030-01-31 from web"; "" when it always holds."""
        words = [
            "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in self.hours or ()),
            f"on {_days_in_words(self.days)}" if self.days is not None else "",
            f"until {self.until}" if self.until is not None else "",
            f"from {' or '.join(sorted(self.via))}" if self.via is not None else "",
        ]
        return " ".join(filter(None, words))

    @property
    def needs_time(self) -> bool:
        return not (self.hours is None and self.days is None and self.until is None)

    def holds(self, at: Millis, via: Platform, *, unknown: bool = False) -> bool:
        """Whether all of it is true. `unknown` is the answer where `at` is 0 and would matter."""
        if self.via is not None and via not in self.via:
            return False
        if not self.needs_time:
            return True
        if at == 0:
            return unknown
        now = datetime.fromtimestamp(at / 1000, UTC).astimezone()
        return (self.until is None or now.date() <= self.until) and self._is_in_hours(now)

    def _is_in_hours(self, now: datetime) -> bool:
        first, last = self.hours or (0, 24 * 60)
        minute, day = now.hour * 60 + now.minute, now.date()
        if first < last:
            is_open = first <= minute < last
        else:
            is_open = minute >= first or minute < last
            if minute < last:
                day -= timedelta(days=1)
        return is_open and (self.days is None or day.weekday() in self.days)


def _days_in_words(days: frozenset[int]) -> str:
    """ "mon-fri,sun": three and more in a row by the first and the last."""
    runs: list[list[str]] = [[]]
    for number, day in enumerate(DAYS):
        if number in days:
            runs[-1].append(day)
        else:
            runs.append([])
    return ",".join(f"{r[0]}-{r[-1]}" if len(r) > 2 else ",".join(r) for r in runs if r)


ALWAYS = When()
