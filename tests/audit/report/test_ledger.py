from __future__ import annotations

from pathlib import Path

import pytest

from appliance.audit.report.ledger import Line, Tone, ledger
from appliance.core.events import Event, JobInterrupted, JobQueued, ToolStarted, Who
from tests.audit.lives import life
from tests.audit.logs import ANNA
from tests.audit.report.happenings import failure, log_of, others, report_of


def lines(directory: Path, *events: Event) -> list[Line]:
    """The lines about these events, without those of the log itself."""
    found = ledger(report_of(log_of(directory, events)))
    return [line for line in found if not line.what.startswith(("audit.", "key."))]


def told(line: Line) -> tuple[str, str, str, str, str]:
    return line.who, line.what, line.rule, line.approval, line.outcome


def test_a_job_is_told_by_who_what_rule_approval_and_outcome(tmp_path: Path) -> None:
    assert [told(line) for line in lines(tmp_path, *life(12))] == [
        (
            "anna (telegram:4711)",
            "/run ship release 12.2 to production and tell me when the tests are green",
            "default.csv:14",
            "given by ben (telegram:815) after 14 s",
            "finished",
        ),
        (
            "eve (telegram:666)",
            "approve KQ7M12",
            "default.csv:31",
            "",
            "denied: may not answer this approval",
        ),
        ("agent", "Bash: make test", "default.csv:52", "", "done"),
        ("agent", "Read: /etc/shadow", "default.csv:60", "", "denied: outside of the project"),
        (
            "agent",
            "Bash: ./migrate --environment production --yes",
            "default.csv:47",
            "given by anna (telegram:4711) after 7 s",
            "done",
        ),
    ]


def test_questions_that_were_not_answered_with_yes_are_told(tmp_path: Path) -> None:
    found = [told(line)[1:] for line in lines(tmp_path, *failure())][-2:]
    assert found == [
        (
            "Bash: rm -rf build/cache",
            "default.csv:24",
            "refused by ben (telegram:815) after 7 s",
            "not run",
        ),
        ("Bash: rm -rf build/cache", "default.csv:24", "expired after 7 s", "not run"),
    ]


def test_other_records_are_lines_of_their_own(tmp_path: Path) -> None:
    assert [told(line) for line in lines(tmp_path, *others())] == [
        ("dispatchd", "message.ignored telegram 17", "", "", "denied"),
        ("eve (telegram:666)", "chat /deploy prod", "", "", "denied: no rule"),
    ]


def test_lines_are_in_the_order_of_the_log(tmp_path: Path) -> None:
    numbers = [line.seq for line in lines(tmp_path, *life(12), *others(), *failure())]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ([], "unfinished"),
        ([JobInterrupted(job=5, reason="a crash")], "interrupted"),
    ],
)
def test_what_nobody_knows_is_not_told_as_good(
    more: list[Event], outcome: str, tmp_path: Path
) -> None:
    begun: list[Event] = [
        JobQueued(who=ANNA, job=5, project="web", kind="prompt"),
        ToolStarted(who=Who.agent(5), job=5, request="t1", tool="Bash"),
    ]
    job, call, *_ = lines(tmp_path, *begun, *more)
    assert (job.outcome, job.tone) == (outcome, Tone.WAITING)
    assert (call.outcome, call.tone) == ("started, end unknown", Tone.WAITING)
