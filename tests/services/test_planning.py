"""A plan first: until somebody has approved it the agent may only look, whatever comes between."""

from __future__ import annotations

from pathlib import Path

from appliance.core.events import ApprovalAsked, ApprovalGiven, RequestDenied
from appliance.core.model import (
    END_PLANNING,
    PLAN_FILE,
    Allowed,
    Asks,
    Ended,
    Ending,
    Prompt,
    SessionStarted,
)
from tests.examples import BOB
from tests.services.rig import RULE, Puppet, Rig, running

STEPS = ("Write", "Bash", "Edit", "NotebookEdit")


def allow(rig: Rig) -> None:
    tools = ("Read", "Grep", *STEPS, PLAN_FILE, END_PLANNING)
    rig.policy.table |= {tool: Allowed(RULE) for tool in tools}


async def plan(puppet: Puppet, number: int = 1) -> str:
    return await puppet.call(END_PLANNING, f"toolu_plan_{number}", plan="1. all of it\n2. done")


async def test_until_a_plan_is_approved_it_only_looks(rig: Rig) -> None:
    allow(rig)
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        got.extend([await puppet.call(tool, f"toolu_{tool}", a="b") for tool in STEPS])
        for tool in ("Read", "Grep", PLAN_FILE):
            assert await puppet.call(tool, f"toolu_{tool}", file_path="x") == "ok"
        got.append(await plan(puppet))
        assert await puppet.call("Write", "toolu_2", file_path="x", content="y") == "ok"

    rig.agent.script = script
    await rig.says("/plan tidy up")
    question = await rig.chat.until("May this plan be carried out?")
    assert "1. all of it\n2. done" in question
    assert len(got) == 4
    assert all("until its plan is approved (/plan) it may only look" in each for each in got)
    (task,) = rig.agent.tasks
    assert isinstance(task.work, Prompt)
    assert task.work.is_plan
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert got[-1] == "ok"
    denied = [e for e in rig.audit.events if isinstance(e, RequestDenied)]
    assert [event.act for event in denied] == list(STEPS)
    assert any(isinstance(event, ApprovalGiven) for event in rig.audit.events)


async def test_a_no_with_words_goes_on_planning(rig: Rig) -> None:
    allow(rig)
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        got.append(await plan(puppet, 1))
        got.append(await puppet.call("Bash", "toolu_b", command="make"))
        got.append(await plan(puppet, 2))

    rig.agent.script = script
    await rig.says("/plan tidy up")
    await rig.chat.until("May this plan be carried out?")
    await rig.clicks(rig.button("Ask for a change"))
    await rig.chat.until("Why not?")
    await rig.replies("leave the tests alone", "Why not?")
    await rig.chat.until("✗ Denied by alice")
    await rig.chat.until("May this plan be carried out?")
    assert "not approved by alice: leave the tests alone. Go on planning" in got[0]
    assert "it may only look" in got[1]
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert got[2] == "ok"


async def test_a_rule_may_have_somebody_else_approve_plans(rig: Rig) -> None:
    allow(rig)
    rig.policy.table[END_PLANNING] = Asks(RULE, by=("lead",))
    rig.policy.by = {"lead": {"bob"}}
    rig.agent.script = plan
    await rig.says("/status", BOB)
    await rig.says("/plan tidy up")
    await rig.chat.until("May this plan be carried out?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("You may not answer this. Ask bob.")
    await rig.clicks(rig.button("Approve"), BOB)
    await rig.chat.until("✓ Allowed by bob")


async def test_what_follows_an_unapproved_plan_is_still_planning(rig: Rig) -> None:
    allow(rig)
    got: list[str] = []

    async def script(puppet: Puppet) -> Ended:
        got.append(await puppet.call("Bash", f"toolu_{len(got)}", command="make"))
        return Ended(Ending.SUCCEEDED, f"that was {len(got)}")

    rig.agent.script = script
    await rig.says("/plan tidy up")
    await rig.chat.until("that was 1")
    await rig.says("go on then")
    await rig.chat.until("that was 2")
    plans = [task.work.is_plan for task in rig.agent.tasks if isinstance(task.work, Prompt)]
    assert plans == [True, True]
    assert all("it may only look" in each for each in got)


async def test_an_approved_plan_is_not_asked_about_in_what_follows(rig: Rig) -> None:
    allow(rig)
    rig.agent.script = plan
    await rig.says("/plan tidy up")
    await rig.chat.until("May this plan be carried out?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    rig.agent.script = lambda _: None
    await rig.says("and the docs")
    await rig.chat.until("Job 2 started")
    (_, second) = rig.agent.tasks
    assert isinstance(second.work, Prompt)
    assert not second.work.is_plan


async def test_a_plan_that_is_resumed_after_a_restart_is_still_a_plan(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    allow(rig)
    rig.agent.script = plan
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("/plan tidy up")
        await rig.chat.until("May this plan be carried out?")
        token = rig.button("Approve")
    rig.state.close()
    after = Rig(tmp_path, rig.policy)
    after.number = rig.number
    got: list[str] = []

    async def script(puppet: Puppet) -> Ended:
        puppet.tell(SessionStarted("session-1"))
        got.append(await puppet.call("Bash", "toolu_1", command="make"))
        return Ended(Ending.SUCCEEDED, "resumed")

    after.agent.script = script
    async with running(after):
        await after.clicks(token)
        await after.chat.until("This is no longer being asked. Nothing ran.")
        await after.says("/resume 1")
        await after.chat.until("resumed")
    assert "it may only look" in got[0]
    assert sum(isinstance(event, ApprovalAsked) for event in after.audit.events) == 0
    after.state.close()
