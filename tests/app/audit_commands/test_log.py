from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.core.events import MessageReceived, RequestDenied
from tests.app.audit_commands.dispatchctl import audit
from tests.audit.logs import ANNA, allowed, denied, sample, write
from tests.fakes import FakeClock


def test_a_line_tells_when_who_what_rule_and_outcome(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1), denied(7)]], FakeClock())
    status, lines = audit("log", path, "--kind", "request")
    assert status == 0
    number, _, _, who, *what, rule, outcome = lines[0].split()
    assert (number, who) == ("2", "anna")
    assert what[:5] == ["request", "bash", "git", "log", "-1"]
    assert (rule, outcome) == ("default.csv:14", "allowed")
    assert "agent" in lines[1]
    assert lines[1].endswith("default.csv:20 denied")


def test_lines_fit_into_eighty_columns(tmp_path: Path) -> None:
    events = [
        allowed(1),
        RequestDenied(
            who=ANNA,
            act="bash",
            object="x" * 500,
            project="a-project-with-a-long-name",
            rule="policies/a-file-with-a-very-long-name.csv:1234",
            reason="y" * 500,
        ),
    ]
    _, lines = audit("log", write(tmp_path, [events], FakeClock()))
    assert max(map(len, lines)) <= 80


def test_nothing_recorded_can_move_the_cursor_or_hide(tmp_path: Path) -> None:
    text = "\x1b[2J\r\u202egnp.exe\u200b\ttab"
    path = write(
        tmp_path, [[MessageReceived(who=ANNA, key="k", place="p", text=text)]], FakeClock()
    )
    _, lines = audit("log", path)
    assert all(line.isprintable() for line in lines)
    assert "\\x1b[2J\\r\\u202e" in lines[1]


def test_json_is_one_object_per_line(tmp_path: Path) -> None:
    _, lines = audit("log", sample(tmp_path), "--json", "-n", 3, "--kind", "request.allowed")
    entries = [json.loads(line) for line in lines]
    assert [entry["format"] for entry in entries] == [1, 1, 1]
    assert entries[-1]["record"]["kind"] == "request.allowed"
    assert entries[-1]["values"] == {"input": '{"command":"git log -4"}'}


@pytest.mark.parametrize(
    ("since", "count"),
    [("2000-01-01", 13), ("2100-01-01T10:00", 0), ("1s", 13), ("99999w", 13)],
)
def test_moments_are_given_as_dates_or_as_ages(since: str, count: int, tmp_path: Path) -> None:
    assert len(audit("log", sample(tmp_path), "--since", since)[1]) == count
