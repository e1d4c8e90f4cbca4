"""What goes to the journal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.app.journal import fields_of
from appliance.core.events import (
    ApprovalAsked,
    JobStarted,
    RequestDenied,
    WakeHeld,
    Who,
)
from tests.audit.every_event import every_event
from tests.examples import ALICE
from tests.fakes_journald import entries, listening

PROGRAM = """
import logging, sys
from pathlib import Path
from appliance import journald
journald.SOCKET = Path(sys.argv[1])
from appliance.app.journal import start_logging, tell_events
from appliance.core.events import JobStarted
start_logging("dispatchd")
logging.getLogger("appliance.x").info("token is ghp_%s", "a" * 36)
logging.getLogger("aiogram").info("chatter")
logging.getLogger("appliance.y").error("job %d is lost", 12, extra={"job": 12})
tell_events([JobStarted(job=12, project="demo", kind="prompt", isolation="unit")], None)
"""


def run(socket: Path, *, is_journald: bool) -> str:
    """What the program writes to stderr, which is a pipe of journald's or of somebody else."""
    reader, writer = os.pipe()
    status = os.fstat(writer)
    stream = f"{status.st_dev}:{status.st_ino}" if is_journald else "1:2"
    with os.fdopen(reader) as output:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(socket)],
            check=True,
            stdout=subprocess.PIPE,
            stderr=writer,
            env={"JOURNAL_STREAM": stream},
        )
        os.close(writer)
        assert done.stdout == b""
        return output.read()


def test_it_gets_no_secrets_and_no_chatter(tmp_path: Path) -> None:
    written = run(tmp_path / "none", is_journald=False)
    assert written.startswith("appliance.x: INFO: token is ")
    assert "ghp_aaaa" not in written
    assert "chatter" not in written


def test_elsewhere_than_in_a_journal_events_are_not_told(tmp_path: Path) -> None:
    with listening(tmp_path / "journal") as journal:
        written = run(tmp_path / "journal", is_journald=False)
        assert list(entries(journal)) == []
    assert written.splitlines()[1:] == ["appliance.y: ERROR: job 12 is lost"]


def test_where_stderr_is_journalds_lines_have_fields(tmp_path: Path) -> None:
    with listening(tmp_path / "journal") as journal:
        assert run(tmp_path / "journal", is_journald=True) == ""
        secret, lost, started = entries(journal)
    assert "ghp_aaaa" not in secret["MESSAGE"]
    assert lost == {
        "MESSAGE": "appliance.y: ERROR: job 12 is lost",
        "PRIORITY": "3",
        "SYSLOG_IDENTIFIER": "dispatchd",
        "LOGGER": "appliance.y",
        "JOB": "12",
    }
    said = "job.started actor=dispatchd job=12 project=demo"
    assert started["MESSAGE"] == f"appliance.events: INFO: {said}"
    shown = {name: started[name] for name in ("EVENT", "JOB", "ACTOR", "PROJECT", "PRIORITY")}
    assert shown == {
        "EVENT": "job.started",
        "JOB": "12",
        "ACTOR": "dispatchd",
        "PROJECT": "demo",
        "PRIORITY": "6",
    }


@pytest.mark.parametrize("is_there", [True, False])
def test_a_journald_that_takes_nothing_is_written_to_as_text(
    tmp_path: Path, is_there: bool
) -> None:
    if is_there:  # but gone: nobody reads what is at the path
        with listening(tmp_path / "journal"):
            pass
    written = run(tmp_path / "journal", is_journald=True)
    assert "appliance.y: ERROR: job 12 is lost" in written.splitlines()


def test_a_decision_about_a_tool_call_is_found_by_its_job_and_its_rule() -> None:
    event = RequestDenied(
        who=Who.agent(12),
        cause=("telegram:1:1", "job:12", "call"),
        act="Bash",
        object="curl -H 'Authorization: s3cret' example.org",
        project="demo",
        rule="team.csv:14",
        reason="the rule says so",
    )
    assert fields_of(event) == {
        "event": "request.denied",
        "actor": "agent",
        "job": 12,
        "rule": "team.csv:14",
        "project": "demo",
    }


def test_who_did_it_is_named() -> None:
    event = JobStarted(who=Who.user(ALICE), job=3, project="demo", kind="prompt", isolation="unit")
    assert fields_of(event)["actor"] == "alice"


def test_what_is_about_many_jobs_is_about_none_of_them() -> None:
    both = WakeHeld(cause=("job:1", "job:2"), reason="work", means="logind")
    assert "job" not in fields_of(both)


def test_nothing_that_somebody_has_written_is_told() -> None:
    for event in every_event():
        assert fields_of(event).keys() <= {"event", "job", "actor", "rule", "project"}
    asked = next(event for event in every_event() if isinstance(event, ApprovalAsked))
    assert asked.object not in map(str, fields_of(asked).values()) or asked.object == asked.rule
