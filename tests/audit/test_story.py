from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.audit.reader import opened
from appliance.audit.search import Entry
from appliance.audit.story import Story, story_in
from appliance.core.events import Event, JobCancelled, JobQueued, JobSteered, MessageReceived
from appliance.errors import ApplianceError
from tests.audit.lives import BEN, EVE, life
from tests.audit.logs import ANNA, write
from tests.fakes import FakeClock


def told(directory: Path, *events: Event, job: int = 12) -> Story:
    """The story of the job in a log with these events, one second after another."""
    with opened(write(directory, [[event] for event in events], FakeClock())) as log:
        return story_in(log, job)


def kind(entry: Entry | None) -> str:
    return entry.record.kind if entry else ""


def test_a_story_goes_from_the_message_to_the_end(tmp_path: Path) -> None:
    found = told(tmp_path, *life(11), *life(12), *life(13))
    assert (found.job, found.project, found.requester) == (12, "web", ANNA)
    assert found.message
    assert found.message.values["text"].startswith("/run ship release 12.2")
    assert found.decision
    assert found.decision.record.data["rule"] == "/etc/dispatch/policies/default.csv:14"
    assert [kind(e) for e in (found.queued, found.started, found.ending)] == [
        "job.queued",
        "job.started",
        "job.finished",
    ]
    assert len(found.records) == len(life(12))
    assert found.milliseconds == (len(life(12)) - 1) * 1000


def test_records_of_other_jobs_and_messages_between_do_not_belong_to_it(tmp_path: Path) -> None:
    mixed = [event for pair in zip(life(12), life(13), strict=True) for event in pair]
    found = told(tmp_path, *mixed)
    assert [entry.record.kind for entry in found.records] == [event.name for event in life(12)]


def test_an_approval_knows_its_answer_how_long_it_took_and_who_else_tried(tmp_path: Path) -> None:
    (approval,) = told(tmp_path, *life(12)).approvals
    assert approval.asked
    assert approval.asked.record.data["by"] == ("operator", "owner")
    assert approval.answer
    assert approval.answer.record.actor == BEN
    assert approval.milliseconds == 2000
    assert [entry.record.actor for entry in approval.strangers] == [EVE]


def test_a_call_has_its_decision_its_approval_and_its_output(tmp_path: Path) -> None:
    ran, denied, approved = told(tmp_path, *life(12)).calls
    assert (ran.tool, kind(ran.decision), ran.approvals) == ("Bash", "request.allowed", ())
    assert ran.finished
    assert ran.finished.values["output"] == "184 passed in 12.31s\n"
    assert ran.milliseconds == 1000
    assert (denied.tool, kind(denied.decision)) == ("Read", "request.denied")
    assert (denied.started, denied.milliseconds) == (None, None)
    assert [kind(approval.answer) for approval in approved.approvals] == ["approval.given"]
    assert kind(approved.decision) == "request.allowed"


def test_steps_are_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    steps = told(tmp_path, *life(12)).steps
    names = [kind(step) if isinstance(step, Entry) else step.id for step in steps]
    assert names == [
        "KQ7M12",
        "job.queued",
        "job.started",
        "toolu_01",
        "toolu_02",
        "toolu_03",
        "job.finished",
    ]


@pytest.mark.parametrize("length", range(1, len(life(12)) + 1))
def test_a_story_whose_beginning_was_pruned_can_be_told(length: int, tmp_path: Path) -> None:
    assert told(tmp_path, *life(12)[-length:]).ending


@pytest.mark.parametrize("length", range(3, len(life(12))))
def test_a_story_that_goes_on_can_be_told(length: int, tmp_path: Path) -> None:
    found = told(tmp_path, *life(12)[:length])
    assert found.ending is None
    assert len(found.records) == length


def test_a_job_with_the_number_of_an_earlier_one_has_its_own_story(tmp_path: Path) -> None:
    again: Sequence[Event] = (
        MessageReceived(who=BEN, key="telegram:bot:1", place="p", text="/run again"),
        JobQueued(who=BEN, cause=("telegram:bot:1",), job=12, project="app", kind="prompt"),
        JobCancelled(who=BEN, job=12, reason="stopped by ben"),
    )
    found = told(tmp_path, *life(12), *again)
    assert (found.project, found.requester, len(found.records)) == ("app", BEN, 3)
    assert kind(found.ending) == "job.cancelled"
    assert found.earlier == (4,)


def test_a_message_on_the_way_belongs_to_the_story(tmp_path: Path) -> None:
    begin, end = life(12)[:9], life(12)[9:]
    on_the_way: Sequence[Event] = (
        MessageReceived(who=BEN, key="telegram:bot:2", place="p", text="faster"),
        JobSteered(who=BEN, cause=("telegram:bot:2",), job=12),
    )
    found = told(tmp_path, *begin, *on_the_way, *end)
    assert len(found.records) == len(life(12)) + 2
    assert found.message
    assert found.message.record.actor == ANNA
    steps = [step for step in found.steps if isinstance(step, Entry)]
    assert [kind(step) for step in steps[2:4]] == ["message.received", "job.steered"]


def test_what_covers_a_story_is_said(tmp_path: Path) -> None:
    protection = told(tmp_path, *life(12)).protection
    assert (protection.epoch, protection.anchors) == (1, ())
    assert protection.signed_at == len(life(12)) + 1


def test_a_job_that_is_not_in_the_log_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match="no record is about job 7"):
        told(tmp_path, *life(12), job=7)


def test_a_record_that_stands_twice_after_a_crash_is_told_once(tmp_path: Path) -> None:
    events = life(12)
    found = told(tmp_path, *events[:2], *events)
    assert found.message
    assert found.message.record.seq == 2
    assert found.approvals[0].id == "KQ7M12"
