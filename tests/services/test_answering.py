"""Saying why not, looking closer, and which message is an answer at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.events import ApprovalRefused, RequestDenied
from appliance.core.jobs import State
from appliance.core.model import Allowed, Asks, Decision, JobId, Platform, PostKind
from tests.examples import ALICE, BOB
from tests.services.rig import CAROL, RULE, Puppet, Rig, running

LEAD = Asks(RULE, by=("lead",))


async def asked(rig: Rig, asks: Decision, *commands: str) -> list[str]:
    """Alice's agent tries the commands one after the other; what it got back, in the end."""
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        for number, command in enumerate(commands or ("git push",)):
            call = f"toolu_{number}"
            why = "publish it"
            got.append(
                await puppet.call("Bash", call, command=command, description=why, timeout=60)
            )

    rig.policy.table["Bash"] = asks
    rig.policy.by = {"lead": {"bob", "carol"}}
    rig.agent.script = script
    for lead in (BOB, CAROL):
        await rig.says("/status", lead)
    await rig.says("push it")
    await rig.chat.until("May this run?")
    return got


async def test_the_next_reply_to_the_prompt_is_the_reason(rig: Rig) -> None:
    got = await asked(rig, Asks(RULE))
    await rig.clicks(rig.button("Deny with a reason"))
    await rig.chat.until("Why not?")
    assert got == []
    await rig.replies("first run\nthe tests", "Why not?")
    await rig.chat.until("all done")
    assert got == ["refused by alice: first run\nthe tests"]
    assert "because: first run the tests" in await rig.chat.until("✗ Denied by alice at ")
    (refused,) = [event for event in rig.audit.events if isinstance(event, ApprovalRefused)]
    assert refused.reason == "first run\nthe tests"


async def test_a_reply_to_the_question_is_the_reason_once_it_was_asked_for(rig: Rig) -> None:
    got = await asked(rig, Asks(RULE))
    await rig.clicks(rig.button("Deny with a reason"))
    await rig.chat.until("Why not?")
    await rig.replies("not on a Friday", "May this run?")
    await rig.chat.until("all done")
    assert got == ["refused by alice: not on a Friday"]


async def test_an_unrelated_message_is_not_swallowed(rig: Rig) -> None:
    got = await asked(rig, Asks(RULE))
    await rig.clicks(rig.button("Deny with a reason"))
    await rig.chat.until("Why not?")
    await rig.says("and look at the other branch, too")
    await rig.says("/status")
    await rig.chat.until("host")
    assert got == []
    await rig.replies("no", "Why not?")
    await rig.chat.until("all done")
    assert got == ["refused by alice: no"]


async def test_a_reply_without_having_asked_for_it_refuses_nothing(rig: Rig) -> None:
    got = await asked(rig, Asks(RULE))
    await rig.replies("is that the right branch?", "May this run?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert got == ["ok"]


async def test_a_reason_survives_a_restart(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.policy.table["/run"] = LEAD
    rig.policy.by = {"lead": {"bob"}}
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("/status", BOB)
        await rig.says("/run push it")
        await rig.chat.until("May this run?")
        await rig.clicks(rig.button("Deny with a reason"), BOB)
        await rig.chat.until("Why not?")
    rig.state.close()
    after = Rig(tmp_path, rig.policy)
    after.chat.posts, after.chat.messages = rig.chat.posts, rig.chat.messages
    after.number = rig.number
    async with running(after):
        await after.replies("too late today", "Why not?", BOB)
        await after.chat.until("✗ Denied by bob")
    job = after.state.job(JobId(1))
    assert job is not None
    assert (job.state, rig.agent.tasks, after.agent.tasks) == (State.REFUSED, [], [])
    (refused,) = [event for event in after.audit.events if isinstance(event, ApprovalRefused)]
    assert (refused.who.id, refused.reason) == ("bob", "too late today")
    after.state.close()


async def test_a_late_reason_says_so_and_starts_no_work(rig: Rig) -> None:
    await asked(rig, Asks(RULE))
    await rig.clicks(rig.button("Deny with a reason"))
    await rig.chat.until("Why not?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    await rig.replies("no!", "Why not?")
    await rig.chat.until("Already approved by alice, and it ran.")
    assert len(rig.state.latest_jobs(9)) == 1


async def test_details_tell_all_of_it(rig: Rig) -> None:
    asks = Asks(replace(RULE, text="p, dev, *, bash, git push **, approve, job"), job_wide=True)
    got = await asked(rig, asks, "git push", "git push --tags", "git fetch")
    await rig.clicks(rig.button("Allow for this job"))
    await rig.chat.until("all done")
    assert got == ["ok"] * 3
    await rig.clicks(rig.button("Details"))
    details = await rig.chat.until("Details")
    for part in ("p, dev, *, bash, git push **, approve, job", "push it", "/srv/demo"):
        assert part in details
    assert '"timeout": 60' in details
    rig.policy.table["Bash"] = replace(asks, job_wide=False)
    assert "Nothing else" in details


async def test_details_tell_what_the_same_rule_has_let_through(rig: Rig) -> None:
    await asked(rig, Asks(RULE), "git push", "git push --tags")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("git push --tags")
    await rig.clicks(rig.button("Details"))
    details = await rig.chat.until("Also allowed by it in this job")
    assert "· git push" in details


async def test_details_are_for_those_it_concerns(rig: Rig) -> None:
    rig.policy.table["/details"] = Allowed(RULE)
    await asked(rig, Asks(RULE))
    await rig.clicks(rig.button("Details"), CAROL)
    await rig.chat.until("There is no such question, or it is not yours to look at.")


async def test_a_question_says_why_who_and_until_when(rig: Rig) -> None:
    await asked(rig, LEAD)
    question = await rig.chat.until("May this run?")
    assert "the agent says: “publish it”" in question
    assert "who may answer: bob, carol" in question
    assert "until " in question
    assert "(10 min)" in question


async def test_what_is_too_long_for_a_message_comes_as_a_file_with_the_buttons(rig: Rig) -> None:
    long = "echo " + "x" * 5000 + " && rm -rf /"
    await asked(rig, Asks(RULE), long)
    (post,) = [p for p in rig.chat.posts if "May this run?" in p.reply.body.text]
    assert post.reply.attachment is not None
    assert post.reply.attachment.content.decode() == long
    assert "rm -rf /" in post.reply.body.text
    assert len(post.reply.body.text) < 1024
    assert post.reply.buttons


async def test_what_nobody_could_read_is_refused(rig: Rig) -> None:
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        got.append(await puppet.call("Bash", command="x" * 1_000_001))

    rig.agent.script = script
    await rig.says("push it")
    await rig.chat.until("all done")
    assert "too long to be read" in got[0]
    assert not rig.state.open_approvals()


async def test_a_button_under_another_question_answers_nothing(rig: Rig) -> None:
    rig.policy.table["/run"] = LEAD
    rig.policy.by = {"lead": {"bob"}}
    await rig.says("/status", BOB)
    await rig.says("/run first")
    await rig.chat.until("first")
    token = rig.button("Approve")
    await rig.says("/project demo", CAROL)
    await rig.says("/run second", CAROL)
    await rig.chat.until("second")
    await rig.clicks(token, BOB, under="second")
    await rig.chat.until("That button belongs to another question.")
    assert rig.agent.tasks == []
    assert any(isinstance(event, RequestDenied) for event in rig.audit.events)
    await rig.clicks(token, BOB, under="first")
    await rig.chat.until("all done")


async def test_whoever_presses_for_somebody_else_is_not_asked_why(rig: Rig) -> None:
    await asked(rig, LEAD)
    await rig.clicks(rig.button("Deny with a reason"), ALICE)
    await rig.chat.until("You may not answer this. Ask bob, carol.")
    assert not any("Why not?" in post.reply.body.text for post in rig.chat.posts)


async def test_the_result_is_edited_in_wherever_it_was_asked(rig: Rig) -> None:
    await asked(rig, LEAD)
    await rig.clicks(rig.button("Deny"), BOB)
    await rig.chat.until("all done")
    edited = {p.place.chat for p in rig.chat.posts if p.kind is PostKind.EDIT
              and "✗ Denied by bob at " in p.reply.body.text}  # fmt: skip
    assert edited == {actor.sender.id for actor in (ALICE, BOB, CAROL)}


@pytest.mark.parametrize("platform", [Platform.TELEGRAM])
async def test_the_typed_form_says_why_too(rig: Rig, platform: Platform) -> None:
    got = await asked(rig, Asks(RULE, via=(platform,)))
    name = rig.button("Deny").removeprefix("d:")
    await rig.says(f"/deny {name} not now")
    await rig.chat.until("all done")
    assert got == ["refused by alice: not now"]
