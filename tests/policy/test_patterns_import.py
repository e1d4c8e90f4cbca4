"""Regular expressions become rules that allow no more and deny no less."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.policy.patterns import matches
from appliance.policy.patterns_import import Expression, Imported, read, translated

LISTS = r"""{"allow": ["^list\\s", "^git\\s(status|log|diff|branch)"],
 "blocked_patterns": ["rm\\s+-rf", "curl.*\\|.*sh"]}"""


def _one(effect: str, expression: str) -> Imported:
    return translated([Expression(effect, expression)])[0]


def test_the_lists_of_other_bridges_are_read() -> None:
    allowed, git, rm, curl = translated(read(LISTS))
    assert allowed.patterns == ("list * **",)
    assert git.patterns == ("git status|log|diff|branch **",)
    assert rm.patterns[0] == "*rm -rf* **"
    assert curl.patterns[0] == "*curl* **"
    assert "stricter" in curl.note


def test_text_has_headings() -> None:
    entries = read("# mine\n[allow]\n^ls\n\nblocked:\nrm\n")
    assert entries == [Expression("allow", "^ls"), Expression("deny", "rm")]
    with pytest.raises(ApplianceError, match="line 1 is in no list"):
        read("^ls\n")
    with pytest.raises(ApplianceError, match="not JSON"):
        read("{")
    with pytest.raises(ApplianceError, match="no lists"):
        read('{"x": ["y"]}')


@pytest.mark.parametrize(
    ("effect", "expression", "why"),
    [
        ("allow", "^cat [a-z]+", "a repetition"),
        ("allow", "^(?!rm)", "look-ahead"),
        ("allow", "^ls;", "several commands"),
        ("allow", "^(", "not a regular expression"),
        ("deny", ">\\s*/dev/sd", "names no program"),
        ("deny", "(?i)drop", "ignores case"),
        ("deny", ".*", "names no program"),
    ],
)
def test_what_no_rule_can_say_is_named(effect: str, expression: str, why: str) -> None:
    found = _one(effect, expression)
    assert found.patterns == ()
    assert why in found.note


_PIECES = [
    "git",
    "rm",
    "-rf",
    "\\s+",
    "\\s",
    "(a|b)",
    "(status|log)",
    ".*",
    "x?",
    "\\s*",
    "\\b",
    "$",
    "^",
    "[ab]",
    "[a-z]+",
    "\\|",
    "sh",
    "\\S+",
    "(-f)?",
]
_piece = st.sampled_from([*_PIECES, " "])
_expression = st.lists(_piece, min_size=1, max_size=5).map("".join)
_line = st.lists(
    st.sampled_from(["git", "rm", "-rf", "a", "b", "status", "log", "sh", "ax", "x", "-f"]),
    min_size=1, max_size=4,
).map(" ".join)  # fmt: skip


@settings(max_examples=300)
@given(_expression, _line)
def test_an_imported_allowance_allows_only_what_the_expression_did(
    expression: str, line: str
) -> None:
    for pattern in _one("allow", expression).patterns:
        if matches("bash", line, pattern):
            assert re.search(expression, line)


@settings(max_examples=300)
@given(_expression, _line)
def test_an_imported_denial_denies_all_that_the_expression_did(expression: str, line: str) -> None:
    patterns = _one("deny", expression).patterns
    if patterns and re.search(expression, line):
        assert any(matches("bash", line, pattern) for pattern in patterns)
