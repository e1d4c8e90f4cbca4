"""How this place is talked to."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.model import Button, Millis, Phrase, Reply, TimeOfDay
from appliance.core.place_settings import TOKEN, Change, NoQuietHours, Zone, shown_hours, words_for
from appliance.core.preferences import Language, Preferences, QuietHours, Verbosity
from appliance.core.words import Words, phrase, say

LANGUAGES = {Language.ENGLISH: "English", Language.GERMAN: "Deutsch"}
"""In their own words: who cannot read ours finds theirs."""

ZONES = (
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "UTC",
)
NIGHT = QuietHours(22 * 60, 7 * 60)

_VERBOSITIES = {
    Verbosity.QUIET: phrase("answers only"),
    Verbosity.NORMAL: phrase("answers, and what it does now"),
    Verbosity.FULL: phrase("answers, and every step"),
}


def settings(preferences: Preferences, language: Language, zone: str, now: Millis) -> Reply:
    """`language` and `zone` are those that hold, whoever has said so."""
    words = Words().bold("Settings of this conversation")
    words.line("Language: {language}", language=LANGUAGES[language])
    words.line("Time zone: {zone}, {time} now", zone=zone, time=TimeOfDay(now))
    words.line("Of jobs: {verbosity}", verbosity=_VERBOSITIES[preferences.verbosity])
    hours = preferences.quiet_hours
    if hours is None:
        words.line("Quiet hours: none")
    else:
        words.line("Quiet hours: {hours}", hours=shown_hours(hours))
    nights: dict[Change, Phrase] = {
        NIGHT: phrase("Quiet {hours}", hours=shown_hours(NIGHT)),
        NoQuietHours(): phrase("Never quiet"),
    }
    return words.reply(
        [_choice(each, name, each is language) for each, name in LANGUAGES.items()],
        [_choice(each, name, each is preferences.verbosity) for each, name in _SHORT.items()],
        [_choice(each, name, each == (hours or NoQuietHours())) for each, name in nights.items()],
        [Button(phrase("Time zone"), f"{TOKEN}zone")],
    )


_SHORT = {
    Verbosity.QUIET: phrase("Answers"),
    Verbosity.NORMAL: phrase("Normal"),
    Verbosity.FULL: phrase("Every step"),
}


def zones(current: str) -> Reply:
    """Some to choose from; any other can be typed."""
    words = Words().bold("Time zone: ").plain(phrase("{zone}", zone=current))
    words.line("Any other: /settings zone Europe/Madrid")
    buttons = [_choice(Zone(name), name, name == current) for name in ZONES]
    rows: list[Sequence[Button]] = [buttons[at : at + 2] for at in range(0, len(buttons), 2)]
    machines = _choice(Zone(""), phrase("As the machine"), is_so=False)
    return words.reply(*rows, [machines])


def no_such_zone(name: str) -> Reply:
    return say("There is no time zone {name}. It has a name such as Europe/Berlin.", name=name)


def nothing_more() -> Reply:
    return say("There is nothing more of that.")


def the_whole() -> Reply:
    return say("All of it, as a file.")


def _choice(change: Change, name: str | Phrase, is_so: bool) -> Button:
    label = phrase("✓ {name}", name=name) if is_so else name
    return Button(label, f"{TOKEN}{words_for(change)}")
