"""Attacks on granting by phone: each one leaves the rights as they were, and a trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Actor, Platform, Sender
from appliance.core.proposals import Proposal, ProposalState
from appliance.services.proposals import Answerer
from tests.examples import ALICE, BOB
from tests.services.rig import CAROL, Rig, allow_everything, running

SECOND_PHONE = Actor(ALICE.name, Sender(Platform.TELEGRAM, "4712"))
BROWSER = Actor(ALICE.name, Sender(Platform.WEB, "alice"))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Alice and bob look after the appliance; alice has proposed something for herself."""
    policy = allow_everything()
    policy.admins = {ALICE.name, BOB.name}
    rig = Rig(tmp_path, policy)
    async with running(rig):
        await rig.says("/status", BOB)
        await rig.says("/grant alice dev")
        await rig.chat.until("before you confirm it")
        yield rig
    rig.state.close()


def pending(rig: Rig) -> Proposal:
    (proposal,) = rig.state.open_proposals()
    return proposal


def unchanged(rig: Rig, proposal: Proposal) -> bool:
    return rig.grants.content == "" and rig.state.proposal(proposal.id) == proposal


async def answered(rig: Rig, by: Actor) -> str:
    """What somebody's yes is answered with."""
    proposal = pending(rig)
    reply = await rig.proposals.answer(
        proposal.id, Answerer.of(by), "key", is_accepted=True, reason=""
    )
    return reply.body.text


@pytest.mark.parametrize("account", [ALICE, SECOND_PHONE, BROWSER], ids=str)
async def test_the_proposer_confirms_from_no_account_of_his(rig: Rig, account: Actor) -> None:
    proposal = pending(rig)
    assert "somebody else confirms it" in await answered(rig, account)
    assert unchanged(rig, proposal)


async def test_what_was_proposed_at_the_host_is_not_confirmed_there_alone(rig: Rig) -> None:
    proposal = replace(pending(rig), via=Platform.TERMINAL)
    rig.state.save_proposal(proposal)
    at_the_host = Actor(ALICE.name, Sender(Platform.TERMINAL, "1000"))
    assert "somebody else confirms it" in await answered(rig, at_the_host)
    assert unchanged(rig, proposal)


async def test_somebody_else_who_may_not_presses_in_vain(rig: Rig) -> None:
    proposal = pending(rig)
    await rig.clicks(rig.button("Confirm"), CAROL)
    await rig.chat.until("carol does not look after the appliance")
    assert unchanged(rig, proposal)
    denied = [event for event in rig.audit.events if event.name == "request.denied"]
    assert denied[-1].who.id == "carol"
    assert denied[-1].data()["object"] == "policy confirm"


async def test_who_lost_the_right_meanwhile_presses_in_vain(rig: Rig) -> None:
    proposal = pending(rig)
    rig.policy.admins = {ALICE.name}
    await rig.clicks(rig.button("Confirm"), BOB)
    await rig.chat.until("bob does not look after the appliance")
    assert unchanged(rig, proposal)


async def test_lines_that_were_changed_after_they_were_shown_are_not_written(rig: Rig) -> None:
    proposal = pending(rig)
    draft = replace(proposal.draft, added=("g, alice, something-else",))
    rig.state.save_proposal(replace(proposal, draft=draft))
    assert "not what was recorded" in await answered(rig, BOB)
    assert rig.grants.content == ""
    lapsed = [event for event in rig.audit.events if event.name == "proposal.lapsed"]
    assert "not those that were recorded" in str(lapsed[0].data()["reason"])


async def test_a_confirmation_counts_once(rig: Rig) -> None:
    token = rig.button("Confirm")
    await rig.clicks(token, BOB)
    await rig.chat.until("confirmed by bob. It holds now.")
    rig.grants.content = ""
    await rig.clicks(token, BOB)
    await rig.says("/status")
    await settle(rig)
    assert rig.grants.content == ""
    accepted = [event for event in rig.audit.events if event.name == "proposal.accepted"]
    assert len(accepted) == 1


async def test_two_who_press_at_once_are_one_answer(rig: Rig) -> None:
    proposal = pending(rig)
    by = Answerer.of(BOB)

    async def press(*, is_accepted: bool) -> None:
        await rig.proposals.answer(proposal.id, by, "", is_accepted=is_accepted, reason="")

    await asyncio.gather(press(is_accepted=False), press(is_accepted=True))
    after = rig.state.proposal(proposal.id)
    assert after is not None
    assert after.state is ProposalState.REFUSED
    assert rig.grants.content == ""


async def test_an_invented_button_is_nothing(rig: Rig) -> None:
    proposal = pending(rig)
    for token in ("gy:p-invented00", "gy:../../x", f"gy:{proposal.id}x", "gy:"):
        await rig.clicks(token, BOB)
    await settle(rig)
    assert unchanged(rig, proposal)


async def test_names_that_are_lines_reach_no_file(rig: Rig) -> None:
    before = len(rig.state.open_proposals())
    await rig.says("/grant bob dev\np, dev, *, admin, **, allow")
    await rig.chat.until("Write who and what")
    assert len(rig.state.open_proposals()) == before


async def test_a_flood_of_proposals_ends(rig: Rig) -> None:
    for number in range(30):
        await rig.says(f"/grant bob role-{number}")
    await rig.chat.until("wait for an answer already")
    assert len(rig.state.open_proposals()) == 20


async def settle(rig: Rig) -> None:
    async with asyncio.timeout(5):
        while rig.state.waiting():
            await asyncio.sleep(0)
