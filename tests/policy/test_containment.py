"""Containment is exact: what it says holds for every text, and what it denies has a witness."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.model import Platform
from appliance.policy.containment import FRESH, covers, covers_place, covers_when, generic
from appliance.policy.patterns import matches, object_keys, pattern_keys
from appliance.policy.when import ALWAYS, When

_parts = st.sampled_from(["a", "ab", "b", "*", "a*", "*b", "a*b", "a|b", "ab|b*", "*a*"])
_words = st.lists(_parts, max_size=3).flatmap(
    lambda words: st.sampled_from([" ".join(words) or "**", " ".join([*words, "**"])])
)
_segments = st.sampled_from(["a", "b", "ab", "*", "**", "a*", "*b"])
_paths = st.lists(_segments, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


def _lines(pattern: str) -> list[str]:
    """What a pattern of words covers, with a sign of no pattern for each `*`."""
    words = pattern.split(" ")
    choices = [word.replace("*", FRESH).split("|") for word in words if word != "**"]
    tails = [[FRESH] * count for count in range(5)] if words[-1] == "**" else [[]]
    return [" ".join([*chosen, *tail]) for chosen in product(*choices) for tail in tails]


def _paths_of(pattern: str) -> list[str]:
    choices = [
        [[FRESH] * count for count in range(5)] if part == "**" else [[part.replace("*", FRESH)]]
        for part in pattern.split("/")[1:]
    ]
    return ["".join(f"/{part}" for parts in c for part in parts) for c in product(*choices)]


@settings(max_examples=300, deadline=None)
@given(_words, _words)
def test_words_are_covered_exactly_when_every_line_is(outer: str, inner: str) -> None:
    lines = _lines(inner)
    assert all(matches("bash", line, inner) for line in lines)
    assert covers("bash", outer, inner) == all(matches("bash", line, outer) for line in lines)


@settings(max_examples=300, deadline=None)
@given(_paths, _paths)
def test_paths_are_covered_exactly_when_every_path_is(outer: str, inner: str) -> None:
    assert covers("read", outer, inner) == all(
        matches("read", path, outer) for path in _paths_of(inner)
    )


@given(st.sampled_from(["bash", "read"]), st.data())
def test_whatever_covers_a_pattern_is_found_under_the_keys_of_its_generic_text(
    act: str, data: st.DataObject
) -> None:
    patterns = _words if act == "bash" else _paths
    outer, inner = data.draw(patterns), data.draw(patterns)
    if covers(act, outer, inner):
        keys = set(pattern_keys(act, outer))
        assert keys & set(object_keys(act, generic(act, inner)))


@pytest.mark.parametrize(
    ("outer", "inner", "covered"),
    [
        ("/a/**", "/a/b/*", True),
        ("/a/*/**", "/a/**", False),
        ("/**/b", "/a/**/b", True),
        ("/a/*", "/a/**", False),
        ("/**/*/**", "/a/**", True),
    ],
)
def test_paths_with_two_kinds_of_wildcards(outer: str, inner: str, covered: bool) -> None:
    assert covers("read", outer, inner) is covered


def test_places_are_directories() -> None:
    assert covers_place("*", "/srv/a/**")
    assert covers_place("/srv/**", "/srv/a")
    assert covers_place("/srv/a/**", "/srv/a")
    assert not covers_place("/srv/a", "/srv/a/**")
    assert not covers_place("/srv/a/**", "/srv/ab")
    assert not covers_place("/srv/**", "*")


def test_times_cover_what_lies_within() -> None:
    day = When(hours=(540, 1020), days=frozenset({0, 1, 2}))
    assert covers_when(ALWAYS, day)
    assert covers_when(day, When(hours=(600, 660), days=frozenset({1})))
    assert not covers_when(day, ALWAYS)
    assert not covers_when(day, When(hours=(480, 660), days=frozenset({1})))
    assert covers_when(When(until=date(2031, 1, 1)), When(until=date(2030, 1, 1)))
    assert not covers_when(When(via=frozenset({Platform.WEB})), ALWAYS)
