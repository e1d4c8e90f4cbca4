"""Who may answer, how many it takes, for how long and for what: as the rule says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.events import ApprovalAsked, ApprovalGiven, RequestAllowed, RequestDenied
from appliance.core.model import Actor, Asks, Decision, Platform, PostKind
from tests.examples import ALICE, BOB
from tests.services.rig import CAROL, RULE, Puppet, Rig, running

BOTH = Asks(RULE, by=("lead",), people=2)


async def asked(rig: Rig, asks: Decision, *commands: str) -> list[str]:
    """Alice's agent tries the commands one after the other; what it got back, in the end."""
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        for number, command in enumerate(commands or ("git push",)):
            got.append(await puppet.call("Bash", f"toolu_{number}", command=command))

    rig.policy.table["Bash"] = asks
    rig.policy.by = {"lead": {"bob", "carol"}}
    rig.agent.script = script
    for lead in (BOB, CAROL):
        await rig.says("/status", lead)
    await rig.says("push it")
    return got


async def until_over(rig: Rig) -> None:
    await rig.chat.until("all done")


def edits(rig: Rig) -> list[str]:
    return [p.reply.body.text for p in rig.chat.posts if p.kind is PostKind.EDIT]


async def test_two_different_people_must_approve(rig: Rig) -> None:
    got = await asked(rig, BOTH)
    assert "needs a yes from 2 people of lead" in await rig.chat.until("May this run?")
    token = rig.button("Approve")
    await rig.clicks(token, CAROL)
    assert "1 of 2 so far: carol" in await rig.chat.until("Noted")
    await rig.clicks(token, CAROL)
    await rig.clicks(token, ALICE)
    await rig.chat.until("You may not answer this. Ask bob, carol.")
    assert rig.agent.ran == []
    assert any("1 of 2 so far: carol" in text for text in edits(rig))
    await rig.clicks(token, BOB)
    await rig.chat.until("✓ Allowed by carol and bob")
    await until_over(rig)
    assert got == ["ok"]
    given = [event for event in rig.audit.events if isinstance(event, ApprovalGiven)]
    assert [event.who.id for event in given] == ["carol", "bob"]
    assert [e.people for e in rig.audit.events if isinstance(e, ApprovalAsked)] == [2]


async def test_one_refusal_ends_it_whoever_has_said_yes(rig: Rig) -> None:
    got = await asked(rig, BOTH)
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"), CAROL)
    await rig.chat.until("Noted")
    await rig.clicks(rig.button("Deny"), BOB)
    await until_over(rig)
    assert got == ["refused by bob"]
    assert rig.agent.ran == []


async def test_a_yes_of_somebody_who_lost_the_role_does_not_count_any_more(rig: Rig) -> None:
    await asked(rig, BOTH)
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"), CAROL)
    await rig.chat.until("1 of 2 so far: carol")
    rig.holder.swap(replace(rig.policy, by={"lead": {"bob", "alice", "dave"}}))
    await rig.clicks(rig.button("Approve"), BOB)
    await rig.chat.until("1 of 2 so far: bob")
    assert rig.agent.ran == []


async def test_the_role_is_looked_up_when_the_button_is_pressed(rig: Rig) -> None:
    await asked(rig, Asks(RULE, by=("lead",)))
    await rig.chat.until("May this run?")
    rig.holder.swap(replace(rig.policy, by={"lead": {"carol"}}))
    await rig.clicks(rig.button("Approve"), BOB)
    await rig.chat.until("You may not answer this. Ask carol.")
    assert rig.agent.ran == []


async def test_an_answer_from_another_chat_than_the_rule_names_does_not_count(rig: Rig) -> None:
    await asked(rig, Asks(RULE, via=(Platform.WEB,)))
    assert "on web" in await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("This may only be answered on web.")
    assert rig.agent.ran == []
    assert any(isinstance(event, RequestDenied) for event in rig.audit.events)


async def test_expiry_is_told_to_whoever_asked_and_whoever_was_asked(rig: Rig) -> None:
    await asked(rig, Asks(RULE, by=("lead",), ttl_seconds=30))
    await rig.chat.until("May this run?")
    rig.clock.advance(31)
    await until_over(rig)
    told = {p.place.chat for p in rig.chat.posts if "nobody approved" in p.reply.body.text}
    assert told == {actor.sender.id for actor in (ALICE, BOB, CAROL)}


async def test_a_disk_that_is_full_keeps_a_question_waiting_and_ends_nothing(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    got = await asked(rig, Asks(RULE, by=("lead",), ttl_seconds=30))
    await rig.chat.until("May this run?")
    rig.state._db.execute("PRAGMA query_only = 1")
    rig.clock.advance(31)
    async with asyncio.timeout(5):
        while "questions neither lapse" not in caplog.text:
            await asyncio.sleep(0)
    assert got == []
    rig.state._db.execute("PRAGMA query_only = 0")
    async with asyncio.timeout(5):
        while not got:
            rig.clock.advance(6)
            await asyncio.sleep(0)
    assert got == ["refused: nobody approved it in time"]


async def test_nobody_may_approve_for_the_job_where_the_rule_does_not_say_so(rig: Rig) -> None:
    await asked(rig, Asks(RULE))
    await rig.chat.until("May this run?")
    with pytest.raises(AssertionError, match="nobody showed"):
        rig.button("Allow for this job")
    await rig.clicks(rig.button("Approve").replace("a:", "j:"))
    await until_over(rig)
    assert [e.for_job for e in rig.audit.events if isinstance(e, ApprovalGiven)] == [False]


async def for_the_job(rig: Rig, *commands: str, by: Actor = ALICE, asks: Asks) -> list[str]:
    got = await asked(rig, asks, *commands)
    await rig.chat.until("Allow for this job")
    await rig.clicks(rig.button("Allow for this job"), by)
    return got


async def test_allowed_for_the_job_is_not_asked_again_in_it(rig: Rig) -> None:
    got = await for_the_job(rig, "git push a", "git push b", asks=Asks(RULE, job_wide=True))
    await until_over(rig)
    assert got == ["ok", "ok"]
    events = rig.audit.events
    given = next(event for event in events if isinstance(event, ApprovalGiven))
    assert given.for_job
    second = next(e for e in events if isinstance(e, RequestAllowed) and "toolu_1" in e.cause)
    assert f"approval:{given.approval}" in second.cause
    assert sum(isinstance(event, ApprovalAsked) for event in events) == 1
    await rig.chat.until("for all like it in this job")


async def test_the_next_job_is_asked_again(rig: Rig) -> None:
    await for_the_job(rig, asks=Asks(RULE, job_wide=True))
    await until_over(rig)
    await rig.says("/run push it again")
    await rig.chat.until("job 2 · demo")
    assert len(rig.agent.ran) == 1


async def test_another_rule_asks_for_itself(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        await puppet.call("Bash", "toolu_0", command="git push")
        rig.policy.table["Bash"] = Asks(replace(RULE, line=2), job_wide=True)
        await puppet.call("Bash", "toolu_1", command="git reset")

    rig.policy.table["Bash"] = Asks(RULE, job_wide=True)
    rig.agent.script = script
    await rig.says("push it")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Allow for this job"))
    await rig.chat.until("git reset")
    assert len(rig.agent.ran) == 1


async def test_what_somebody_allowed_for_the_job_ends_with_their_role(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        await puppet.call("Bash", "toolu_0", command="git push a")
        rig.holder.swap(replace(rig.policy, by={"lead": {"carol"}}))
        await puppet.call("Bash", "toolu_1", command="git push b")

    rig.policy.table["Bash"] = Asks(RULE, by=("lead",), job_wide=True)
    rig.policy.by = {"lead": {"bob", "carol"}}
    rig.agent.script = script
    await rig.says("/status", BOB)
    await rig.says("push it")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Allow for this job"), BOB)
    await rig.chat.until("git push b")
    assert len(rig.agent.ran) == 1


async def test_half_an_approval_survives_a_crash(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/project demo")
        await asked(rig, BOTH)
        await rig.chat.until("May this run?")
        await rig.clicks(rig.button("Approve"), CAROL)
        await rig.chat.until("Noted")
        open_ = rig.state.open_approvals()
    rig.state.close()
    assert [approval.given_by for approval in open_] == [("carol",)]


async def test_whoever_asked_for_a_job_is_told_that_somebody_said_no(rig: Rig) -> None:
    rig.policy.table["/run"] = Asks(RULE, by=("lead",))
    rig.policy.by = {"lead": {"bob"}}
    await rig.says("/status", BOB)
    await rig.says("/run it")
    await rig.chat.until("May this run?")
    await rig.says(f"/deny {rig.button('Deny')[2:]} not today", BOB)
    assert "because: not today" in await rig.chat.until("Job 1: bob said no to")


async def test_whoever_says_no_to_his_own_job_is_not_told_so(rig: Rig) -> None:
    rig.policy.table["/run"] = Asks(RULE)
    await rig.says("/run it")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Deny"))
    await rig.says("/jobs")
    await rig.chat.until("refused")
    assert not any("said no" in post.reply.body.text for post in rig.chat.posts)
