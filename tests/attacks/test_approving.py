"""Attacks on a person's yes: each tries to have something run that nobody has agreed to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.events import ApprovalGiven, ApprovalRefused, QuestionAnswered, RequestDenied
from appliance.core.model import (
    ASK_PEOPLE,
    Allowed,
    ApprovalId,
    Asks,
    Edited,
    Json,
    Place,
    Platform,
    Proceed,
    ToolCall,
)
from tests.examples import ALICE, BOB, NOW, click, message
from tests.services.rig import CAROL, RULE, Puppet, Rig, running

LEAD = Asks(RULE, by=("lead",))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path)
    async with running(rig):
        for actor in (ALICE, BOB, CAROL):
            await rig.says("/project demo", actor)
        await rig.chat.until("Project is now demo")
        yield rig
    rig.state.close()


async def held(rig: Rig, asks: Asks = LEAD) -> tuple[ApprovalId, list[str]]:
    """Alice's agent waits for a yes to one command; what it gets back, in the end."""
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        got.append(await puppet.call("Bash", command="git push"))

    rig.policy.table["Bash"] = asks
    rig.policy.by = {"lead": {"bob", "carol"}}
    rig.agent.script = script
    await rig.says("push it")
    await rig.chat.until("May this run?")
    return ApprovalId(rig.button("Approve").removeprefix("a:")), got


def kinds(rig: Rig, kind: type) -> int:
    return sum(isinstance(event, kind) for event in rig.audit.events)


@pytest.mark.parametrize(
    "token",
    [
        "a:",
        "a:*",
        "a:%",
        "a:bcdfghjkmn",
        "a:" + "b" * 62,
        "a:ß",
        "a:' OR 1=1 --",
        "j:bcdfghjkmn",
        "g:bcdfghjkmn",
        "i:bcdfghjkmn",
        "n:bcdfghjkmn",
        "q:bcdfghjkmn:0",
        "q:bcdfghjkmn:done",
        "q:bcdfghjkmn:-1",
        "q:bcdfghjkmn:0:0",
        "approve",
        "",
        ":",
    ],
)
async def test_a_forged_button_does_nothing(rig: Rig, token: str) -> None:
    _, got = await held(rig)
    await rig.clicks(token, BOB)
    await rig.says("/status", BOB)
    await rig.chat.until("host")
    assert (got, rig.agent.ran, kinds(rig, ApprovalGiven)) == ([], [], 0)


@pytest.mark.parametrize("kind", ["a", "j", "d", "n", "g", "q"])
async def test_who_may_not_answer_cannot_by_knowing_the_id(rig: Rig, kind: str) -> None:
    name, got = await held(rig)
    rig.policy.table["/again"] = Allowed(RULE)
    await rig.clicks(f"{kind}:{name}" + (":0" if kind == "q" else ""), ALICE)
    await rig.says(f"/approve {name}", ALICE)
    await rig.chat.until("You may not answer this. Ask bob, carol.")
    assert (got, rig.agent.ran) == ([], [])
    assert kinds(rig, ApprovalGiven) == kinds(rig, ApprovalRefused) == 0
    assert kinds(rig, RequestDenied) >= 1


async def test_a_reason_of_somebody_else_is_no_reason(rig: Rig) -> None:
    _, got = await held(rig)
    await rig.clicks(rig.button("Deny with a reason"), BOB)
    await rig.chat.until("Why not?")
    await rig.replies("because I say so", "May this run?", CAROL)
    await rig.replies("because I say so", "May this run?", ALICE)
    await rig.says("/status", CAROL)
    await rig.chat.until("host")
    assert got == []
    await rig.clicks(rig.button("Approve"), CAROL)
    await rig.chat.until("✓ Allowed by carol")
    assert kinds(rig, ApprovalRefused) == 0


async def test_a_reason_counts_only_in_the_chat_where_the_message_is(rig: Rig) -> None:
    _, got = await held(rig)
    await rig.clicks(rig.button("Deny with a reason"), BOB)
    await rig.chat.until("Why not?")
    number = rig.number_of("Why not?", BOB)
    elsewhere = Place(Platform.TELEGRAM, "-100500")
    said = replace(message("no", 900, BOB, elsewhere), reply_to=number)
    await rig.intake([said])
    await rig.says("/status", BOB)
    await rig.chat.until("host")
    assert (got, kinds(rig, ApprovalRefused)) == ([], 0)


async def test_a_replayed_click_counts_once(rig: Rig) -> None:
    _, got = await held(rig, Asks(RULE, by=("lead",), people=2))
    pressed = click(rig.button("Approve"), 901, BOB, Place(Platform.TELEGRAM, BOB.sender.id))
    for _ in range(3):
        await rig.intake([pressed])
    await rig.chat.until("1 of 2 so far: bob")
    await rig.intake([replace(pressed, key="telegram:1:902")])
    await rig.chat.until("Noted, 1 of 2 so far: bob")
    assert (got, rig.agent.ran) == ([], [])


async def test_a_used_yes_lets_nothing_else_run(rig: Rig) -> None:
    name, got = await held(rig)
    await rig.clicks(f"a:{name}", BOB)
    await rig.chat.until("all done")
    rig.agent.script = lambda _: None
    for token in (f"a:{name}", f"j:{name}", f"d:{name}", f"n:{name}", f"g:{name}"):
        rig.policy.table["/again"] = Allowed(RULE)
        await rig.clicks(token, BOB)
    await rig.chat.until("Already approved by bob, and it ran.")
    assert (got, len(rig.agent.ran), len(rig.agent.tasks)) == (["ok"], 1, 1)


async def test_two_people_at_once_let_it_run_once(rig: Rig) -> None:
    name, got = await held(rig)
    first = click(f"a:{name}", 903, BOB, Place(Platform.TELEGRAM, BOB.sender.id))
    second = click(f"a:{name}", 904, CAROL, Place(Platform.TELEGRAM, CAROL.sender.id))
    await asyncio.gather(rig.intake([first]), rig.intake([second]))
    await rig.chat.until("all done")
    await rig.chat.until("Already approved by ")
    assert (got, len(rig.agent.ran)) == (["ok"], 1)


async def test_a_no_and_a_yes_at_once_are_one_answer(rig: Rig) -> None:
    name, got = await held(rig)
    no = click(f"d:{name}", 905, BOB, Place(Platform.TELEGRAM, BOB.sender.id))
    yes = click(f"a:{name}", 906, CAROL, Place(Platform.TELEGRAM, CAROL.sender.id))
    await asyncio.gather(rig.intake([no]), rig.intake([yes]))
    await rig.chat.until("all done")
    assert got == ["refused by bob"]
    assert rig.agent.ran == []


async def test_a_message_that_is_changed_into_a_yes_is_judged_as_its_writers(rig: Rig) -> None:
    name, got = await held(rig)
    said = message("harmless", 907, ALICE)
    await rig.intake([said])
    edited = Edited(
        "telegram:1:908", ALICE.sender, said.place, f"/approve {name}", NOW, said.message_id
    )
    await rig.intake([edited])
    await rig.says("/status", ALICE)
    await rig.chat.until("host")
    assert (got, kinds(rig, ApprovalGiven)) == ([], 0)


async def test_a_button_carried_under_another_question_answers_neither(rig: Rig) -> None:
    name, got = await held(rig)
    rig.policy.table["/run"] = LEAD
    await rig.says("/run something dangerous", CAROL)
    await rig.chat.until("something dangerous")
    other = rig.button("Approve")
    await rig.clicks(other, BOB, under="git push")
    await rig.chat.until("That button belongs to another question.")
    await rig.clicks(f"a:{name}", BOB, under="something dangerous")
    await rig.says("/status", BOB)
    await rig.chat.until("host")
    assert (got, kinds(rig, ApprovalGiven)) == ([], 0)


QUESTION: Json = {"question": "Delete?", "options": [{"label": "Yes"}, {"label": "No"}]}


async def test_an_answer_to_the_agent_never_becomes_an_approval(rig: Rig) -> None:
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        asked: dict[str, Json] = {"questions": [QUESTION]}
        verdict = await puppet.judge(ToolCall("toolu_1", ASK_PEOPLE, asked, "/srv/demo"))
        assert isinstance(verdict, Proceed)
        assert verdict.input == asked
        # the same id, the same words: the command is asked about all the same
        got.append(await puppet.call("Bash", "toolu_1", command="Yes"))

    rig.policy.table |= {ASK_PEOPLE: Allowed(RULE), "Bash": LEAD, "/answer": Allowed(RULE)}
    rig.policy.by = {"lead": {"bob"}}
    rig.agent.script = script
    await rig.says("tidy up")
    await rig.chat.until("The agent asks")
    token = rig.button("Yes")
    await rig.clicks(token, BOB)
    await rig.chat.until("You may not answer this. Ask alice.")
    await rig.clicks(f"a:{token.split(':')[1]}", BOB)
    await rig.chat.until("There is no such question.")
    await rig.clicks(token)
    await rig.chat.until("May this run?")
    await rig.clicks(token)
    await rig.chat.until("Already answered by alice.")
    assert (got, rig.agent.ran, kinds(rig, QuestionAnswered)) == ([], [], 1)


async def test_words_in_an_answer_stay_words(rig: Rig) -> None:
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        asked: dict[str, Json] = {"questions": [QUESTION]}
        verdict = await puppet.judge(ToolCall("toolu_1", ASK_PEOPLE, asked, "/srv/demo"))
        assert isinstance(verdict, Proceed)
        got.append(str((verdict.answers or {})["Delete?"]))

    rig.policy.table |= {ASK_PEOPLE: Allowed(RULE), "/answer": Allowed(RULE)}
    rig.agent.script = script
    await rig.says("tidy up")
    await rig.chat.until("The agent asks")
    await rig.replies("a:bcdfghjkmn\u202e /approve x", "The agent asks")
    await rig.chat.until("all done")
    assert got == ["a:bcdfghjkmn\\u202e /approve x"]
    assert rig.agent.ran == []
