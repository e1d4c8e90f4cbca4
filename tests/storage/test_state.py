"""The state database keeps what it was given, once, and in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.approvals import ApprovalState
from appliance.core.jobs import State as JobState
from appliance.core.keep_awake import Session
from appliance.core.model import (
    Asks,
    Attachment,
    Button,
    ButtonKind,
    CommandRequest,
    Denied,
    JobId,
    Markdown,
    Millis,
    Place,
    Platform,
    PostKind,
    Program,
    ProjectName,
    Prompt,
    Rate,
    Reply,
    Rich,
    RuleRate,
    Span,
    Style,
    ToolRequest,
    Usage,
)
from appliance.errors import StorageUnavailable
from appliance.ports import Conversation, Refusal
from appliance.storage.database import SCHEMA_VERSION
from appliance.storage.state import SqliteState
from tests.examples import ALICE, BOB, NOW, PLACE, RULE, approval, click, job, message


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqliteState]:
    state = SqliteState.open(tmp_path)
    yield state
    state.close()


def say(text: str) -> Reply:
    return Reply(Rich(text))


def test_a_message_is_accepted_once(state: SqliteState) -> None:
    assert state.accept(message("hello"), ALICE)
    assert not state.accept(message("hello again"), ALICE)
    assert state.waiting() == ((message("hello"), ALICE),)


def test_what_was_handled_does_not_come_back(state: SqliteState) -> None:
    state.accept(message("one", 1), ALICE)
    state.accept(click("a:xyz", 2, BOB), BOB)
    state.mark_handled("telegram:1:1")
    assert state.waiting() == ((click("a:xyz", 2, BOB), BOB),)


def test_parts_of_a_joined_message_are_known_too(state: SqliteState) -> None:
    state.accept(replace(message("long", 1), joined=("telegram:1:2",)), ALICE)
    assert not state.accept(message("rest", 2), ALICE)
    assert len(state.waiting()) == 1


def test_a_transaction_that_fails_leaves_nothing(state: SqliteState) -> None:
    with pytest.raises(ZeroDivisionError), state.transaction():
        state.accept(message("hello"), ALICE)
        _ = 1 / 0
    assert state.waiting() == ()


def test_nested_transactions_are_one(state: SqliteState) -> None:
    with pytest.raises(ZeroDivisionError), state.transaction():
        with state.transaction():
            state.accept(message("hello"), ALICE)
        _ = 1 / 0
    assert state.waiting() == ()


@pytest.mark.parametrize(
    "work",
    [
        Prompt("x", session="s", model="m", max_turns=3),
        Program("git log", ("git", "log"), ".", 10, (0, 1), 30),
    ],
)
def test_a_job_comes_back_as_it_was_stored(state: SqliteState, work: Prompt | Program) -> None:
    stored = state.add_job(
        job(
            work=work,
            state=JobState.QUEUED,
            after=JobId(7),
            parallel=True,
            read_only=True,
            keeps_session=False,
            pending=2,
            started_at=NOW,
            ended_at=NOW,
            session="abc",
            reason="why",
            usage=Usage(1, 2, 3, 4, 5),
        )
    )
    assert state.job(stored.id) == stored
    assert state.job_of("telegram:1:1") == stored


def test_unfinished_jobs_are_those_that_can_still_run(state: SqliteState) -> None:
    for number, job_state in enumerate(JobState):
        state.add_job(job(key=str(number), state=job_state))
    names = {job.state for job in state.unfinished_jobs()}
    assert names == {
        JobState.RECEIVED,
        JobState.WAITING_APPROVAL,
        JobState.QUEUED,
        JobState.RUNNING,
    }


def test_only_success_counts_for_a_job_that_waits(state: SqliteState) -> None:
    good = state.add_job(job(key="1", state=JobState.SUCCEEDED))
    bad = state.add_job(job(key="2", state=JobState.FAILED))
    assert state.succeeded([good.id, bad.id, JobId(99)]) == {good.id}


def test_an_approval_comes_back_as_it_was_stored(state: SqliteState) -> None:
    state.add_job(job())
    state.save_approval(approval())
    assert state.approval(approval().id) == approval()
    assert state.open_approvals() == (approval(),)
    state.save_approval(approval(state=ApprovalState.USED))
    assert state.open_approvals() == ()


def test_a_conversation_is_remembered(state: SqliteState) -> None:
    assert state.conversation(PLACE) == Conversation()
    state.save_conversation(PLACE, Conversation(ProjectName("demo"), "session"))
    assert state.conversation(PLACE) == Conversation(ProjectName("demo"), "session")


def test_posts_leave_in_order(state: SqliteState) -> None:
    first, second = state.post(PLACE, say("1")), state.post(PLACE, say("2"))
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert delivery.post.id == first
    state.mark_trying(first, NOW)
    state.mark_delivered(first, "55")
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert delivery.post.id == second
    state.mark_given_up(second, "blocked")
    assert state.next_delivery(PLACE) is None
    assert state.places_with_mail() == ()


def test_a_reply_comes_back_as_it_was_put(state: SqliteState) -> None:
    reply = Reply(
        Rich("bold", (Span(Style.BOLD, 0, 4, ""),)),
        ((Button("Yes", "a:1", ButtonKind.APPROVE),),),
        Attachment("a.txt", b"\x00\xff"),
        silent=True,
    )
    state.post(PLACE, reply)
    state.post(PLACE, Reply(Markdown("*x*")))
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert delivery.post.reply == reply


def test_a_post_that_was_tried_is_in_doubt(state: SqliteState) -> None:
    state.accept(message("hello"), ALICE)  # message 101 on the platform
    post = state.post(PLACE, say("1"))
    state.mark_trying(post, NOW)
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert delivery.is_in_doubt
    assert delivery.post.after_id == "101"
    state.mark_untried(post)
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert not delivery.is_in_doubt
    assert (delivery.attempts, delivery.first_tried_at) == (1, NOW)


def test_the_first_post_in_a_place_is_ready_and_after_a_crash_in_doubt(tmp_path: Path) -> None:
    before = SqliteState.open(tmp_path)
    before.accept(message("hello"), ALICE)
    first, _second = before.post(PLACE, say("1")), before.post(PLACE, say("2"))
    delivery = before.next_delivery(PLACE)
    assert delivery is not None
    assert (delivery.is_ready, delivery.is_in_doubt) == (True, False)
    before.close()
    after = SqliteState.open(tmp_path)
    delivery = after.next_delivery(PLACE)
    assert delivery is not None
    assert (delivery.post.id, delivery.post.after_id) == (first, "101")
    assert (delivery.is_ready, delivery.is_in_doubt) == (False, True)
    after.mark_delivered(first, "102")
    delivery = after.next_delivery(PLACE)
    assert delivery is not None
    assert (delivery.is_ready, delivery.is_in_doubt) == (False, False)
    after.close()


def test_the_last_known_message_may_be_ours_or_theirs(state: SqliteState) -> None:
    state.accept(message("hello"), ALICE)
    first, second = state.post(PLACE, say("1")), state.post(PLACE, say("2"))
    state.mark_delivered(first, "99")
    state.mark_trying(second, NOW)
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert delivery.post.after_id == "101"


def test_an_edit_names_the_message_it_replaces(state: SqliteState) -> None:
    first = state.post(PLACE, say("question"), label="approval:x")
    state.mark_delivered(first, "42")
    state.post(PLACE, say("answered"), kind=PostKind.EDIT, edits=first)
    delivery = state.next_delivery(PLACE)
    assert delivery is not None
    assert delivery.post.message_id == "42"
    assert state.posts_labelled("approval:x") == ((first, PLACE),)


def test_the_place_of_a_user_is_where_they_wrote_last(state: SqliteState) -> None:
    assert state.place_of(ALICE.name) is None
    state.accept(message("hello"), ALICE)
    assert state.place_of(ALICE.name) == PLACE


def test_the_place_of_a_user_can_be_asked_for_by_platform(state: SqliteState) -> None:
    state.accept(message("hello"), ALICE)
    at_terminal = Place(Platform.TERMINAL, ALICE.name)
    state.accept(message("hello", 2, place=at_terminal), ALICE)
    assert state.place_of(ALICE.name) == at_terminal
    assert state.place_of(ALICE.name, [Platform.TELEGRAM, Platform.WEB]) == PLACE
    assert state.place_of(ALICE.name, [Platform.WEB]) is None


def test_a_second_daemon_is_refused(state: SqliteState, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="another dispatchd"):
        SqliteState.open(tmp_path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    import sqlite3

    SqliteState.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StorageUnavailable, match="newer version"):
        SqliteState.open(tmp_path)


def test_a_file_that_is_no_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageUnavailable, match="cannot open the state database"):
        SqliteState.open(tmp_path)


def test_the_database_is_ours_alone(state: SqliteState, tmp_path: Path) -> None:
    state.accept(message("hello"), ALICE)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_a_full_disk_refuses_and_keeps_what_was(state: SqliteState) -> None:
    state.accept(message("kept", 1), ALICE)
    pages = state._db.rows("PRAGMA page_count")[0][0]
    state._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageUnavailable, match="full"), state.transaction():
        for number in range(2, 200):
            state.accept(message("x" * 4000, number), ALICE)
    state._db.execute("PRAGMA max_page_count = 1000000")
    assert [incoming.key for incoming, _ in state.waiting()] == ["telegram:1:1"]
    assert state.accept(message("again", 2), ALICE)


def test_a_half_given_approval_comes_back_as_it_was(state: SqliteState) -> None:
    state.add_job(job())
    rates = (RuleRate(RULE, Rate(3, 60)),)
    asks = Asks(RULE, ("lead",), people=2, rates=rates, via=(Platform.WEB,), job_wide=True)
    half = approval(asks=asks, given_by=("carol",), for_job=True)
    state.save_approval(half)
    assert state.approval(half.id) == half


def test_only_what_was_used_for_the_whole_job_is_found_for_it(state: SqliteState) -> None:
    state.add_job(job())
    used = approval(id="x1", state=ApprovalState.USED, for_job=True)
    state.save_approval(used)
    state.save_approval(approval(id="x2", state=ApprovalState.GIVEN, for_job=True))
    state.save_approval(approval(id="x3", state=ApprovalState.USED))
    assert state.approvals_for_job(JobId(1)) == (used,)
    assert state.approvals_for_job(JobId(2)) == ()


def test_counts_are_kept_once_for_each_key_and_forgotten_when_old(state: SqliteState) -> None:
    for number, key in enumerate(("a", "b", "a", "c")):
        state.count("rate", key, Millis(NOW + number), Millis(0))
    assert state.is_counted("rate", "a")
    assert not state.is_counted("other", "a")
    assert [state.latest_count("rate", n) for n in (1, 2, 3, 4)] == [NOW + 3, NOW + 1, NOW, None]
    state.count("rate", "d", Millis(NOW + 9), Millis(NOW + 2))
    assert state.latest_count("rate", 3) is None


def test_the_last_refusal_of_a_place_is_kept(state: SqliteState) -> None:
    demo = ProjectName("demo")
    command = CommandRequest(ALICE.name, demo, "/deploy prod", Platform.WEB, NOW)
    call = ToolRequest(
        ALICE.name, demo, "/srv", "/srv/a", "Bash", {"command": "id", "n": [1]}, Platform.WEB, NOW
    )
    assert state.refusal(PLACE) is None
    for request, denied in ((command, Denied(None, "no")), (call, Denied(RULE, "never"))):
        state.save_refusal(PLACE, Refusal(NOW, request, denied))
        assert state.refusal(PLACE) == Refusal(NOW, request, denied)


def test_what_somebody_asked_to_stay_awake_for_is_kept_once(state: SqliteState) -> None:
    assert state.awake() is None
    first = Session(Millis(NOW + 1), ALICE.name, PLACE)
    second = Session(Millis(NOW + 2), BOB.name, replace(PLACE, topic="7"))
    for session in (first, second):
        state.save_awake(session)
        assert state.awake() == session
    state.save_awake(None)
    assert state.awake() is None
