"""What a place is about: sessions, replies, messages that steer or are changed, who may what."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.events import MessageEdited
from appliance.core.jobs import State as JobState
from appliance.core.model import (
    Actor,
    Allowed,
    Asks,
    CommandRequest,
    Edited,
    Ended,
    Ending,
    Place,
    Platform,
    PostKind,
    Prompt,
    SessionStarted,
)
from appliance.errors import ChatRefused, ChatUnavailable
from tests.examples import ALICE, BOB, NOW, message
from tests.services.rig import DEMO, RULE, Puppet, Rig, allow_everything, running

PRIVATE = Place(Platform.TELEGRAM, ALICE.sender.id)


class Stage:
    """An agent whose jobs go on until they are released, and name sessions of their own."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.heard: list[str] = []
        self.release = asyncio.Event()
        self.puppets: list[Puppet] = []
        rig.agent.script = self.script

    async def script(self, puppet: Puppet) -> Ended | None:
        self.puppets.append(puppet)
        work = puppet.task.work
        assert isinstance(work, Prompt)
        puppet.tell(SessionStarted(work.session or f"session-of-{puppet.task.job}"))
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self.listen(puppet))
            ends = [group.create_task(e.wait()) for e in (self.release, puppet.interrupted)]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in (listening, *ends):
                each.cancel()
        return Ended(Ending.CANCELLED, "") if puppet.interrupted.is_set() else None

    async def listen(self, puppet: Puppet) -> None:
        while True:
            self.heard.append(await puppet.steered.get())


async def finished(rig: Rig, number: int) -> None:
    await rig.chat.until(f"Job {number} ✓ done")


async def edits(rig: Rig, text: str, number: int, actor: Actor = ALICE) -> None:
    """Change the message that was the `number`th."""
    rig.number += 1
    key = f"telegram:1:{rig.number}"
    place = Place(Platform.TELEGRAM, ALICE.sender.id)
    await rig.intake([Edited(key, actor.sender, place, text, NOW, str(100 + number))])


async def replies(rig: Rig, text: str, to: str, actor: Actor = ALICE) -> None:
    rig.number += 1
    said = message(text, rig.number, actor, PRIVATE)
    await rig.intake([replace(said, reply_to=to)])


def message_with(rig: Rig, words: str) -> str:
    """The number of the message that holds these words."""
    return next(number for number, text in rig.chat.messages.items() if words in text)


# --- sessions


async def test_new_starts_afresh_even_while_a_job_runs(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("first")
    await rig.chat.until("Job 1 started")
    await rig.says("/new")
    await rig.chat.until("starts afresh")
    await rig.says("second")
    await rig.chat.until("Starts after job 1")
    stage.release.set()
    await finished(rig, 2)
    assert stage.heard == []
    assert [prompt.session for prompt in rig.agent.prompts] == [None, None]


async def test_an_earlier_session_is_listed_and_gone_on_with(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("paint the bikeshed")
    await finished(rig, 1)
    await rig.says("/new")
    await rig.says("something else")
    await finished(rig, 2)
    await rig.says("/sessions")
    listed = await rig.chat.until("Earlier here in demo")
    assert "paint the bikeshed" in listed
    assert "something else" in listed
    await rig.clicks("to:1")
    await rig.chat.until("goes on from job 1")
    await rig.says("in blue")
    await finished(rig, 3)
    assert rig.agent.prompts[2].session == "session-of-1"


async def test_a_session_of_another_place_is_not_opened(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("a secret")
    await finished(rig, 1)
    await rig.says("/project demo", BOB)
    await rig.says("/sessions 1", BOB)
    await rig.chat.until("There is no such session here")


async def test_a_message_of_the_same_batch_is_of_the_new_conversation(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("first")
    await finished(rig, 1)
    batch = [message("/project other", 50), message("there", 51)]
    await rig.intake(batch)
    await finished(rig, 2)
    assert rig.agent.tasks[1].project.name == "other"
    assert rig.agent.prompts[1].session is None


# --- replies


async def test_a_reply_to_an_old_answer_goes_on_with_its_session_and_project(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("first")
    await finished(rig, 1)
    answer = message_with(rig, "all done")
    await rig.says("/project other")
    await rig.says("elsewhere")
    await finished(rig, 2)
    await replies(rig, "and again", answer)
    await finished(rig, 3)
    third = rig.agent.tasks[2]
    assert (third.project.name, third.work.session) == ("demo", "session-of-1")  # type: ignore[union-attr]
    conversation = rig.state.conversation(PRIVATE)
    assert (conversation.project, conversation.session) == ("other", "session-of-2")


async def test_a_reply_to_ones_own_old_message_does_so_too(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("first")
    own = str(100 + rig.number)
    await finished(rig, 1)
    await rig.says("/new")
    await replies(rig, "and again", own)
    await finished(rig, 2)
    assert rig.agent.prompts[1].session == "session-of-1"


async def test_a_reply_to_something_without_a_session_says_so_and_starts_afresh(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("first")
    await finished(rig, 1)
    await replies(rig, "do it", message_with(rig, "Project is now"))
    await rig.chat.until("no session to go on with")
    await finished(rig, 2)
    assert rig.agent.prompts[1].session is None


# --- steering


async def test_a_message_that_arrived_is_marked(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("and also this")
    await rig.chat.until("👀")
    (mark,) = [post for post in rig.chat.posts if post.kind is PostKind.MARK]
    assert mark.message_id == str(100 + rig.number)
    stage.release.set()
    await finished(rig, 1)
    assert stage.heard == ["and also this"]


async def test_a_mark_that_is_refused_is_said_and_one_that_fails_holds_nothing_up(
    rig: Rig,
) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    rig.chat.failures = [ChatRefused("REACTION_INVALID")]
    await rig.says("one")
    await rig.chat.until("👀")
    (said,) = [post for post in rig.chat.posts if post.reply.body.text == "👀"]
    assert (said.kind, said.reply.answers) == (PostKind.NEW, str(100 + rig.number))
    rig.chat.failures = [ChatUnavailable("500")]
    await rig.says("two")
    stage.release.set()
    await finished(rig, 1)
    assert stage.heard == ["one", "two"]


async def test_what_could_not_be_passed_on_is_a_job_of_its_own_and_says_so(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")

    async def takes_nothing(text: str) -> bool:
        return False

    stage.puppets[0].steer = takes_nothing  # type: ignore[method-assign]
    await rig.says("and also this")
    await rig.chat.until("Job 1 takes nothing more")
    await rig.chat.until("Starts after job 1")
    stage.release.set()
    await finished(rig, 2)


async def test_what_the_agent_has_not_read_when_it_ends_is_worked_on_after_it(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("and also this")
    await rig.chat.until("👀")
    stage.puppets[0].untaken = ["and also this"]
    stage.release.set()
    await rig.chat.until("before it had read your last message")
    await finished(rig, 2)
    second = rig.agent.tasks[1].work
    assert isinstance(second, Prompt)
    assert (second.text, second.session) == ("and also this", "session-of-1")


async def test_what_an_interrupted_job_was_told_goes_with_resume(tmp_path: Path) -> None:
    rig = Rig(tmp_path, allow_everything())
    async with running(rig):
        await rig.says("/project demo")
        Stage(rig)
        await rig.says("start")
        await rig.chat.until("Job 1 started")
        await rig.says("and\nalso this")
        await rig.chat.until("👀")
    rig.state.close()
    after = Rig(tmp_path, rig.policy)
    after.number = rig.number
    async with running(after):
        told = await after.chat.until("Job 1 was interrupted")
        assert "It may not have read this:\nand also this\n“Resume” tells it once more." in told
        await after.clicks(after.button("Resume"))
        await finished(after, 2)
    resumed = after.agent.tasks[0].work
    assert isinstance(resumed, Prompt)
    assert resumed.text.startswith("Continue where you were interrupted.")
    assert resumed.text.endswith("Perhaps you have not read it yet:\n\nand\nalso this")
    after.state.close()


async def test_nobody_steers_the_job_of_somebody_else(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("rather mine", BOB, PRIVATE)
    await rig.chat.until("Starts after job 1")
    stage.release.set()
    await finished(rig, 2)
    assert stage.heard == []
    job = rig.state.latest_jobs(1)[0]
    assert job.requester == BOB.name


async def test_a_reply_to_a_question_goes_on_with_nobody_elses_session(rig: Rig) -> None:
    rig.policy.table["Bash"] = Asks(RULE, by=("owner",))
    rig.policy.by["owner"] = {ALICE.name}
    rig.agent.script = lambda puppet: puppet.call("Bash", command="rm -rf build")
    await rig.says("/project demo", BOB)
    await rig.says("/run tidy up", BOB)
    async with asyncio.timeout(5):
        while not any(p.place == PRIVATE and "rm -rf" in p.reply.body.text for p in rig.chat.posts):
            await asyncio.sleep(0)
    await rig.replies("what is this?", to="rm -rf")
    await rig.chat.until("Starts after job 1")
    (job,) = [job for job in rig.state.unfinished_jobs() if job.requester == ALICE.name]
    assert job.work == Prompt("what is this?")


# --- messages that are changed


async def test_a_changed_message_changes_the_job_that_waits(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("/run paint it red")
    number = rig.number
    await rig.chat.until("Starts after job 1")
    await edits(rig, "/run paint it blue", number)
    await rig.chat.until("Job 2 has the changed text")
    stage.release.set()
    await finished(rig, 2)
    texts = [prompt.text for prompt in rig.agent.prompts]
    assert texts == ["start", "paint it blue"]
    (edited,) = [event for event in rig.audit.events if isinstance(event, MessageEdited)]
    assert (edited.job, edited.text) == (2, "/run paint it blue")


async def test_a_change_that_comes_too_late_says_what_to_do(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await edits(rig, "start over", rig.number)
    await rig.chat.until("Job 1 has already started")
    stage.release.set()
    await finished(rig, 1)
    await edits(rig, "start over again", rig.number - 1)
    await rig.chat.until("Job 1 has ended")
    assert len(rig.agent.tasks) == 1


async def test_a_changed_message_is_judged_anew_and_the_old_text_does_not_run(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("/run red")
    number = rig.number
    await rig.chat.until("Starts after job 1")
    del rig.policy.table["/ask"]
    await edits(rig, "/ask who paid for it", number)
    await rig.chat.until("Not allowed")
    stage.release.set()
    await finished(rig, 1)
    job = rig.state.latest_jobs(1)[0]
    assert (job.id, job.state) == (2, JobState.CANCELLED)
    assert len(rig.agent.tasks) == 1


async def test_an_open_question_about_a_changed_message_is_asked_anew(rig: Rig) -> None:
    Stage(rig).release.set()
    rig.policy.table["/run"] = Asks(RULE)
    await rig.says("paint it red")
    await rig.chat.until("May this run?")
    first = rig.button("Approve")
    await edits(rig, "paint it blue", rig.number)
    await rig.chat.until("Withdrawn")
    while rig.button("Approve") == first:
        await asyncio.sleep(0)
    await rig.clicks(first)
    await rig.chat.until("no longer being asked")
    await rig.clicks(rig.button("Approve"))
    await finished(rig, 1)
    assert [prompt.text for prompt in rig.agent.prompts] == ["paint it blue"]


async def test_only_its_sender_changes_a_message(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("/run mine")
    number = rig.number
    await rig.chat.until("Starts after job 1")
    await edits(rig, "/run yours", number, BOB)
    stage.release.set()
    await finished(rig, 2)
    assert rig.agent.prompts[1].text == "mine"


@pytest.mark.parametrize("words", ["/stop 2", "/retry 2", "/log 2", "/diff 2", "/resume 2"])
async def test_a_changed_message_is_about_its_own_job_whichever_it_names(
    rig: Rig, words: str
) -> None:
    stage = Stage(rig)
    await rig.says("/project demo", BOB)
    await rig.says("start", BOB)
    await rig.chat.until("Job 1 started")
    await rig.says("/run yours", BOB)
    await rig.says("/run mine")
    number = rig.number
    await rig.chat.until("Job 3")
    del rig.policy.table["/stop"]
    await edits(rig, words, number)
    while not (job := rig.state.latest_jobs(1)[0]).is_finished:
        await asyncio.sleep(0)
    assert (job.id, job.state) == (3, JobState.CANCELLED)
    stage.release.set()
    while (job := rig.state.latest_jobs(2)[1]).state is not JobState.SUCCEEDED:
        await asyncio.sleep(0)
    assert [prompt.text for prompt in rig.agent.prompts] == ["start", "yours"]


async def test_stop_without_a_number_is_judged_in_the_project_of_what_it_would_stop(
    rig: Rig,
) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("/project other")
    await rig.chat.until("Project is now other")
    await rig.says("/stop", BOB, PRIVATE)
    await rig.chat.until("Stopping job 1")
    (request,) = [
        each
        for each in rig.policy.asked
        if isinstance(each, CommandRequest) and each.words == "/stop"
    ]
    assert (request.user, request.project) == (BOB.name, DEMO)
    stage.release.set()


# --- what waits, what happened, once more


async def test_the_queue_says_what_each_job_waits_for(rig: Rig) -> None:
    stage = Stage(rig)
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("/run second")
    await rig.says("/after 2 third")
    await rig.says("/queue")
    queue = await rig.chat.until("until job 1 has ended")
    assert "until job 2 has succeeded" in queue
    await rig.clicks(rig.button("Cancel 3"))
    await rig.chat.until("Stopping job 3")
    stage.release.set()
    await finished(rig, 2)
    assert len(rig.agent.tasks) == 2


async def test_a_job_is_tried_again_with_the_same_words_and_judged_anew(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("do it")
    await finished(rig, 1)
    await rig.says("/retry")
    await finished(rig, 2)
    assert [prompt.text for prompt in rig.agent.prompts] == ["do it", "do it"]
    del rig.policy.table["/run"]
    await rig.says("/retry 1")
    await rig.chat.until("Not allowed")
    assert len(rig.agent.tasks) == 2


async def test_the_log_of_others_is_for_those_whom_the_policy_lets_see_it(rig: Rig) -> None:
    Stage(rig).release.set()
    await rig.says("my salary")
    await finished(rig, 1)
    await rig.says("/log 1")
    assert "asked for by alice" in await rig.chat.until("my salary")
    await rig.says("/log 1", BOB)
    assert "/log others" in await rig.chat.until("Not allowed")
    rig.policy.table["/log others"] = Allowed(RULE)
    await rig.says("/log 1", BOB)
    while not any(
        p.place.chat == BOB.sender.id and "my salary" in p.reply.body.text for p in rig.chat.posts
    ):
        await asyncio.sleep(0)


async def test_many_projects_are_shown_page_by_page(tmp_path: Path) -> None:
    rig = Rig(tmp_path, allow_everything())
    async with running(rig):
        await rig.says("/project")
        shown = await rig.chat.until("Project: ")
        assert "page" not in shown
        assert rig.button(DEMO)
    rig.state.close()
