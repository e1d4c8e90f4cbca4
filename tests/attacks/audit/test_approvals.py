"""Approvals moved to what nobody approved, by a thief of today's keys or a daemon gone wrong.

All signatures are right here: these are found because the records contradict each other.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.audit.verify import Depth, Verdict, verify
from appliance.core.events import (
    ApprovalAsked,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    Event,
    JobFinished,
    RequestAllowed,
    Who,
)
from tests.attacks.audit.intruder import tampered
from tests.audit.logs import ANNA, write
from tests.fakes import FakeClock

INPUT, OTHER = "ab" * 32, "cd" * 32
RULE = "policies/default.csv:31"

ASKED = ApprovalAsked(
    who=Who.agent(7),
    cause=("telegram:1:1", "job:7"),
    approval="bcdfghjkmn",
    job=7,
    request="toolu_1",
    object="Bash",
    project="web",
    directory="/srv/web",
    rule=RULE,
    input_sha256=INPUT,
    expires_at=1_800_000_600_000,
)
GIVEN = ApprovalGiven(who=ANNA, approval="bcdfghjkmn", job=7, request="toolu_1", input_sha256=INPUT)
REFUSED = ApprovalRefused(who=ANNA, approval="bcdfghjkmn", job=7, request="toolu_1")
EXPIRED = ApprovalExpired(approval="bcdfghjkmn", job=7, request="toolu_1")
ALLOWED = RequestAllowed(
    who=Who.agent(7),
    cause=("telegram:1:1", "job:7", "toolu_1"),
    act="Bash",
    object="./migrate",
    project="web",
    rule=RULE,
    input_sha256=INPUT,
)
FINISHED = JobFinished(
    job=7, cost_microdollars=1, input_tokens=1, output_tokens=1, duration_ms=1, answer_sha256=""
)


def log_of(directory: Path, *events: Event) -> Path:
    return write(directory, [[event] for event in events], FakeClock())


HONEST: dict[str, tuple[Event, ...]] = {
    "approved and done": (ASKED, GIVEN, ALLOWED, FINISHED),
    "refused": (ASKED, REFUSED, FINISHED),
    "expired": (ASKED, EXPIRED, FINISHED),
    "answered twice at once, the refusal first": (ASKED, REFUSED, GIVEN, FINISHED),
    "answered twice at once, the refusal last": (ASKED, GIVEN, REFUSED, ALLOWED),
    "allowed by another rule": (ASKED, replace(ALLOWED, rule="policies/default.csv:14")),
    "allowed to another job": (ASKED, replace(ALLOWED, who=Who.agent(8), input_sha256=OTHER)),
    "asked again": (
        ASKED,
        EXPIRED,
        replace(ASKED, approval="zzz"),
        replace(GIVEN, approval="zzz"),
        ALLOWED,
    ),
    "the same request after the job": (ASKED, FINISHED, replace(ALLOWED, input_sha256=OTHER)),
}


@pytest.mark.parametrize("events", HONEST.values(), ids=HONEST.keys())
def test_what_the_daemon_records_fits_together(events: tuple[Event, ...], tmp_path: Path) -> None:
    found = verify(log_of(tmp_path, *events))
    assert (found.verdict, found.reason) == (Verdict.INTACT, "")


MOVED: dict[str, tuple[tuple[Event, ...], str]] = {
    "given for another input": (
        (ASKED, replace(GIVEN, input_sha256=OTHER)),
        "the approval is for another input_sha256 than record 2 asks about",
    ),
    "given for another request": (
        (ASKED, replace(GIVEN, request="toolu_2")),
        "the approval is for another request than record 2 asks about",
    ),
    "given to another job": (
        (ASKED, replace(GIVEN, job=8)),
        "job:8 did not ask for the approval that is given here",
    ),
    "given and never asked": (
        (GIVEN,),
        "job:7 did not ask for the approval that is given here",
    ),
    "used for another input": (
        (ASKED, GIVEN, replace(ALLOWED, input_sha256=OTHER)),
        "this is allowed, but record 2 asks about another input",
    ),
    "used before it was given": (
        (ASKED, ALLOWED, GIVEN),
        "this is allowed, but what record 2 asks was not granted",
    ),
    "used though it was refused": (
        (ASKED, REFUSED, ALLOWED),
        "this is allowed, but what record 2 asks was not granted",
    ),
    "used though it had expired": (
        (ASKED, EXPIRED, ALLOWED),
        "this is allowed, but what record 2 asks was not granted",
    ),
}


@pytest.mark.parametrize(("events", "reason"), MOVED.values(), ids=MOVED.keys())
def test_an_approval_moved_to_another_command(
    events: tuple[Event, ...], reason: str, tmp_path: Path
) -> None:
    path = log_of(tmp_path, *events)
    tampered(path, reason)
    assert verify(path, depth=Depth.QUICK).verdict is Verdict.INTACT  # it does not read records
