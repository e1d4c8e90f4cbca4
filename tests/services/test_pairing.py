"""Who gets in by a one-time code, and how that ends again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.core.jobs import State as JobState
from appliance.core.model import Place, Platform
from appliance.core.pairing import PairingState
from appliance.errors import AuditUnavailable
from appliance.services.pairing import CannotPair
from tests.examples import ALICE, BOB
from tests.services.pairing_rig import GROUP, HOST, handled, opened, starts
from tests.services.rig import DAVE, Rig, running


async def test_a_code_pairs_the_account_that_sends_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        invitation = await opened(rig)
        assert invitation.link == f"https://t.me/test_bot?start={invitation.code}"
        await starts(rig, invitation.code)
        await rig.chat.until("You are paired as dave on host host.")
        assert rig.people.name_of(DAVE.sender) == "dave"
        await rig.says("/status", DAVE)
        await rig.chat.until("host")
    found = await rig.pairing.outcome(invitation.pairing.id, 0)
    assert found is not None
    assert (found.state, found.account) == (PairingState.USED, "telegram:78")
    assert found.called == r"Dave \u202eevaD"
    assert [e.name for e in rig.audit.events][:2] == ["pairing.opened", "account.paired"]


async def test_the_first_task_is_one_tap_away(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await starts(rig, (await opened(rig)).code)
        await rig.chat.until("You are paired")
        assert [[str(b.label) for b in row] for row in rig.chat.posts[-1].reply.buttons] == [
            ["Try it: /help"]  # of two projects none is chosen
        ]
        await rig.clicks(rig.button("Try it: /help"), DAVE)
        await rig.chat.until("What you may do")


async def test_a_code_that_one_of_us_writes_in_a_group_is_over_too(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.says("what a nice group", place=GROUP)  # told how to pair it, once in some hours
    invitation = await opened(rig)
    await starts(rig, invitation.code, ALICE.sender, GROUP)
    await handled(rig)
    found = await rig.pairing.outcome(invitation.pairing.id, 0)
    assert found is not None
    assert found.state is PairingState.EXPOSED
    assert rig.state.latest_jobs(1) == ()


async def test_an_account_is_one_person(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    await starts(rig, invitation.code, BOB.sender)
    async with running(rig):
        await rig.chat.until("This account is paired as bob")
        await starts(rig, invitation.code)
        await rig.chat.until("You are paired as dave")


async def test_a_new_code_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    first, second = await opened(rig), await opened(rig)
    await starts(rig, first.code)
    await handled(rig)
    assert rig.state.accounts() == ()
    await starts(rig, second.code)
    await handled(rig)
    assert [a.user for a in rig.state.accounts()] == ["dave"]


async def test_what_cannot_be_recorded_pairs_nobody(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    invitation = await opened(rig)
    rig.audit.broken = "disk full"
    await starts(rig, invitation.code)
    await handled(rig)
    assert rig.state.accounts() == ()
    with pytest.raises(AuditUnavailable):
        await opened(rig)


async def test_nobody_is_paired_who_is_not_declared(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(CannotPair, match="eve"):
        await opened(rig, "eve")
    await starts(rig, (await opened(rig)).code)
    await handled(rig)
    rig.people.users = frozenset({ALICE.name})  # taken out of the settings
    assert rig.people.name_of(DAVE.sender) is None


async def test_who_is_unpaired_is_not_heard_and_not_told_anything(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await starts(rig, (await opened(rig)).code)
        await rig.chat.until("You are paired")
        await rig.says("/unpair", DAVE)
        await rig.chat.until("I do not hear this account any more")
        assert rig.people.name_of(DAVE.sender) == "dave"
        await rig.clicks(rig.button("Unpair this account"), DAVE)
        await rig.chat.until("no longer paired as dave")
        place = Place(Platform.TELEGRAM, DAVE.sender.id)
        rig.outbox.put(place, rig.chat.posts[-1].reply)
        assert place not in rig.state.places_with_mail()
        assert rig.state.place_of(DAVE.name) is None
    assert rig.people.name_of(DAVE.sender) is None
    assert "account.unpaired" in rig.audit.names()


async def test_what_waits_from_an_account_that_was_removed_is_not_done(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await starts(rig, (await opened(rig)).code)
    await handled(rig)
    await rig.says("/run something", DAVE)
    assert await rig.accounts.remove(DAVE.name, "78", HOST) == [r"telegram:78 (Dave \u202eevaD)"]
    await handled(rig)
    assert rig.state.waiting() == ()
    assert [job.state for job in rig.state.latest_jobs(9)] in ([], ["denied"])
    assert "request.allowed" not in rig.audit.names()


async def test_an_account_of_the_settings_is_ended_there(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/unpair", ALICE)
        await rig.chat.until("stands in dispatch.toml")
    assert rig.people.name_of(ALICE.sender) == "alice"


async def test_a_job_that_waits_does_not_start_for_an_account_that_was_removed(
    tmp_path: Path,
) -> None:
    rig, going = Rig(tmp_path), asyncio.Event()
    rig.agent.script = lambda _: going.wait()
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("/run something long")
        await rig.chat.until("Job 1 started")
        await starts(rig, (await opened(rig)).code)
        await rig.chat.until("You are paired")
        await rig.says("/project demo", DAVE)
        await rig.says("/run something else", DAVE)
        await rig.chat.until("Starts after job 1")
        await rig.accounts.remove(DAVE.name, "", HOST)
        going.set()
        async with asyncio.timeout(5):
            while not (job := rig.state.latest_jobs(1)[0]).is_finished:
                await asyncio.sleep(0)
    assert (job.id, job.state) == (2, JobState.CANCELLED)
    assert job.reason == "telegram:78 is no account of dave any more"
    assert len(rig.agent.tasks) == 1
    assert "request.denied" in rig.audit.names()
