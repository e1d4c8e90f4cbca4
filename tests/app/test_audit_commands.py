from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest

from appliance.app.audit_commands import add_parser
from appliance.audit.writer import PUBLIC_KEY
from appliance.core.events import MessageReceived, RequestDenied
from appliance.errors import ApplianceError
from tests.attacks.audit.intruder import run
from tests.audit.logs import ANNA, allowed, denied, sample, write
from tests.fakes import FakeClock


def audit(*arguments: object) -> tuple[int, list[str]]:
    """Exit status and lines of `dispatchctl audit …`."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["audit", *map(str, arguments)])
    out = io.StringIO()
    return parsed.run(parsed, out), out.getvalue().splitlines()


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


@pytest.mark.parametrize(
    "arguments",
    [
        ("log", "--since", "yesterday"),
        ("log", "--until", "2030-13-01"),
        ("log", "--outcome", "fine"),
        ("log", "--limit", "0"),
        ("verify", "--pubkey", "a+b+c"),
        ("verify", "--pubkey", "/nowhere"),
        ("verify", "--anchor", "/nowhere"),
    ],
)
def test_a_wrong_argument_is_one_clear_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command, *options = arguments
    with pytest.raises(ApplianceError, match=r"\w"):
        audit(command, sample(tmp_path), *options)


def test_an_intact_log_has_status_0_and_its_limits_are_said(tmp_path: Path) -> None:
    status, lines = audit("verify", sample(tmp_path))
    assert status == 0
    assert lines[0] == "intact: all 13 records are what was signed, in 4 epochs"
    assert lines[2] == f"public key: {(tmp_path / PUBLIC_KEY).read_text().strip()}"
    assert lines[-1] == "the last 13 records are protected by the signing keys only"


def test_the_log_is_found_by_its_directory_and_pinned_by_its_key(tmp_path: Path) -> None:
    sample(tmp_path)
    status, lines = audit("verify", tmp_path, "--pubkey", tmp_path / PUBLIC_KEY)
    assert status == 0
    assert lines[2].endswith("(as given)")


def test_a_tampered_log_has_status_1_and_the_record_is_named(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "DELETE FROM leaf WHERE seq=5")
    status, lines = audit("verify", path)
    assert status == 1
    assert lines[0] == "tampered at record 5: record 5 is missing, 6 follows"
    assert lines[1] == "the first 4 records are what was signed"


def test_what_cannot_be_judged_has_status_2(tmp_path: Path) -> None:
    status, lines = audit("verify", tmp_path / "nothing.db", "--json")
    assert status == 2
    assert json.loads(lines[0])["verdict"] == "incomplete"
