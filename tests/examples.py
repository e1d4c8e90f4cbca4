"""Values that many tests need, each with a sensible default for everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from appliance.core.approvals import Approval
from appliance.core.jobs import Job
from appliance.core.model import (
    Actor,
    ApprovalId,
    Asks,
    Click,
    JobId,
    Message,
    Millis,
    Place,
    Platform,
    ProjectName,
    Prompt,
    Rule,
    Sender,
    UserName,
)

NOW = Millis(1_800_000_000_000)
ALICE = Actor(UserName("alice"), Sender(Platform.TELEGRAM, "4711"))
BOB = Actor(UserName("bob"), Sender(Platform.TELEGRAM, "815"))
PLACE = Place(Platform.TELEGRAM, "4711")
RULE = Rule("rules.csv", 3, "p, owner, *, bash, rm **, approve")

JOB = Job(
    id=JobId(1),
    key="telegram:1:1",
    place=PLACE,
    requester=ALICE.name,
    sender=ALICE.sender,
    project=ProjectName("demo"),
    work=Prompt("fix the bug"),
    words="/run",
    created_at=NOW,
)

APPROVAL = Approval(
    id=ApprovalId("bcdfghjkmn"),
    job=JobId(1),
    request="toolu_1",
    requester=ALICE.name,
    tool="Bash",
    summary="rm -rf build",
    input_sha256="ab" * 32,
    directory="/srv/demo",
    asks=Asks(RULE),
    asked_at=NOW,
    expires_at=Millis(NOW + 600_000),
)


def job(**changes: Any) -> Job:
    return replace(JOB, **changes)


def approval(**changes: Any) -> Approval:
    return replace(APPROVAL, **changes)


def message(text: str, number: int = 1, actor: Actor = ALICE, place: Place = PLACE) -> Message:
    return Message(
        f"telegram:1:{number}", actor.sender, place, text, NOW, message_id=str(100 + number)
    )


def click(token: str, number: int = 1, actor: Actor = ALICE, place: Place = PLACE) -> Click:
    return Click(f"telegram:1:{number}", actor.sender, place, token, NOW)
