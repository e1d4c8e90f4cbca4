"""What was judged is what is shown, approved, recorded and run, by the policy of that moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.approvals import fingerprint, settle
from appliance.core.events import ApprovalAsked, RequestAllowed
from appliance.core.model import Allowed, Asks, Decision, Denied, Rate, RuleRate
from tests.examples import ALICE, BOB
from tests.services.rig import DEPLOY, RULE, STATUS, Puppet, Rig, allow_everything, running


async def test_the_line_in_our_own_words_is_all_that_anybody_sees(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        await puppet.call("Bash", command="git  pu''sh")

    rig.policy.as_written = {"git  pu''sh": {"command": "git push"}}
    rig.policy.table["Bash"] = Asks(RULE)
    rig.agent.script = script
    await rig.says("push it")
    assert "git push" in await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert rig.agent.ran == ["Bash {'command': 'git push'}"]
    (asked,) = [event for event in rig.audit.events if isinstance(event, ApprovalAsked)]
    allowed = [e for e in rig.audit.events if isinstance(e, RequestAllowed) and e.act == "Bash"]
    sha256 = fingerprint("Bash", {"command": "git push"})
    assert asked.input_sha256 == sha256
    assert [event.input_sha256 for event in allowed] == [sha256]
    assert "pu''sh" not in str(rig.audit.events)


async def _held(rig: Rig) -> list[str]:
    """The outcomes, filled in later, of a call that waits for somebody's yes."""
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        got.append(await puppet.call("Bash", command="git push"))

    rig.agent.script = script
    await rig.says("push it")
    await rig.chat.until("May this run?")
    return got


async def test_a_yes_counts_for_nothing_once_the_policy_denies_it(rig: Rig) -> None:
    got = await _held(rig)
    rig.policy.table["Bash"] = Denied(RULE, "not in the freeze")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert got == ["refused: not in the freeze (rule rules.csv:1)"]
    assert rig.agent.ran == []
    assert not rig.state.open_approvals()


async def test_a_yes_of_somebody_who_could_not_answer_now_is_none(rig: Rig) -> None:
    got = await _held(rig)
    rig.policy.table["Bash"] = Asks(RULE, ("lead",))
    rig.policy.by = {"lead": {BOB.name}}
    token = rig.button("Approve")
    approval = rig.state.open_approvals()[0]
    given = settle(approval, is_granted=True, by=ALICE.name, at=rig.clock.now())
    assert rig.approvals.why_not_any_more(Asks(RULE, ("lead",)), given) is not None
    await rig.clicks(token)
    await rig.chat.until("all done")
    assert "needs an approval that it does not have" in got[0]


async def test_a_yes_counts_where_it_is_not_even_needed_any_more(rig: Rig) -> None:
    got = await _held(rig)
    rig.policy.table["Bash"] = Allowed(RULE)
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert got == ["ok"]


# --- jobs whose turn comes late

GONE = Denied(RULE, "not any more")


async def _busy(rig: Rig) -> asyncio.Event:
    """Start a task that ends when the event is set."""
    may_end = asyncio.Event()

    async def script(puppet: Puppet) -> None:
        if puppet.task.job == 1:
            await may_end.wait()

    rig.agent.script = script
    await rig.says("/run first")
    await rig.chat.until("Job 1 started")
    return may_end


async def _behind_another(rig: Rig, text: str) -> asyncio.Event:
    """Let a task wait in line behind one that ends when the event is set."""
    may_end = await _busy(rig)
    await rig.says(text)
    await rig.chat.until("Job 2 is waiting")
    return may_end


async def test_a_task_that_lost_its_right_while_it_waited_does_not_start(rig: Rig) -> None:
    may_end = await _behind_another(rig, "/run second")
    rig.policy.table["/run"] = GONE
    may_end.set()
    assert "not any more" in await rig.chat.until("Job 2 stopped: ")
    assert [task.job for task in rig.agent.tasks] == [1]
    assert rig.audit.names()[-2:] == ["request.denied", "job.cancelled"]
    await rig.says("/why")
    assert "not any more" in await rig.chat.until("add a line")


async def test_its_start_is_not_counted_again(rig: Rig) -> None:
    rig.policy.table["/run"] = Allowed(RULE, (RuleRate(RULE, Rate(2, 3600)),))
    may_end = await _behind_another(rig, "/run second")
    may_end.set()
    await rig.chat.until("Job 2 started")


@pytest.mark.parametrize(
    ("then", "starts"),
    [
        (Asks(RULE), True),
        (Asks(replace(RULE, line=9), ttl_seconds=10), True),
        (Allowed(RULE), True),
        (Asks(RULE, ("lead",)), False),
        (Asks(RULE, people=2), False),
        (GONE, False),
    ],
)
async def test_an_approval_holds_at_the_start_if_it_would_be_enough_then(
    rig: Rig, then: Decision, starts: bool
) -> None:
    may_end = await _busy(rig)
    rig.policy.table["/run"] = Asks(RULE)
    await rig.says("/run what is it")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("Passing it on")
    rig.policy.table["/run"] = then
    may_end.set()
    await rig.chat.until("Job 2 started" if starts else "Job 2 stopped: ")
    assert [task.job for task in rig.agent.tasks] == ([1, 2] if starts else [1])
    assert rig.audit.names().count("approval.asked") == 1
    assert not rig.state.open_approvals()


async def test_what_needed_no_approval_and_needs_one_now_does_not_start(rig: Rig) -> None:
    may_end = await _behind_another(rig, "/run second")
    rig.policy.table["/run"] = Asks(RULE)
    may_end.set()
    assert "needs an approval" in await rig.chat.until("Job 2 stopped: ")


async def test_a_recipe_that_runs_something_else_by_now_does_not_start(rig: Rig) -> None:
    may_end = await _behind_another(rig, "/run --after 1 /git status")
    rig.policy.known = (replace(STATUS, argv=("git", "status", "--short")), DEPLOY)
    may_end.set()
    assert "/git status is not what it was" in await rig.chat.until("Job 2 stopped: ")
    assert [task.job for task in rig.agent.tasks] == [1]


async def test_after_a_restart_the_new_policy_judges_what_waited(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/project demo")
        await rig.chat.until("Project is now demo")
        await _behind_another(rig, "/run second")
    rig.state.close()
    policy = allow_everything()
    policy.table["/run"] = GONE
    later = Rig(tmp_path, policy)
    async with running(later):
        await later.chat.until("Job 2 stopped · demo")
    assert any("not any more" in post.reply.body.text for post in later.chat.posts)
    assert later.agent.tasks == []
    later.state.close()


async def test_a_fetch_that_was_let_through_may_connect_to_its_host_and_to_no_other(
    rig: Rig,
) -> None:
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        await puppet.call("WebFetch", url="https://docs.example.org/a")
        for where in ("docs.example.org:443", "docs.example.org:80", "example.org:443"):
            host, _, port = where.partition(":")
            got.append(await puppet.call("Connect", host=host, port=int(port)))

    rig.policy.table["WebFetch"] = Allowed(RULE)
    rig.policy.table["Connect"] = Denied(RULE, "no")
    rig.agent.script = script
    await rig.says("read it")
    await rig.chat.until("all done")
    assert [outcome.startswith("refused") for outcome in got] == [False, True, True]
    allowed = [e for e in rig.audit.events if isinstance(e, RequestAllowed) and e.act == "Connect"]
    assert [(event.object, event.rule) for event in allowed] == [
        ("docs.example.org:443", str(RULE))
    ]


async def test_the_same_refusal_is_told_once(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        for _ in range(3):
            await puppet.call("Connect", host="example.org", port=443)
        await puppet.call("Connect", host="example.net", port=443)

    rig.policy.table["Connect"] = Denied(RULE, "no")
    rig.agent.script = script
    await rig.says("call home")
    await rig.chat.until("all done")
    told = [text for text in rig.chat.messages.values() if ":443" in text]
    assert ["example.org" in text for text in told] == [True, False]
