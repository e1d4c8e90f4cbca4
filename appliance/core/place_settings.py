"""How a place is talked to: what people may set there with /settings, typed or by buttons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.model import Phrase
from appliance.core.preferences import Language, QuietHours, Verbosity
from appliance.core.words import phrase

TOKEN = "set:"  # noqa: S105 (of a button)
"""A button: the rest is what one could type behind /settings."""

_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")
_HOURS = re.compile(r"([01]?\d|2[0-3])(?::([0-5]\d))?\s*[-–]\s*([01]?\d|2[0-3])(?::([0-5]\d))?")  # noqa: RUF001


class Page(StrEnum):
    """What /settings shows: how it is, or which zones there are to choose from."""

    ALL = ""
    ZONES = "zone"


@dataclass(frozen=True, slots=True)
class ShowSettings:
    page: Page = Page.ALL


@dataclass(frozen=True, slots=True)
class NoQuietHours:
    """Every hour may ring."""


@dataclass(frozen=True, slots=True)
class Zone:
    """An IANA name, not known to exist yet; "": that of the machine."""

    name: str


Change = Language | Zone | Verbosity | QuietHours | NoQuietHours


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    change: Change


def pressed(token: str) -> ShowSettings | ChangeSettings | None:
    """The command of one of our buttons; None: another's."""
    if not token.startswith(TOKEN):
        return None
    command = read(token.removeprefix(TOKEN))
    return None if isinstance(command, Phrase) else command


def read(text: str) -> ShowSettings | ChangeSettings | Phrase:
    """What stands behind /settings; a phrase says what is wrong with it."""
    name, _, value = text.strip().partition(" ")
    value = value.strip()
    match name.casefold():
        case "":
            return ShowSettings()
        case "language":
            return _language(value)
        case "zone":
            return _zone(value)
        case "jobs":
            return _verbosity(value)
        case "quiet":
            return _quiet(value)
        case _:
            return phrase("Set what? Write: /settings language, zone, jobs or quiet")


def typed(command: ShowSettings | ChangeSettings) -> str:
    """What to write for it."""
    if isinstance(command, ShowSettings):
        return f"/settings {command.page}".rstrip()
    return f"/settings {words_for(command.change)}"


def words_for(change: Change) -> str:
    match change:
        case Language():
            return f"language {change}"
        case Zone(name=name):
            return f"zone {name or 'host'}"
        case Verbosity():
            return f"jobs {change}"
        case QuietHours():
            return f"quiet {shown_hours(change)}"
        case NoQuietHours():
            return "quiet off"


def shown_hours(hours: QuietHours) -> str:
    """ "22:00-07:00"."""
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (hours.since, hours.until))


def _language(value: str) -> ChangeSettings | Phrase:
    if value.casefold() in list(Language):
        return ChangeSettings(Language(value.casefold()))
    return phrase("Which language? Write: /settings language en, or de")


def _zone(value: str) -> ShowSettings | ChangeSettings | Phrase:
    if not value:
        return ShowSettings(Page.ZONES)
    if value.casefold() == "host":
        return ChangeSettings(Zone(""))
    if _ZONE.fullmatch(value):
        return ChangeSettings(Zone(value))
    return phrase("A time zone has a name such as Europe/Berlin.")


def _verbosity(value: str) -> ChangeSettings | Phrase:
    if value.casefold() in list(Verbosity):
        return ChangeSettings(Verbosity(value.casefold()))
    return phrase("How much of jobs? Write: /settings jobs quiet, normal or full")


def _quiet(value: str) -> ChangeSettings | Phrase:
    if value.casefold() == "off":
        return ChangeSettings(NoQuietHours())
    if (found := _HOURS.fullmatch(value)) is None:
        return phrase("When is it quiet? Write: /settings quiet 22:00-07:00, or off")
    since, until = (int(found[k]) * 60 + int(found[k + 1] or 0) for k in (1, 3))
    if since == until:
        return phrase("Quiet hours must begin and end at different times.")
    return ChangeSettings(QuietHours(since, until))
