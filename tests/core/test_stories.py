"""What is told of jobs, sessions and projects fits a phone, and its buttons lead back to us."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.core.approvals import ApprovalState
from appliance.core.commands import (
    Command,
    Mistake,
    OpenSession,
    RetryJob,
    Run,
    ShowLog,
    ShowQueue,
    ShowSessions,
    StopJob,
    UseProject,
)
from appliance.core.jobs import PastSession, State, Step, StepKind
from appliance.core.model import Click, JobId, Millis, Place, Platform, Reply, Sender
from appliance.core.parsing import parse
from appliance.core.replies import about_conversations, about_projects, about_stories
from appliance.core.replies.about_stories import Waiting
from appliance.core.requests import command_of, typed, words_of
from tests.examples import NOW, PLACE, approval, job

PHONE_LINES = 25
ENDED = job(state=State.SUCCEEDED, started_at=NOW, ended_at=Millis(NOW + 60_000))
GROUP = Place(Platform.TELEGRAM, "-100", "5")


def steps(count: int) -> list[Step]:
    return [
        Step(Millis(NOW + n), StepKind.TOOL, f"Bash: step {n} {'x' * 200}") for n in range(count)
    ]


def pressed(token: str) -> Command:
    click = Click("k", Sender(Platform.TELEGRAM, "1"), PLACE, token, NOW)
    return command_of(click, ())


def tokens(reply: Reply) -> list[str]:
    return [button.token for row in reply.buttons for button in row]


def test_the_story_of_a_long_job_fits_a_phone_and_the_rest_is_a_file() -> None:
    reply = about_stories.story(ENDED, steps(300), [])
    assert len(reply.body.text.splitlines()) <= PHONE_LINES
    assert "287 earlier" in reply.body.text
    whole = about_stories.story(ENDED, steps(300), [], whole=True)
    assert whole.attachment is not None
    assert whole.attachment.content.decode().count("Bash: step") == 300


def test_a_story_tells_who_answered_in_the_order_of_time() -> None:
    refused = approval(state=ApprovalState.REFUSED, answered_by="bob", asked_at=Millis(NOW + 1))
    text = about_stories.story(ENDED, steps(3), [refused]).body.text
    lines = text.splitlines()
    order = ["asked for by alice", "started", "step 0", "bob said no to rm -rf build", "step 2"]
    found = [next(n for n, line in enumerate(lines) if part in line) for part in order]
    assert found == sorted(found)


def test_among_several_people_a_job_says_whose_it_is() -> None:
    text = about_stories.story(replace(ENDED, place=GROUP), [], []).body.text
    assert "alice · demo" in text


def test_every_waiting_job_shown_can_be_cancelled() -> None:
    waiting = [Waiting(job(id=JobId(n)), about_stories.starts_now()) for n in range(1, 40)]
    reply = about_stories.queue(waiting, NOW)
    assert len(reply.body.text.splitlines()) <= PHONE_LINES + 1
    assert [pressed(token) for token in tokens(reply)] == [StopJob(JobId(n)) for n in range(1, 13)]


def test_every_session_but_the_current_one_can_be_gone_on_with() -> None:
    past = [PastSession(job(), replace(ENDED, id=JobId(n), session=f"s{n}"), n) for n in (1, 2)]
    reply = about_conversations.sessions("demo", past, "s2", NOW)
    assert [pressed(token) for token in tokens(reply)] == [OpenSession(JobId(1))]


def test_every_project_is_on_some_page() -> None:
    names = [f"project-{n}" for n in range(20)]
    found: list[str] = []
    page: int | None = 0
    while page is not None:
        reply = about_projects.projects(None, names, page)
        commands = [pressed(token) for token in tokens(reply)]
        found += [c.name for c in commands if isinstance(c, UseProject) and c.name]
        further = [c.page for c in commands if isinstance(c, UseProject) and not c.name]
        page = next((number for number in further if number > page), None)
    assert found == names


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/queue", ShowQueue()),
        ("/log 12", ShowLog(JobId(12))),
        ("/log", ShowLog()),
        ("/retry", RetryJob()),
        ("/retry #12", RetryJob(JobId(12))),
        ("/sessions", ShowSessions()),
        ("/sessions 12", OpenSession(JobId(12))),
        ("/after 12 test it", Run("test it", fresh=True, after=JobId(12))),
    ],
)
def test_what_people_write_about_jobs(text: str, command: Command) -> None:
    assert parse(text, ()) == command


@pytest.mark.parametrize("text", ["/after", "/after 12", "/after it", "/log it", "/retry 1 2"])
def test_what_is_no_job_is_a_mistake(text: str) -> None:
    assert isinstance(parse(text, ()), Mistake)


@pytest.mark.parametrize(
    ("token", "words", "instead"),
    [
        ("ty:12", "/retry", "/retry 12"),
        ("tl:12", "/log", "/log 12"),
        ("tw:12", "/log", "/log 12"),
        ("to:12", "/sessions", "/sessions 12"),
        ("tp:1", "/project", "/project"),
    ],
)
def test_a_button_can_be_judged_and_typed(token: str, words: str, instead: str) -> None:
    assert words_of(pressed(token)) == words
    assert typed(token) == instead


@pytest.mark.parametrize("token", ["to:x", "ty:", "tw:-1", "tp:99999999999", "tz:1"])
def test_a_button_that_is_none_of_ours_is_a_mistake(token: str) -> None:
    assert isinstance(pressed(token), Mistake)
