from __future__ import annotations

import argparse
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.app.audit_commands import log
from appliance.app.audit_commands.screen import columns
from appliance.audit import index
from appliance.audit.database import reading
from appliance.audit.fork import fork
from appliance.audit.writer import Writer
from appliance.core.events import ActorType, MessageReceived, RequestDenied, Who
from appliance.errors import AuditBroken
from tests.app.audit_commands.dispatchctl import audit
from tests.attacks.audit.intruder import run
from tests.audit.lives import life
from tests.audit.logs import ANNA, BOOT, allowed, denied, sample, write
from tests.fakes import FakeClock

ROOT = Who(ActorType.USER, "root", "unix:0")


def test_a_line_tells_when_who_what_rule_and_outcome(tmp_path: Path) -> None:
    path = write(tmp_path, [[allowed(1), denied(7)]], FakeClock())
    status, lines = audit("log", path, "--kind", "request")
    assert status == 0
    number, _, _, who, *what, rule, outcome = lines[0].split()
    assert (number, who) == ("2", "anna")
    assert what[:5] == ["request", "bash", "git", "log", "-1"]
    assert (rule, outcome) == ("default.csv:14", "allowed")
    assert lines[1].split()[3] == "job:7"
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


def test_letters_that_take_two_columns_are_counted_as_two(tmp_path: Path) -> None:
    text = "今すぐ本番環境を確認してください。" * 10
    event = MessageReceived(who=ANNA, key="k", place="p", text=text)
    _, lines = audit("log", write(tmp_path, [[event]], FakeClock()))
    assert max(map(columns, lines)) <= 80
    assert "今すぐ" in lines[1]


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


def test_pruned_records_are_told_of_where_they_were(tmp_path: Path) -> None:
    path = write(tmp_path, [[event] for event in life(12)], FakeClock())
    with closing_writer(tmp_path) as writer:
        writer.prune(10, "older than a year", ROOT)
    _, lines = audit("log", path)
    assert lines[1].startswith("     … up to 9 pruned by root on 20")
    assert lines[1].endswith(": older than a year")
    assert [lines[at].split()[0] for at in (0, 2, 3)] == ["1", "10", "11"]
    assert not any("…" in line for line in audit("log", path, "-n", 4)[1])
    told = json.loads(audit("log", path, "--json")[1][1])
    assert (told["pruned"]["before"], told["pruned"]["reason"]) == (9, "older than a year")


def test_what_can_be_read_is_printed_before_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "UPDATE leaf SET rec=CAST('{\"v\":1}' AS BLOB) WHERE seq=4")
    out = io.StringIO()
    with pytest.raises(AuditBroken, match="record 4"):
        log.run_log(parsed(path), out)
    assert [line.split()[0] for line in out.getvalue().splitlines()[:4]] == ["1", "2", "3", "5"]


def test_an_index_that_lies_can_be_left_aside(tmp_path: Path) -> None:
    path = sample(tmp_path)
    with reading(path) as connection:
        index.update(path, connection, index.unheard)
    with closing(sqlite3.connect(tmp_path / index.INDEX)) as connection, connection:
        connection.execute("INSERT INTO facet(facet) VALUES ('delete-all')")
    assert audit("log", path, "--who", "anna")[1] == []
    assert len(audit("log", path, "--who", "anna", "--no-index")[1]) == 7


# --- following


def parsed(*arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    log.add_parser(parser.add_subparsers())
    return parser.parse_args(["log", *map(str, arguments)])


def closing_writer(directory: Path) -> closing[Writer]:
    return closing(Writer(directory, FakeClock(), BOOT))


def followed(*arguments: object, meanwhile: list[Callable[[], object]]) -> list[str]:
    """What was printed, `meanwhile` happening one by one whenever it waits; then Ctrl-C."""
    waits = iter(meanwhile)

    def wait() -> None:
        action = next(waits, None)
        if action is None:
            raise KeyboardInterrupt
        action()

    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        log.run_log(parsed(*arguments, "-f"), out, wait)
    return out.getvalue().splitlines()


def test_following_goes_on_with_new_records_over_the_rotation_of_keys(tmp_path: Path) -> None:
    path = sample(tmp_path)
    lines = followed(
        path,
        "--kind",
        "request",
        meanwhile=[
            lambda: None,
            lambda: write(tmp_path, [[allowed(77)], [denied(78)]], FakeClock()),
            lambda: write(tmp_path, [[allowed(79)]], FakeClock()),
        ],
    )
    assert ["-77" in line for line in lines].count(True) == 1
    assert "-79" in lines[-1]
    assert len(lines) == len(audit("log", path, "--kind", "request")[1])


def test_following_a_project_knows_the_jobs_that_began_before(tmp_path: Path) -> None:
    begun, *rest = life(12)[5:]
    path = write(tmp_path, [[begun]], FakeClock())
    lines = followed(
        path, "--project", "web", meanwhile=[lambda: write(tmp_path, [rest], FakeClock())]
    )
    assert len(lines) == 1 + len(rest)


def test_following_goes_on_with_the_log_that_takes_the_place_of_this_one(tmp_path: Path) -> None:
    path = sample(tmp_path)

    def replaced() -> None:
        fork(tmp_path, FakeClock(), BOOT, reason="a test", who=ROOT)
        write(tmp_path, [[allowed(99)]], FakeClock())

    lines = followed(path, meanwhile=[replaced])
    assert any("audit.forked" in line for line in lines)
    assert any("-99" in line for line in lines)
