"""Recipes: words from a chat become one checked argv, or one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.model import Parameter, ParameterKind, Recipe
from appliance.core.recipes import Mistake, accepts, bind, find

LOG = Recipe(
    ("git", "log"),
    "commits",
    ("git", "log", "-n", "{count}"),
    (Parameter("count", ParameterKind.INTEGER, default="20", maximum=200),),
)
GIT = Recipe(("git",), "help", ("git",))
DEPLOY = Recipe(
    ("deploy",),
    "deploy",
    ("./deploy", "{target}", "{note}"),
    (
        Parameter("target", ParameterKind.CHOICE, choices=("prod", "staging")),
        Parameter("note", ParameterKind.TEXT, default="none"),
    ),
)
ALL_KINDS = [
    Parameter("x", kind, choices=("one", "-two") if kind is ParameterKind.CHOICE else ())
    for kind in ParameterKind
]


def test_the_longest_name_is_called() -> None:
    assert find((GIT, LOG), ("git", "log", "5")) == (LOG, ("5",))
    assert find((GIT, LOG), ("git", "status")) == (GIT, ("status",))
    assert find((GIT, LOG), ("test",)) is None


def test_a_default_stands_in_for_a_missing_value() -> None:
    assert bind(LOG, ()) == ("git", "log", "-n", "20")
    assert bind(LOG, ("5",)) == ("git", "log", "-n", "5")


def test_text_takes_the_rest_of_the_line_as_one_argument() -> None:
    assert bind(DEPLOY, ("prod", "now;", "rm", "-rf")) == ("./deploy", "prod", "now; rm -rf")


@pytest.mark.parametrize(
    ("recipe", "words", "said"),
    [
        (LOG, ("201",), "from 1 to 200"),
        (LOG, ("0",), "from 1 to 200"),
        (LOG, ("٣",), "from 1 to 200"),
        (LOG, ("5", "6"), "does not know what to do with '6'"),
        (DEPLOY, (), "needs target: one of prod, staging"),
        (DEPLOY, ("moon",), "one of prod, staging"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(
    recipe: Recipe, words: tuple[str, ...], said: str
) -> None:
    mistake = bind(recipe, words)
    assert isinstance(mistake, Mistake)
    assert said in str(mistake.sentence)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (ParameterKind.WORD, ["v1.2_3-x", "A"], ["a/b", "a b", "é", "a\n", "$x", ".."[:0]]),
        (
            ParameterKind.REF,
            ["main", "feature/x-1", "v1.0", "a1b2c3d", "HEAD~2", "HEAD^", "origin/main"],
            [
                "a..b",
                "a b",
                "/a",
                "a/",
                "a//b",
                ".a",
                "a/.b",
                "a.lock",
                "a.",
                "@",
                "@{1}",
                "a:b",
                "~",
            ],
        ),
        (
            ParameterKind.PATH,
            ["src/app.py", "a b/c", ".github/x", "..a"],
            ["/etc/passwd", "../x", "a/../../b", "~/x", ":/x", "a\\..\\b"],
        ),
        (ParameterKind.TEXT, ["fix it; now"], ["  ", "a\nb", "a\u202eb"]),
        (ParameterKind.INTEGER, ["1", "999999999"], ["-1", "1.0", "01", "1e3", "9999999999"]),
    ],
)
def test_every_kind_takes_what_it_says(
    kind: ParameterKind, good: list[str], bad: list[str]
) -> None:
    parameter = Parameter("x", kind)
    assert [value for value in good if not accepts(parameter, value)] == []
    assert [value for value in bad if accepts(parameter, value)] == []


@given(st.sampled_from(ALL_KINDS), st.text(max_size=30))
def test_no_value_can_be_an_option_or_hide_something(parameter: Parameter, value: str) -> None:
    if accepts(parameter, value):
        assert value.isprintable()
        assert not value.startswith("-")


@given(st.lists(st.text(max_size=10), max_size=4))
def test_literal_words_of_argv_never_change(words: list[str]) -> None:
    argv = bind(LOG, words)
    if not isinstance(argv, Mistake):
        assert argv[:3] == LOG.argv[:3]
        assert len(argv) == len(LOG.argv)
