"""How a place wants to be talked to: language, times, how much, and when not to ring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from appliance.core.model import Millis

DAY_MINUTES = 24 * 60


class Language(StrEnum):
    ENGLISH = "en"
    GERMAN = "de"


def spoken(language: str) -> Language | None:
    """Ours for what a program calls its language, as "de-at"; None: we do not speak it."""
    first = language.partition("-")[0].casefold()
    return next((ours for ours in Language if ours == first), None)


class Verbosity(StrEnum):
    """What is said of a running job."""

    QUIET = "quiet"  # its answer only
    NORMAL = "normal"  # and one live message
    FULL = "full"  # and every step the agent names on the way


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes of the local day; past midnight when `until` is the smaller one."""

    since: int
    until: int


def quiet_since(hours: QuietHours, at: Millis, zone: tzinfo) -> Millis | None:
    """When the quiet hours began that it is now; None: it is not quiet."""
    local = datetime.fromtimestamp(at / 1000, zone)
    minute = local.hour * 60 + local.minute
    length = (hours.until - hours.since) % DAY_MINUTES
    gone = (minute - hours.since) % DAY_MINUTES
    if gone >= length:
        return None
    began = local.replace(second=0, microsecond=0) - timedelta(minutes=gone)
    return Millis(round(began.timestamp() * 1000))


@dataclass(frozen=True, slots=True)
class Preferences:
    """`language` and `zone` (an IANA name): None and "" where nobody has said anything."""

    language: Language | None = None
    zone: str = ""
    verbosity: Verbosity = Verbosity.NORMAL
    quiet_hours: QuietHours | None = None
