"""Questions that need no project go to the workspace, and one tap moves them."""

from __future__ import annotations

from appliance.core.model import WORKSPACE, Denied, Ended, Ending, Prompt
from tests.examples import ALICE, BOB
from tests.services.rig import DEMO, Puppet, Rig

QUESTION = "who wrote Dune?"


def places(rig: Rig) -> list[tuple[str, str]]:
    """Of each task that was started: where, and what it says."""
    return [
        (task.project.name, task.work.text)
        for task in rig.agent.tasks
        if isinstance(task.work, Prompt)
    ]


async def test_a_plain_question_is_answered_in_the_workspace_and_says_so(rig: Rig) -> None:
    await rig.says(QUESTION)
    assert "workspace" in await rig.chat.until("Job 1 ✓ done")
    assert places(rig) == [(WORKSPACE, QUESTION)]
    await rig.chat.until_button("Move to the project")


async def test_work_stays_with_the_project(rig: Rig) -> None:
    await rig.says("fix the login")
    await rig.chat.until("Job 1 ✓ done")
    assert places(rig) == [(DEMO, "fix the login")]


async def test_a_talk_that_has_begun_goes_on_where_it_is(rig: Rig) -> None:
    await rig.says("fix the login")
    await rig.chat.until("Job 1 ✓ done")
    await rig.says(QUESTION)
    await rig.chat.until("Job 2 ✓ done")
    assert places(rig)[1] == (DEMO, QUESTION)


async def test_who_may_not_ask_is_not_routed(rig: Rig) -> None:
    del rig.policy.table["/ask"]
    await rig.says(QUESTION)
    await rig.chat.until("Job 1 ✓ done")
    assert places(rig) == [(DEMO, QUESTION)]


async def test_one_tap_moves_a_question_to_the_project(rig: Rig) -> None:
    await rig.says(QUESTION)
    await rig.chat.until("Job 1 ✓ done")
    await rig.clicks("tm:1")
    await rig.chat.until("Job 2 ✓ done")
    assert places(rig) == [(WORKSPACE, QUESTION), (DEMO, QUESTION)]


async def test_what_still_runs_is_stopped_when_it_is_moved(rig: Rig) -> None:
    async def until_stopped(puppet: Puppet) -> Ended | None:
        if puppet.task.project.name == WORKSPACE:
            return None
        await puppet.interrupted.wait()
        return Ended(Ending.CANCELLED, "")

    rig.agent.script = until_stopped
    await rig.says("/run what is it?")
    await rig.chat.until("Job 1 started")
    await rig.clicks("tm:1")
    await rig.chat.until("Job 2 ✓ done")
    await rig.chat.until("Job 1 stopped")
    assert places(rig) == [(DEMO, "what is it?"), (WORKSPACE, "what is it?")]


async def test_only_ones_own_task_can_be_moved(rig: Rig) -> None:
    await rig.says(QUESTION)
    await rig.chat.until("Job 1 ✓ done")
    await rig.says("/move 1", BOB)
    await rig.chat.until("no task of yours to move")
    assert len(rig.agent.tasks) == 1


async def test_moving_needs_the_right_to_work_there(rig: Rig) -> None:
    rig.policy.table["/run"] = Denied(None, "not you")
    await rig.says("/ask who wrote Dune?")
    await rig.chat.until("Job 1 ✓ done")
    await rig.says("/move 1", ALICE)
    await rig.chat.until("Not allowed")
    assert places(rig) == [(WORKSPACE, QUESTION)]
