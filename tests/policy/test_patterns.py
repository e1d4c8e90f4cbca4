"""What a pattern covers, and that the index never misses what it covers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.patterns import is_exact, matches, object_keys, pattern_keys, within


@pytest.mark.parametrize(
    ("act", "pattern", "covered", "not_covered"),
    [
        ("bash", "git status", ["git status"], ["git", "git status -s", "gitx status"]),
        ("bash", "git status|log **", ["git status", "git log -5 a"], ["git", "git logs"]),
        ("bash", "git **", ["git", "git push"], ["github", "gi"]),
        ("bash", "**", ["anything at all", ""], []),
        ("bash", "npm run lint:*", ["npm run lint:fix"], ["npm run lint", "npm run lint:a b"]),
        ("chat", "/git **", ["/git log 5"], ["/gitx", "/git\nlog", "/Git log"]),
        ("web", "*.python.org", ["docs.python.org"], ["python.org", "a.python.org.evil"]),
        ("mcp", "github/get_*", ["github/get_issue"], ["github_evil/get_issue", "github/get_/x"]),
        ("read", "/srv/a/**", ["/srv/a", "/srv/a/b/c"], ["/srv/ab", "/srv"]),
        ("read", "/srv/a/*", ["/srv/a/b"], ["/srv/a", "/srv/a/b/c"]),
        ("write", "/**/.git/**", ["/a/.git", "/.git/x", "/a/b/.git/c/d"], ["/a/.gitx", "/a/b"]),
        ("write", "/a/**/x/**/y", ["/a/x/y", "/a/xy/x/b/y"], ["/a/xy/y", "/a/x"]),
        ("read", "/a/*.pem", ["/a/k.pem"], ["/a/b/k.pem", "/a/pem"]),
        ("read", "/a.c", ["/a.c"], ["/abc"]),
    ],
)  # fmt: skip
def test_a_pattern_covers_what_it_says(
    act: str, pattern: str, covered: list[str], not_covered: list[str]
) -> None:
    assert [o for o in covered if not matches(act, o, pattern)] == []
    assert [o for o in not_covered if matches(act, o, pattern)] == []


def test_only_patterns_without_a_choice_are_exact() -> None:
    assert is_exact("bash", "make test")
    assert is_exact("read", "/srv/a|b")
    assert not is_exact("bash", "make test|lint")
    assert not is_exact("bash", "make **")


def test_a_directory_ends_at_its_slash() -> None:
    assert within("/srv/a", "/srv/a/**")
    assert within("/srv/a/b", "/srv/a/**")
    assert not within("/srv/ab", "/srv/a/**")
    assert within("/srv/a", "/srv/a")
    assert not within("/srv/a/b", "/srv/a")


def test_what_is_about_no_project_needs_a_rule_for_everywhere() -> None:
    assert within("", "*")
    assert not within("", "/**")


def test_a_hostile_object_cannot_make_matching_slow() -> None:
    before = time.perf_counter()
    assert not matches("bash", "a" * 10_000, "*a*a*a*a*a*b")
    assert not matches("read", "/a" * 2_000, "/**/a/**/a/**/a/**/b")
    assert time.perf_counter() - before < 0.5


_words = st.lists(st.sampled_from(["a", "b", "ab", "*", ""]), min_size=1, max_size=3)
_globs = st.lists(st.sampled_from(["a", "a|b", "a*", "*", "*b"]), min_size=1, max_size=3)


@given(_words, _globs, st.booleans(), st.sampled_from(["bash", "mcp", "chat"]))
def test_the_index_finds_every_pattern_that_covers(
    words: list[str], globs: list[str], is_open: bool, act: str
) -> None:
    pattern = " ".join([*globs, "**"] if is_open else globs)
    obj = " ".join(words)
    if matches(act, obj, pattern):
        assert set(pattern_keys(act, pattern)) & set(object_keys(act, obj))


_parts = st.lists(st.sampled_from(["a", "b", ".git"]), max_size=4)
_path_globs = st.lists(st.sampled_from(["a", "*", "**", "a*", ".git"]), min_size=1, max_size=4)


@given(_parts, _path_globs)
def test_the_index_finds_every_path_pattern_that_covers(parts: list[str], globs: list[str]) -> None:
    obj, pattern = "/" + "/".join(parts), "/" + "/".join(globs)
    if matches("read", obj, pattern):
        assert set(pattern_keys("read", pattern)) & set(object_keys("read", obj))


def _covers(parts: list[str], globs: list[str]) -> bool:
    """The plain definition, tried out part by part."""
    if not globs:
        return not parts
    if globs[0] == "**":
        return any(_covers(parts[n:], globs[1:]) for n in range(len(parts) + 1))
    fits = bool(parts) and (
        globs[0] == "*" or parts[0] == globs[0] or (globs[0] == "a*" and parts[0].startswith("a"))
    )
    return fits and _covers(parts[1:], globs[1:])


@given(st.lists(st.sampled_from(["a", "ab", "b"]), min_size=1, max_size=6), _path_globs)
def test_path_patterns_mean_what_their_definition_says(parts: list[str], globs: list[str]) -> None:
    expected = _covers(parts, globs)
    assert matches("read", "/" + "/".join(parts), "/" + "/".join(globs)) == expected
