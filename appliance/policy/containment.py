"""Whether everything that one pattern or rule covers is covered by another: decided exactly.

Globs with nothing but `*` make this decidable. Take a sign that stands in no pattern and put it
for each `*` of the inner glob: only a `*` can take it in, so the outer glob covers all of the
inner one exactly when it covers this one text. The same holds for alternatives one by one, for
words one by one, and, with a step for each segment, for paths.
"""

from __future__ import annotations

import re
from functools import lru_cache

from appliance.policy.patterns import EVERYTHING, PATH_ACTS, WORD_GAP, within
from appliance.policy.rules import PolicyRule
from appliance.policy.when import When

FRESH = "\x00"
"""In no pattern: a file with it is refused."""


@lru_cache(maxsize=65_536)
def covers(act: str, outer: str, inner: str) -> bool:
    """Whether every object that `inner` covers is covered by `outer`."""
    if outer == inner:
        return True
    if act in PATH_ACTS:
        return _covers_path(tuple(outer.split("/")[1:]), tuple(inner.split("/")[1:]))
    return _covers_words(outer, inner)


def covers_place(outer: str, inner: str) -> bool:
    """The same for the places of rules: "*", a directory, "DIRECTORY/**"."""
    if outer in ("*", inner):
        return True
    return inner != "*" and outer.endswith("/**") and within(inner.removesuffix("/**"), outer)


def covers_when(outer: When, inner: When) -> bool:
    """Whether the outer conditions hold whenever the inner ones do. False also where unsure."""
    return (
        _covers_hours(outer, inner)
        and (outer.days is None or (inner.days is not None and inner.days <= outer.days))
        and (outer.until is None or (inner.until is not None and inner.until <= outer.until))
        and (outer.via is None or (inner.via is not None and inner.via <= outer.via))
    )


def covers_rule(outer: PolicyRule, inner: PolicyRule) -> bool:
    """Whether one rule speaks of all that another speaks of, whoever asks, whenever."""
    return (
        outer.act is inner.act
        and covers_place(outer.where, inner.where)
        and covers(outer.act, outer.pattern, inner.pattern)
    )


def _covers_hours(outer: When, inner: When) -> bool:
    if outer.hours is None or outer.hours == inner.hours:
        return True
    if inner.hours is None or outer.hours[0] > outer.hours[1] or inner.hours[0] > inner.hours[1]:
        return False  # nights belong to the day before: only the same night is surely covered
    return outer.hours[0] <= inner.hours[0] and inner.hours[1] <= outer.hours[1]


# --- words


def _covers_words(outer: str, inner: str) -> bool:
    if outer in (EVERYTHING, f"* {EVERYTHING}"):
        return True
    if inner in (EVERYTHING, f"* {EVERYTHING}"):
        return False
    wide, narrow = outer.split(WORD_GAP), inner.split(WORD_GAP)
    is_open, is_inner_open = wide[-1] == EVERYTHING, narrow[-1] == EVERYTHING
    wide, narrow = wide[: len(wide) - is_open], narrow[: len(narrow) - is_inner_open]
    if len(wide) > len(narrow) or (not is_open and (is_inner_open or len(wide) < len(narrow))):
        return False
    return all(_covers_word(a, b) for a, b in zip(wide, narrow, strict=False))


@lru_cache(maxsize=65_536)
def _covers_word(outer: str, inner: str) -> bool:
    """Alternatives of globs: each inner one must be covered by a single outer one."""
    globs = outer.split("|")
    return outer in ("*", inner) or all(
        part in globs or any(_covers_glob(glob, part) for glob in globs)
        for part in inner.split("|")
    )


@lru_cache(maxsize=65_536)
def _covers_glob(outer: str, inner: str) -> bool:
    if "*" not in outer:
        return outer == inner
    expression = ".*".join(map(re.escape, outer.split("*")))
    return re.fullmatch(expression, inner.replace("*", FRESH), re.DOTALL) is not None


# --- paths


def _covers_path(outer: tuple[str, ...], inner: tuple[str, ...]) -> bool:
    """Follows all texts of `inner` through `outer`, in which several places can be reached."""
    todo = [(0, _closed(outer, frozenset({0})))]
    seen = set(todo)
    while todo:
        at, places = todo.pop()
        if at == len(inner):
            if len(outer) not in places:
                return False
            continue
        if inner[at] == EVERYTHING:  # no segment, or one that only * and ** take in, and again
            reached = [(at + 1, places), (at, _step(outer, places, FRESH))]
        else:
            reached = [(at + 1, _step(outer, places, inner[at]))]
        for state in reached:
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return True


def _step(outer: tuple[str, ...], places: frozenset[int], segment: str) -> frozenset[int]:
    found = set()
    for place in places:
        if place < len(outer):
            if outer[place] == EVERYTHING:
                found.add(place)
            elif _covers_glob(outer[place], segment):
                found.add(place + 1)
    return _closed(outer, frozenset(found))


def _closed(outer: tuple[str, ...], places: frozenset[int]) -> frozenset[int]:
    """With the places behind each `**`, which may stand for nothing."""
    found = set(places)
    for place in sorted(places):
        while place < len(outer) and outer[place] == EVERYTHING:
            place += 1
            found.add(place)
    return frozenset(found)


# --- one text for a pattern


def generic(act: str, pattern: str) -> str:
    """The shortest text of a pattern that only wider ones cover, too: a probe."""
    if act in PATH_ACTS:
        segments = [part.replace("*", FRESH) for part in pattern.split("/") if part != EVERYTHING]
        return "/".join(segments) or "/"
    words = [word.split("|")[0].replace("*", FRESH) for word in pattern.split(WORD_GAP)]
    return WORD_GAP.join(words[:-1] if pattern.endswith(EVERYTHING) else words)
