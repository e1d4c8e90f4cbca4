"""How a place wants to be talked to: language, times, how much, and when not to ring."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    ENGLISH = "en"
    GERMAN = "de"


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


@dataclass(frozen=True, slots=True)
class Preferences:
    """`language` and `zone` (an IANA name): None and "" where nobody has said anything."""

    language: Language | None = None
    zone: str = ""
    verbosity: Verbosity = Verbosity.NORMAL
    quiet_hours: QuietHours | None = None
