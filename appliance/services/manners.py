"""How each place is talked to: its language and its clocks, by what was said there or settled.

What was set in a place goes first, then what the settings file says of the user whose place it
is, then English and the machine's own time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from zoneinfo import ZoneInfo

from appliance.core.languages import SENTENCES
from appliance.core.model import Catalogue, Message, Place, Platform, Reply, UserName
from appliance.core.pairing import account_of, is_private
from appliance.core.place_settings import (
    Change,
    ChangeSettings,
    NoQuietHours,
    Page,
    ShowSettings,
    Zone,
)
from appliance.core.preferences import Language, Preferences, QuietHours, Verbosity, spoken
from appliance.core.replies import about_settings
from appliance.ports import Clock, State
from appliance.services.people import People


@dataclass(frozen=True, slots=True)
class Habit:
    """What the settings file says of a user: None and "" where it says nothing."""

    language: Language | None = None
    zone: str = ""


class Manners:
    """`machine` is the machine's own time zone, `machine_zone` its name for people."""

    def __init__(
        self,
        state: State,
        people: People,
        habits: Mapping[UserName, Habit],
        machine: tzinfo,
        clock: Clock,
    ) -> None:
        self._state = state
        self._people = people
        self._habits = habits
        self._machine = machine
        self._clock = clock

    def catalogue(self, place: Place) -> Catalogue:
        """Our sentences and clocks for this place."""
        language, zone = self._of(place)
        known = zone_named(zone) if zone else None
        return Catalogue(SENTENCES[language], known or self._machine)

    def language(self, place: Place, of_program: str) -> Language:
        """What is spoken there; where nobody has said, what their program speaks, if we can."""
        said = self._state.preferences(place).language or self._habit(place).language
        return said or spoken(of_program) or Language.ENGLISH

    def meet(self, message: Message) -> None:
        """At first contact in private, talk as their platform does, if we can.

        Inside the transaction that stores the message.
        """
        if not message.language or not is_private(message):
            return
        language = spoken(message.language)
        known = self._state.preferences(message.place)
        is_said = known.language or self._habit(message.place).language
        if is_said is None and language is not None:
            self._state.save_preferences(message.place, replace(known, language=language))

    def follow(self, command: ShowSettings | ChangeSettings, place: Place) -> Reply:
        """Show the settings of a place, or change one and show them. Inside a transaction."""
        if isinstance(command, ChangeSettings):
            change = command.change
            if isinstance(change, Zone) and change.name and zone_named(change.name) is None:
                return about_settings.no_such_zone(change.name)
            changed = _changed(self._state.preferences(place), change)
            self._state.save_preferences(place, changed)
        elif command.page is Page.ZONES:
            return about_settings.zones(self._zone_name(place))
        language, _ = self._of(place)
        return about_settings.settings(
            self._state.preferences(place), language, self._zone_name(place), self._clock.now()
        )

    def _of(self, place: Place) -> tuple[Language, str]:
        said, habit = self._state.preferences(place), self._habit(place)
        return said.language or habit.language or Language.ENGLISH, said.zone or habit.zone

    def _zone_name(self, place: Place) -> str:
        return self._of(place)[1] or str(self._machine)

    def _habit(self, place: Place) -> Habit:
        if place.platform is Platform.WEB:
            user: UserName | None = UserName(place.chat)
        else:
            account = account_of(place)
            user = self._people.name_of(account) if account else None
        return self._habits.get(user, Habit()) if user else Habit()


def zone_named(name: str) -> ZoneInfo | None:
    """The IANA time zone of this name; None: there is none on this machine."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _changed(preferences: Preferences, change: Change) -> Preferences:
    match change:
        case Language():
            return replace(preferences, language=change)
        case Zone(name=name):
            return replace(preferences, zone=name)
        case Verbosity():
            return replace(preferences, verbosity=change)
        case QuietHours():
            return replace(preferences, quiet_hours=change)
        case NoQuietHours():
            return replace(preferences, quiet_hours=None)
