"""`policy why --batch`: a verdict for each line, whatever the line is."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.app.policy_commands import batch
from appliance.app.policy_commands.requests import MAX_LINE_BYTES
from appliance.core.model import Millis
from tests.app.policy_commands.conftest import RULES
from tests.policy import policies_on_disk as disk

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Judge lines, raw or as objects, in the directory "demo" when they do not say where."""
    policy = disk.policy(tmp_path, *RULES, users=("ann", "lea", "dan", "night"))
    projects = disk.projects(tmp_path, "demo")

    def run(*lines: bytes | dict[str, Any]) -> list[dict[str, Any]]:
        where = {"sub": "dan", "dir": str(tmp_path / "demo"), "tool": "Bash"}
        raw = b"\n".join(
            line if isinstance(line, bytes) else json.dumps({**where, **line}).encode()
            for line in lines
        )
        judged = batch.judged(io.BytesIO(raw), policy, projects, Millis(1))
        return [json.loads(one) for one in judged]

    return run


def test_every_line_gets_its_verdict_in_order(ask: Ask) -> None:
    found = ask(
        {"input": "git status"},
        {"input": {"command": "git push"}},
        {"input": "git status; git push --force"},
        {"tool": "chat", "input": "/git log"},
        {"tool": "chat", "dir": "", "input": "/git log"},
        {"tool": "admin", "dir": None, "sub": "ann", "input": "policy reload"},
        {"input": "make", "via": "web"},
        {"tool": "mcp__a__b", "input": {}},
        {"tool": "NewTool", "input": {"x": [1]}},
    )
    assert [one["line"] for one in found] == list(range(1, 10))
    assert [(one["verdict"], one["rule"]) for one in found] == [
        ("allow", "policies/rules.csv:8"),
        ("approve", "policies/rules.csv:9"),
        ("deny", "policies/rules.csv:10"),
        ("allow", "policies/rules.csv:7"),
        ("deny", None),
        ("allow", "policies/rules.csv:14"),
        ("allow", "policies/rules.csv:11"),
        ("deny", None),
        ("deny", None),
    ]
    assert found[2]["decided"]["text"] == "git push --force"
    assert "rule policies/rules.csv:10 denies it" in found[2]["reason"]


def test_directories_are_resolved_and_one_outside_every_project_is_denied(
    ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "demo")
    (tmp_path / "demo" / "out").symlink_to("/etc")
    inside, outside, gone = ask(
        {"dir": str(tmp_path / "link"), "input": "git log"},
        {"dir": str(tmp_path / "demo" / "out"), "input": "git log"},
        {"dir": "/nowhere", "input": "git log"},
    )
    assert inside["verdict"] == "allow"
    assert (outside["verdict"], outside["rule"]) == ("deny", None)
    assert gone["reason"] == "no project holds /nowhere"


def test_it_judges_the_line_that_would_run(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "demo" / "src").mkdir()
    (found,) = ask({"input": "cd src  && git  lo''g *.py"})
    assert [part["text"] for part in found["parts"] if part["act"] == "bash"] == [
        "git log './*.py'"
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "is no JSON"),
        (b"git status", "is no JSON"),
        (b"[1]", "no JSON object"),
        (b"\xff\xfe", "is no JSON"),
        (b'{"sub": "dan", "sub": "ann", "dir": "/", "tool": "Bash", "input": ""}', "stands twice"),
        (b'{"sub": "dan"}', 'lacks "dir"'),
        (b"[" * 100_000, "is no JSON"),
        (b'"' + b"x" * (MAX_LINE_BYTES * 2) + b'"', "more than"),
    ],
)
def test_a_bad_line_is_told_of_and_the_rest_goes_on(ask: Ask, line: bytes, said: str) -> None:
    before, wrong, after = ask({"input": "git log"}, line, {"input": "git log"})
    assert before["verdict"] == after["verdict"] == "allow"
    assert wrong["verdict"] == "deny"
    assert wrong["line"] == 2
    assert said in wrong["error"]


@pytest.mark.parametrize(
    "fields",
    [
        {"input": 7},
        {"input": None},
        {"sub": 1, "input": "ls"},
        {"tool": ["Bash"], "input": "ls"},
        {"dir": "src", "input": "ls"},
        {"dir": "/a\x00b", "input": "ls"},
        {"dir": "/\ud800", "input": "ls"},
        {"dir": None, "input": "ls"},
        {"via": "fax", "input": "ls"},
        {"via": ["web"], "input": "ls"},
        {"at": "now", "input": "ls"},
        {"at": -1, "input": "ls"},
        {"more": 1, "input": "ls"},
        {"tool": "chat", "input": {"a": 1}},
    ],
)
def test_a_field_that_is_none_of_its_kind_is_an_error(ask: Ask, fields: dict[str, Any]) -> None:
    (found,) = ask(fields)
    assert found["verdict"] == "deny"
    assert found["error"]


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.fixed_dictionaries(
        {"input": _json},
        optional={"sub": _json, "tool": st.one_of(_json, st.just("Read")), "via": _json},
    )
)
def test_no_line_ends_the_batch(ask: Ask, fields: dict[str, Any]) -> None:
    found = ask(fields, {"input": "git log"})
    assert [one["line"] for one in found] == [1, 2]
    assert found[0]["verdict"] in ("allow", "approve", "deny")
    assert found[1]["verdict"] == "allow"


def test_a_thousand_lines_are_judged_in_a_moment(ask: Ask) -> None:
    began = time.perf_counter()
    found = ask(*({"input": f"git log -n {number}"} for number in range(1_000)))
    assert {one["verdict"] for one in found} == {"allow"}
    assert time.perf_counter() - began < 5


def test_it_reads_standard_input(
    policy: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = {"sub": "dan", "dir": str(tmp_path / "demo"), "tool": "Read", "input": "a\ud800"}
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(line).encode() + b"\nx\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert policy("why", "--batch") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["verdict"], first["rule"]) == ("deny", None)
    assert second["line"] == 2
