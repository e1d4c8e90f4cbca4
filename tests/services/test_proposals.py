"""Who may what is proposed by one, confirmed by another, and is then what was shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.events import Event
from appliance.core.model import Actor, Platform, Sender
from appliance.core.proposals import TTL_SECONDS, Proposal, ProposalState, Wish
from appliance.services.proposals import Answerer
from tests.examples import ALICE, BOB
from tests.services.rig import CAROL, Rig, allow_everything, running

WISH = Wish(is_grant=True, who="carol", what="dev")
AT_THE_HOST = Actor(ALICE.name, Sender(Platform.TERMINAL, "1000"))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Alice and bob look after the appliance, carol does not; all have written."""
    policy = allow_everything()
    policy.admins = {ALICE.name, BOB.name}
    rig = Rig(tmp_path, policy)
    async with running(rig):
        for actor in (ALICE, BOB, CAROL):
            await rig.says("/status", actor)
        await until(rig, lambda: len(rig.chat.posts) == 3)
        yield rig
    rig.state.close()


async def until(rig: Rig, is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0)


async def proposed(rig: Rig, words: str = "/grant carol dev", by: Actor = ALICE) -> Proposal:
    before = {one.id for one in rig.state.open_proposals()}
    await rig.says(words, by)
    await until(rig, lambda: {one.id for one in rig.state.open_proposals()} - before)
    await rig.chat.until("Nothing changes before")
    return next(one for one in rig.state.open_proposals() if one.id not in before)


async def settled(rig: Rig, proposal: Proposal) -> Proposal:
    def now() -> Proposal:
        found = rig.state.proposal(proposal.id)
        assert found is not None
        return found

    done = (ProposalState.PENDING, ProposalState.ACCEPTED)
    await until(rig, lambda: now().state not in done)
    return now()


def recorded(rig: Rig, name: str) -> list[Event]:
    return [event for event in rig.audit.events if event.name == name]


async def test_a_second_person_lets_it_happen(rig: Rig) -> None:
    proposal = await proposed(rig)
    shown = await rig.chat.until("before you confirm it")
    assert "+ g, carol, dev" in shown
    assert "+ carol everywhere: chat /run: denied → allowed" in shown
    assert rig.grants.content == ""

    await rig.clicks(rig.button("Confirm"), BOB)
    assert (await settled(rig, proposal)).state is ProposalState.APPLIED
    assert rig.grants.lines() == ("g, carol, dev",)
    assert f"# alice, with bob, 2027-01-15, {proposal.id}" in rig.grants.content
    assert rig.holder.current.sha256 == rig.files.version()
    await rig.chat.until("/grant carol dev: confirmed by bob. It holds now.")
    made, accepted = recorded(rig, "proposal.made")[0], recorded(rig, "proposal.accepted")[0]
    assert made.data()["digest"] == accepted.data()["digest"] == proposal.digest
    assert accepted.who.id == "bob"
    names = rig.audit.names()
    assert names.index("proposal.accepted") < names.index("policy.loaded")


async def test_it_is_taken_away_in_the_same_way(rig: Rig) -> None:
    rig.grants.content = "g, carol, dev\n"
    await rig.reloading.reload()
    proposal = await proposed(rig, "/revoke carol dev", BOB)
    await rig.clicks(rig.button("Confirm"), ALICE)
    assert (await settled(rig, proposal)).state is ProposalState.APPLIED
    assert rig.grants.lines() == ()


async def test_a_second_person_may_refuse_and_says_why(rig: Rig) -> None:
    proposal = await proposed(rig)
    await rig.says(f"/deny {proposal.id} not this year", BOB)
    assert (await settled(rig, proposal)).reason == "not this year"
    await rig.chat.until("refused by bob: not this year")
    assert recorded(rig, "proposal.refused")[0].who.id == "bob"
    assert rig.grants.content == ""


async def test_nobody_in_time_is_no(rig: Rig) -> None:
    proposal = await proposed(rig)
    rig.clock.advance(TTL_SECONDS + 1)
    assert (await settled(rig, proposal)).state is ProposalState.LAPSED
    await rig.chat.until("nobody confirmed it in time")
    assert recorded(rig, "proposal.lapsed")


async def test_the_proposer_confirms_at_the_host_what_he_proposed_from_a_phone(rig: Rig) -> None:
    proposal = await proposed(rig)
    by = Answerer.of(AT_THE_HOST)
    await rig.proposals.answer(proposal.id, by, "", is_accepted=True, reason="")
    assert (await settled(rig, proposal)).state is ProposalState.APPLIED


async def test_what_cannot_be_granted_is_said_at_once(rig: Rig) -> None:
    rig.grants.refused["/grant carol owner"] = "only the host can give it"
    await rig.says("/grant carol owner")
    await rig.chat.until("Not proposed. only the host can give it")
    assert recorded(rig, "proposal.made") == []


async def test_a_policy_edited_meanwhile_is_asked_about_again(rig: Rig) -> None:
    proposal = await proposed(rig)
    token = rig.button("Confirm")
    rig.files.edits = "an edit at the host"
    await rig.clicks(token, BOB)
    assert (await settled(rig, proposal)).state is ProposalState.OUTDATED
    await until(rig, rig.state.open_proposals)
    (again,) = rig.state.open_proposals()
    assert again.draft.policy_sha256 == rig.files.version()
    assert rig.grants.content == ""
    await rig.clicks(token, BOB)
    await rig.chat.until("the policy was changed meanwhile; it is asked again")
    assert rig.grants.content == ""


async def test_it_is_not_asked_again_for_who_may_not_propose_any_more(rig: Rig) -> None:
    proposal = await proposed(rig)
    rig.files.edits = "an edit at the host"
    rig.policy.admins = {BOB.name}
    await rig.clicks(rig.button("Confirm"), BOB)
    assert (await settled(rig, proposal)).state is ProposalState.OUTDATED
    await rig.chat.until("alice may not propose it any more")
    assert rig.state.open_proposals() == ()


async def test_a_policy_that_does_not_hold_with_it_stays_as_it_was(rig: Rig) -> None:
    rig.files.mistake_with = "g, carol, dev"
    before = rig.holder.current.sha256
    proposal = await proposed(rig)
    await rig.clicks(rig.button("Confirm"), BOB)
    assert (await settled(rig, proposal)).state is ProposalState.FAILED
    assert rig.grants.content == ""
    assert rig.holder.current.sha256 == before


async def test_a_disk_that_does_not_take_it_is_told(rig: Rig) -> None:
    proposal = await proposed(rig)
    rig.grants.broken = "disk full"
    await rig.clicks(rig.button("Confirm"), BOB)
    assert (await settled(rig, proposal)).reason == "disk full"
    await rig.chat.until("nothing was changed: disk full")


async def test_what_cannot_be_recorded_does_not_happen(rig: Rig) -> None:
    proposal = await proposed(rig)
    rig.audit.broken = "disk full"
    await rig.clicks(rig.button("Confirm"), BOB)
    await rig.chat.until("the audit log cannot be written")
    assert rig.state.proposal(proposal.id) == proposal
    assert rig.grants.content == ""


@pytest.mark.parametrize("is_written", [False, True])
async def test_a_crash_behind_the_record_is_made_good(tmp_path: Path, is_written: bool) -> None:
    rig = Rig(tmp_path)
    draft = rig.grants.draft(rig.policy, WISH)
    by = Answerer.of(ALICE)
    accepted = replace(
        rig.proposals._proposal(WISH, draft, by),
        state=ProposalState.ACCEPTED,
        answered_by="bob",
    )
    rig.state.save_proposal(accepted)
    if is_written:
        rig.grants.change(draft.added, draft.removed, "alice, with bob")
        await rig.reloading.reload()
    async with running(rig):
        assert (await settled(rig, accepted)).state is ProposalState.APPLIED
        assert rig.grants.lines() == ("g, carol, dev",)


async def test_a_crash_and_then_another_policy_changes_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    draft = rig.grants.draft(rig.policy, WISH)
    proposal = rig.proposals._proposal(WISH, draft, Answerer.of(ALICE))
    accepted = replace(proposal, state=ProposalState.ACCEPTED, answered_by="bob")
    rig.state.save_proposal(accepted)
    rig.files.edits = "an edit at the host"
    await rig.reloading.reload()
    async with running(rig):
        assert (await settled(rig, accepted)).state is ProposalState.FAILED
        assert rig.grants.content == ""
