"""Regular expressions become rules that allow no more and deny no less."""

from __future__ import annotations

import json
import re
from contextlib import suppress

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
        read('{"version": 1}')
    assert read("[allow]\n^ls\n") == [Expression("allow", "^ls")]


@pytest.mark.parametrize("heading", ["[others]", "Ask first:", "[sudo]"])
def test_a_heading_that_is_not_understood_ends_the_list_before_it(heading: str) -> None:
    with pytest.raises(ApplianceError, match="line 3 names no list that allows or blocks"):
        read(f"[allow]\n^ls\n{heading}\nrm -rf\n")


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("allow", "allow"),
        ("allowedCommands", "allow"),
        ("SAFE_COMMANDS", "allow"),
        ("whitelist", "allow"),
        ("permitted", "allow"),
        ("block", "deny"),
        ("denylist", "deny"),
        ("unsafe", "deny"),
        ("not_allowed", "deny"),
        ("neverAllow", "deny"),
        ("allow_except", "deny"),
        ("disallowedTools", "deny"),
        ("prohibited", "deny"),
        ("blocked_unless_safe", "deny"),
    ],
)
def test_a_name_that_says_no_never_allows(name: str, effect: str) -> None:
    assert read(json.dumps({name: ["x"]})) == [Expression(effect, "x")]
    assert read(json.dumps({"lists": {name: ["x"]}})) == [Expression(effect, "x")]
    assert read(json.dumps({"block": {name: ["x"]}})) == [Expression("deny", "x")]
    assert read(json.dumps({"allow": {name: ["x"]}})) == [Expression(effect, "x")]


def test_of_two_lists_with_one_name_both_are_read() -> None:
    assert read('{"block": ["a"], "block": ["b"]}') == [
        Expression("deny", "a"),
        Expression("deny", "b"),
    ]


def test_an_expression_can_stand_in_an_object_with_remarks() -> None:
    entry = {"pattern": "^rm", "description": "never"}
    assert read(json.dumps({"block": [entry]})) == [Expression("deny", "^rm")]


@pytest.mark.parametrize(
    "value",
    [
        {"ask": ["^npm"]},
        {"rules": [{"pattern": "rm", "action": "deny"}]},
        {"block": [{"pattern": "rm", "flags": "i"}]},
        {"block": [{"pattern": "rm", "regex": "dd"}]},
        {"block": [7]},
        {"block": [None]},
        {"allow": {"mode": "strict"}},
        {"allow": True},
    ],
)
def test_an_entry_that_is_not_understood_is_named(value: object) -> None:
    (entry,) = read(json.dumps(value))
    (found,) = translated([entry])
    assert entry.why_not
    assert (found.patterns, found.note) == ((), entry.why_not)


def test_json_of_many_brackets_is_no_crash() -> None:
    for depth in (300, 900, 980, 100_000):
        with pytest.raises(ApplianceError):
            read('{"block": ' * depth + "[" * depth)
        with suppress(ApplianceError):
            read('{"a": ' * depth + '{"block": ["x"]}' + "}" * depth)


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
        ("deny", "(?i:rm) -rf", "names no program"),
        ("allow", "^(?i:ls)", "ignores case"),
        ("allow", "^ls\n", "several commands"),
        ("deny", "Bash(rm:*)", "a rule of Claude Code"),
    ],
)
def test_what_no_rule_can_say_is_named(effect: str, expression: str, why: str) -> None:
    found = _one(effect, expression)
    assert found.patterns == ()
    assert why in found.note


def test_what_ignores_case_is_cut_off_and_not_denied_in_one_case_only() -> None:
    assert _one("deny", "psql.(?i:drop)").patterns[0] == "*psql* **"
    assert _one("deny", "psql (?i:drop)").patterns[0] == "*psql * **"


@pytest.mark.parametrize("text", ["[[a]b", "a||b", "[a--b]"])
def test_an_expression_that_python_warns_of_is_read_quietly(text: str) -> None:
    assert _one("deny", text).note


@given(st.text(max_size=12), st.sampled_from(["allow", "deny"]))
def test_whatever_is_read_a_note_and_a_pattern_are_one_line(text: str, effect: str) -> None:
    found = _one(effect, text)
    assert found.patterns or found.note
    assert all(line.isprintable() for line in found.patterns)


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
    min_size=1, max_size=6,
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
