"""The last column of a rule: by= ttl= job fallback rate= hours= days= until= via=

An option that a rule's effect has no use for is refused: a limit that is not kept would be a
false hope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

from appliance.core.model import Platform, Rate
from appliance.core.toml import nearest
from appliance.policy.when import ALWAYS, DAYS, When

DEFAULT_TTL_SECONDS = 600
MIN_TTL_SECONDS, MAX_TTL_SECONDS = 10, 24 * 60 * 60
MAX_PEOPLE = 9

SECONDS = {
    "s": 1, "m": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400,
}  # fmt: skip

_TIMES = ("hours", "days", "until", "via")
_FOR = {
    "approve": ("by", "ttl", "job", "fallback", "rate", *_TIMES),
    "allow": ("rate", *_TIMES),
    "deny": _TIMES,
}
_FLAGS = ("job", "fallback")


@dataclass(frozen=True, slots=True)
class Options:
    """What the last column says; what it does not say is as without it."""

    by: tuple[str, ...] = ()
    people: int = 1
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    job_wide: bool = False
    is_fallback: bool = False
    rate: Rate | None = None
    when: When = ALWAYS


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and with which word of the column."""

    word: str
    what: str


class _Wrong(Exception):
    """The value of an option is not understood; the message says what to write."""


def parse(text: str, effect: str) -> tuple[Options, tuple[Mistake, ...]]:
    """The options of a rule with this effect. With mistakes they must not be used."""
    options, mistakes, seen = Options(), [], set[str]()
    for word in text.split():
        key, has_value, value = word.partition("=")
        if what := _misplaced(word, key, effect, seen):
            mistakes.append(Mistake(word, what))
            continue
        seen.add(key)
        try:
            options = _OPTIONS[key](options, value if has_value else "")
        except _Wrong as wrong:
            mistakes.append(Mistake(word, f'"{word}": {wrong}'))
    return options, tuple(mistakes)


def unknown_roles(options: Options, roles: Collection[str]) -> list[Mistake]:
    """Who is to approve, but is nobody's role."""
    return [
        Mistake(role, f'"by": nobody has a role called "{role}"{nearest(role, roles)}')
        for role in options.by
        if role not in roles
    ]


def _misplaced(word: str, key: str, effect: str, seen: set[str]) -> str:
    known = _FOR.get(effect, _FOR["approve"])
    if key not in _OPTIONS or ("=" in word) == (key in _FLAGS):
        near = nearest(key, _OPTIONS) if key not in _OPTIONS else f", write {_example(key)}"
        return f'unknown option "{word}"{near or ", write one of: " + ", ".join(known)}'
    if key not in known:
        fits = " and ".join(e for e, keys in _FOR.items() if key in keys)
        return f'"{word}" only goes with {fits}, not with {effect}'
    if word.endswith(","):
        return f'"{word}": options are separated by blanks, not by commas'
    return f'the option "{key}" stands twice' if key in seen else ""


def _example(key: str) -> str:
    return {
        "by": "by=ROLE", "ttl": "ttl=10m", "rate": "rate=60/h", "hours": "hours=09:00-17:00",
        "days": "days=mon-fri", "until": "until=2030-01-31", "via": "via=telegram",
    }.get(key, key)  # fmt: skip


def rate(value: str) -> Rate | None:
    """ "60/h" → 60 in 3,600 seconds; None: not understood."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})/([a-z]+)", value, re.ASCII)
    if not found or found[2] not in SECONDS:
        return None
    return Rate(int(found[1]), SECONDS[found[2]])


def _by(options: Options, value: str) -> Options:
    found = re.fullmatch(rf"([^*]+?)(?:\*([2-{MAX_PEOPLE}]))?", value)
    if not found or "" in found[1].split("|"):
        raise _Wrong("write by=ROLE, by=ROLE|ROLE, or by=ROLE*2 for two different people")
    roles = tuple(dict.fromkeys(found[1].split("|")))
    return replace(options, by=roles, people=int(found[2] or 1))


def _ttl(options: Options, value: str) -> Options:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", value, re.ASCII)
    seconds = int(found[1]) * SECONDS[found[2]] if found else 0
    if not MIN_TTL_SECONDS <= seconds <= MAX_TTL_SECONDS:
        raise _Wrong("write a time from 10s to 24h, such as ttl=10m")
    return replace(options, ttl_seconds=seconds)


def _rate(options: Options, value: str) -> Options:
    found = rate(value)
    if found is None:
        raise _Wrong("write a number for a time, such as rate=60/h (s, m, h or d)")
    return replace(options, rate=found)


def _hours(options: Options, value: str) -> Options:
    clock = r"([01][0-9]|2[0-4]):([0-5][0-9])"
    found = re.fullmatch(f"{clock}-{clock}", value, re.ASCII)
    first, last = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3)) if found else (0, 0)
    if first == last or first >= 24 * 60 or last > 24 * 60:
        raise _Wrong("write from and to, such as hours=09:00-17:00 or hours=22:00-06:00")
    return replace(options, when=replace(options.when, hours=(first, last)))


def _days(options: Options, value: str) -> Options:
    days: set[int] = set()
    for part in value.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not set(ends) <= set(DAYS):
            wrong = next((end for end in ends if end not in DAYS), part)
            near = nearest(wrong, DAYS)
            raise _Wrong(f"write days such as days=mon-fri,sun (mon tue wed thu fri sat sun){near}")
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        days |= {day % 7 for day in range(first, last + 1 if last >= first else last + 8)}
    return replace(options, when=replace(options.when, days=frozenset(days)))


def _until(options: Options, value: str) -> Options:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            raise ValueError(value)
        last = date.fromisoformat(value)
    except ValueError as error:
        raise _Wrong("write the last day, such as until=2030-01-31") from error
    return replace(options, when=replace(options.when, until=last))


def _via(options: Options, value: str) -> Options:
    words = value.split("|")
    known = tuple(platform.value for platform in Platform)
    for word in words:
        if word not in known:
            near = nearest(word, known)
            raise _Wrong(
                f'no chat is called "{word}"{near or ", write one of: " + ", ".join(known)}'
            )
    return replace(options, when=replace(options.when, via=frozenset(map(Platform, words))))


_OPTIONS: Mapping[str, Callable[[Options, str], Options]] = {
    "by": _by,
    "ttl": _ttl,
    "job": lambda options, _: replace(options, job_wide=True),
    "fallback": lambda options, _: replace(options, is_fallback=True),
    "rate": _rate,
    "hours": _hours,
    "days": _days,
    "until": _until,
    "via": _via,
}
