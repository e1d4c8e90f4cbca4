"""Whether the machine has to stay awake: what for, and until when.

Jobs keep it awake from the moment they are let in, waiting for an approval included, and for a
minute after the last one, because the next message often follows the answer. Besides, somebody
may ask for it for some hours. A battery that runs low ends both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from appliance.core.jobs import UNFINISHED, Job, State
from appliance.core.model import JobId, Millis, Place, UserName

LINGER_SECONDS = 60.0
LONGEST_SESSION_HOURS = 8
MAX_NAMED_JOBS = 5

_LONGEST_SESSION = LONGEST_SESSION_HOURS * 3_600_000
_KEEPING = UNFINISHED - {State.RECEIVED}  # that one may still be refused


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody wants the machine awake until then, and said so in this place."""

    until: Millis
    user: UserName
    place: Place


@dataclass(frozen=True, slots=True)
class Battery:
    """How full it is, and whether the machine hangs on a plug."""

    percent: int
    is_plugged: bool


@dataclass(frozen=True, slots=True)
class Need:
    """Why the machine has to stay awake, in words for people.

    `seconds`: after that it may be otherwise without anything happening; None: it cannot.
    """

    why: str
    seconds: float | None


def keeping(unfinished: Iterable[Job]) -> tuple[Job, ...]:
    """The jobs for which the machine stays awake: all that were let in."""
    return tuple(job for job in unfinished if job.state in _KEEPING)


def need(
    jobs: Sequence[JobId], idle_seconds: float, session: Session | None, now: Millis
) -> Need | None:
    """What the machine has to stay awake for; None: it may sleep.

    `idle_seconds` is how long there has been no job.
    """
    linger = 0.0 if jobs else max(0.0, LINGER_SECONDS - idle_seconds)
    asked = seconds_left(session, now)
    reasons = []
    if jobs:
        reasons.append(named(jobs))
    if linger:
        reasons.append("a job has just ended")
    if session is not None and asked:
        reasons.append(f"until {time_of_day(session.until)} for {session.user}")
    ends = [seconds for seconds in (linger, asked) if seconds]
    return Need("; ".join(reasons), min(ends, default=None)) if reasons else None


def seconds_left(session: Session | None, now: Millis) -> float:
    """How long the session goes on.

    One that would last longer than any may is over: since it was asked for, the clock was set back.
    """
    if session is None or not 0 < session.until - now <= _LONGEST_SESSION:
        return 0.0
    return (session.until - now) / 1000


def spares(battery: Battery | None, lowest_percent: int, *, has_spared: bool) -> bool:
    """Whether the machine may sleep, whatever there is to do, because its battery runs low.

    Once it does, only a plug changes that: a charge that wavers is no reason to waver.
    """
    if battery is None or battery.is_plugged:
        return False
    return has_spared or battery.percent <= lowest_percent


def named(jobs: Sequence[JobId]) -> str:
    """ "job 12", "jobs 12, 13", "jobs 1, 2, 3, 4, 5 and 2 more"."""
    numbers = ", ".join(map(str, jobs[:MAX_NAMED_JOBS]))
    more = f" and {len(jobs) - MAX_NAMED_JOBS} more" if len(jobs) > MAX_NAMED_JOBS else ""
    return f"{'job' if len(jobs) == 1 else 'jobs'} {numbers}{more}"


# --- what people ask for


@dataclass(frozen=True, slots=True)
class For:
    minutes: int


@dataclass(frozen=True, slots=True)
class Until:
    """The next time that clocks here show this minute of the day."""

    minute: int


@dataclass(frozen=True, slots=True)
class Off:
    """Only jobs keep the machine awake again."""


HowLong = For | Until | Off

_DURATION = re.compile(r"(?:(\d{1,3})\s*h)?\s*(?:(\d{1,4})\s*(?:m|min))?")
_TIME = re.compile(r"until\s+([01]?\d|2[0-3]):([0-5]\d)")


def how_long(text: str) -> HowLong | None:
    """What "8h", "1h30m", "90 min", "until 18:00" or "off" means; None: nothing we know."""
    text = text.strip().casefold()
    if text == "off":
        return Off()
    if found := _TIME.fullmatch(text):
        return Until(int(found[1]) * 60 + int(found[2]))
    found = _DURATION.fullmatch(text)
    minutes = int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
    return For(minutes) if minutes else None


def end_of(how_long: For | Until, now: Millis) -> Millis:
    """The moment until which the machine is to stay awake, by the machine's own time zone."""
    if isinstance(how_long, For):
        return Millis(now + how_long.minutes * 60_000)
    today = _here(now).date()
    for day in (today, today + timedelta(days=1)):
        hour, minute = divmod(how_long.minute, 60)
        # made anew for each day, because the distance to UTC may change in between
        until = Millis(int(datetime.combine(day, time(hour, minute)).timestamp()) * 1000)
        if until > now:
            return until
    raise AssertionError("tomorrow is later than now")


def is_too_long(until: Millis, now: Millis) -> bool:
    return until - now > _LONGEST_SESSION


def time_of_day(moment: Millis) -> str:
    """ "18:00", by the machine's own time zone."""
    return f"{_here(moment):%H:%M}"


def _here(moment: Millis) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC).astimezone()
