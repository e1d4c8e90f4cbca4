"""What nobody approved in time can be asked again: once, by whoever may, and never in advance."""

from __future__ import annotations

from appliance.core.events import ApprovalAsked, ApprovalRenewed
from appliance.core.jobs import State
from appliance.core.model import Allowed, Asks, JobId, PostKind, Prompt
from tests.examples import ALICE, BOB
from tests.services.rig import RULE, Puppet, Rig

LEAD = Asks(RULE, by=("lead",), ttl_seconds=30)


def events(rig: Rig, kind: type) -> int:
    return sum(isinstance(event, kind) for event in rig.audit.events)


async def expired_start(rig: Rig) -> str:
    """Alice's task was not approved; the token of the button that asks again."""
    rig.policy.table |= {"/run": LEAD, "/again": Allowed(RULE)}
    rig.policy.by = {"lead": {"bob"}}
    await rig.says("/status", BOB)
    await rig.says("/run push it")
    await rig.chat.until("May this run?")
    rig.clock.advance(31)
    await rig.chat.until("nobody approved this in time")
    await rig.chat.until("Expired: nobody answered in time")
    return rig.button("Ask again")


async def test_a_job_that_nobody_let_start_is_asked_about_again(rig: Rig) -> None:
    token = await expired_start(rig)
    await rig.clicks(token)
    await rig.chat.until("It has been asked again.")
    assert (events(rig, ApprovalAsked), events(rig, ApprovalRenewed)) == (2, 1)
    assert rig.agent.tasks == []
    again = rig.state.job(JobId(2))
    assert again is not None
    assert (again.state, again.work, again.words) == (
        State.WAITING_APPROVAL,
        Prompt("push it"),
        "/run",
    )
    await rig.clicks(rig.button("Approve"), BOB)
    await rig.chat.until("all done")
    assert [task.job for task in rig.agent.tasks] == [2]


async def test_it_is_asked_again_once(rig: Rig) -> None:
    token = await expired_start(rig)
    await rig.clicks(token)
    await rig.clicks(token)
    await rig.chat.until("It has been asked again already.")
    assert (events(rig, ApprovalAsked), events(rig, ApprovalRenewed)) == (2, 1)


async def test_only_who_may_start_it_asks_again(rig: Rig) -> None:
    token = await expired_start(rig)
    await rig.clicks(token, BOB)
    await rig.chat.until("There is no such question, or it is not yours to ask again.")
    del rig.policy.table["/run"]
    await rig.clicks(token)
    await rig.chat.until("nothing allows /run")
    assert (events(rig, ApprovalAsked), events(rig, ApprovalRenewed)) == (1, 0)


async def test_others_who_were_asked_see_no_button(rig: Rig) -> None:
    await expired_start(rig)
    for post in rig.chat.posts:
        labels = {str(button.label) for row in post.reply.buttons for button in row}
        assert "Ask again" not in labels or post.place.chat == ALICE.sender.id
    await rig.chat.until("alice can ask for it again.")


async def test_what_is_still_open_or_answered_is_not_asked_again(rig: Rig) -> None:
    rig.policy.table |= {"/run": LEAD, "/again": Allowed(RULE)}
    rig.policy.by = {"lead": {"bob"}}
    await rig.says("/status", BOB)
    await rig.says("/run push it")
    await rig.chat.until("May this run?")
    name = rig.button("Approve").removeprefix("a:")
    await rig.says(f"/again {name}")
    await rig.chat.until("Job 1 has not ended yet.")
    await rig.clicks(rig.button("Deny"), BOB)
    await rig.chat.until("✗ Denied by bob")
    await rig.says(f"/again {name}")
    await rig.chat.until("Only what nobody answered in time can be asked again.")
    await rig.says("/again nosuchid")
    await rig.chat.until("There is no such question, or it is not yours to ask again.")
    assert events(rig, ApprovalAsked) == 1
    assert all(job.is_finished for job in rig.state.latest_jobs(9))


async def test_a_late_written_yes_brings_the_button(rig: Rig) -> None:
    rig.policy.table |= {"/run": Asks(RULE, ttl_seconds=30), "/again": Allowed(RULE)}
    await rig.says("/run push it")
    await rig.chat.until("May this run?")
    name = rig.button("Approve").removeprefix("a:")
    rig.clock.advance(31)
    await rig.chat.until("Expired: nobody answered in time")
    await rig.says(f"/approve {name}")
    await rig.chat.until("Too late: this has expired")
    late = next(p for p in rig.chat.posts if "Too late" in p.reply.body.text)
    assert [button.token for row in late.reply.buttons for button in row] == [f"g:{name}"]
    assert rig.agent.tasks == []


async def expired_call(rig: Rig, *, waits: bool) -> tuple[str, list[str]]:
    """A call of Alice's agent was not approved; it waits for a message, or has ended."""
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        work = puppet.task.work
        assert isinstance(work, Prompt)
        got.append(await puppet.call("Bash", f"toolu_{len(got)}", command="git push"))
        if waits and len(got) == 1:
            said = await puppet.steered.get()
            assert "git push" in said
            got.append(await puppet.call("Bash", "toolu_again", command="git push"))

    rig.policy.table |= {"Bash": Asks(RULE, ttl_seconds=30), "/again": Allowed(RULE)}
    rig.agent.script = script
    await rig.says("push it")
    await rig.chat.until("May this run?")
    rig.clock.advance(31)
    await rig.chat.until("nobody approved this in time")
    return rig.button("Ask again"), got


async def test_a_running_agent_is_told_to_try_again(rig: Rig) -> None:
    token, got = await expired_call(rig, waits=True)
    await rig.clicks(token)
    await rig.chat.until("May this run?")
    assert len(got) == 1  # the yes of the first question was never given in advance
    await rig.chat.until("It has been asked again.")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert got == ["refused: nobody approved it in time", "ok"]
    assert len(rig.agent.tasks) == 1


async def test_a_session_that_has_ended_is_taken_up_to_try_again(rig: Rig) -> None:
    token, got = await expired_call(rig, waits=False)
    await rig.chat.until("all done")
    await rig.clicks(token)
    await rig.chat.until("May this run?")
    (_, again) = rig.agent.tasks
    assert isinstance(again.work, Prompt)
    assert again.work.session == "session-1"
    assert "git push" in again.work.text
    await rig.chat.until("It has been asked again.")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("✓ Allowed by alice")
    assert got == ["refused: nobody approved it in time", "ok"]


async def test_the_first_question_stays_expired(rig: Rig) -> None:
    token, _ = await expired_call(rig, waits=False)
    await rig.chat.until("all done")
    first = token.removeprefix("g:")
    await rig.clicks(token)
    await rig.chat.until("It has been asked again.")
    await rig.clicks(f"a:{first}")
    await rig.chat.until("Too late: this has expired")
    toasts = [p for p in rig.chat.posts if p.kind is PostKind.TOAST]
    assert "Too late" in toasts[-1].reply.body.text
    assert rig.agent.ran == []
