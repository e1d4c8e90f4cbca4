"""Everything stopped and refused: asked first, held across restarts, lifted only at the host."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.core.events import SYSTEM
from appliance.core.jobs import State as JobState
from appliance.core.lockdown import QUESTION_SECONDS
from appliance.core.model import Allowed, Ended, Ending, JobId
from tests.examples import ALICE, BOB
from tests.services.rig import RULE, Puppet, Rig, allow_everything, running


async def locked(rig: Rig, why: str = "") -> None:
    await rig.says(f"/lockdown now {why}".strip())
    await rig.chat.until("Everything is stopped.")


async def works_for_ever(puppet: Puppet) -> Ended:
    await asyncio.Event().wait()
    return Ended(Ending.SUCCEEDED, "never")


async def test_a_pocket_press_only_asks_and_one_tap_more_locks(tmp_path: Path) -> None:
    async with running(Rig(tmp_path)) as rig:
        await rig.says("/lockdown my phone is gone")
        await rig.chat.until("Lock down?")
        assert rig.lockdowns.refusal is None
        await rig.clicks(rig.button("Lock down now"))
        await rig.chat.until("Everything is stopped.")
        assert "my phone is gone" in await rig.chat.until("Locked down by alice")
        assert "lockdown.started" in rig.audit.names()


async def test_an_old_question_does_not_lock(tmp_path: Path) -> None:
    async with running(Rig(tmp_path)) as rig:
        await rig.says("/lockdown")
        await rig.chat.until("Lock down?")
        token = rig.button("Lock down now")
        rig.clock.advance(QUESTION_SECONDS + 1)
        await rig.clicks(token)
        await rig.chat.until("asked too long ago")
        await rig.clicks("lk:neverasked")
        assert rig.lockdowns.refusal is None


async def test_what_runs_is_interrupted_and_what_waits_is_held(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.agent.script = works_for_ever
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("/run one")
        await rig.says("/run two")
        async with asyncio.timeout(5):
            while not rig.agent.tasks:
                await asyncio.sleep(0)
        await locked(rig)
        first, second = (rig.state.job(JobId(number)) for number in (1, 2))
        assert first is not None
        assert first.state is JobState.INTERRUPTED
        assert "Locked down by alice" in first.reason
        assert second is not None
        assert second.state is JobState.QUEUED
        assert not rig.runs

        rig.agent.script = lambda _: None
        assert await rig.lockdowns.lift(ALICE.name, SYSTEM)
        await rig.chat.until("Lockdown lifted by alice")
        await rig.chat.until("Job 2 ✓")
        assert "lockdown.lifted" in rig.audit.names()


async def test_everything_is_refused_but_a_look_for_owners(tmp_path: Path) -> None:
    policy = allow_everything()
    policy.admins = {ALICE.name}
    async with running(Rig(tmp_path, policy)) as rig:
        await locked(rig)
        await rig.says("/run something")
        await rig.chat.until("nothing is done until the host lifts it")
        await rig.says("/status")
        await rig.chat.until("queued 0")
        await rig.says("/audit")
        await rig.chat.until("Log · 7 records")
        await rig.says("/status", BOB)
        denied = [e for e in rig.audit.events if e.name == "request.denied"]
        async with asyncio.timeout(5):
            while len(denied) < 2:
                await asyncio.sleep(0)
                denied = [e for e in rig.audit.events if e.name == "request.denied"]
        assert not rig.agent.tasks


async def test_a_tool_call_is_refused_whatever_the_policy_says(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    said: list[str] = []

    async def script(puppet: Puppet) -> None:
        said.append(await puppet.call("Read"))
        rig.lockdowns._held = held
        said.append(await puppet.call("Read", "toolu_2"))

    async with running(rig):
        await locked(rig)
        held = rig.lockdowns._held
        await rig.lockdowns.lift(ALICE.name, SYSTEM)
        rig.agent.script = script
        await rig.says("/project demo")
        await rig.says("/run look")
        await rig.chat.until("Job 1 ✓")
    assert said[0] == "ok"
    assert "nothing is done until the host lifts it" in said[1]


async def test_a_restart_does_not_end_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await locked(rig)
    rig.state.close()
    async with running(Rig(tmp_path)) as again:
        again.number = rig.number
        await again.says("/run something")
        await again.chat.until("nothing is done until the host lifts it")


async def test_a_log_that_cannot_be_written_does_not_keep_it_waiting(tmp_path: Path) -> None:
    async with running(Rig(tmp_path)) as rig:
        rig.audit.broken = "disk full"
        await locked(rig)
        assert rig.lockdowns.refusal is not None


async def test_it_goes_ahead_of_all_that_waits(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for number in range(50):
        await rig.says(f"/run {number}")
    await rig.says("/lockdown now")
    async with running(rig):
        await rig.chat.until("Everything is stopped.")
        assert not rig.agent.tasks


async def test_who_may_not_does_not_and_every_owner_is_told(tmp_path: Path) -> None:
    policy = allow_everything()
    policy.admins = {ALICE.name, BOB.name}
    policy.table["/why"] = Allowed(RULE)
    async with running(Rig(tmp_path, policy)) as rig:
        await rig.says("/status", BOB)
        await rig.chat.until("queued 0")
        await rig.says("/lockdown now", ALICE)
        await rig.chat.until("Everything is stopped.")
        async with asyncio.timeout(5):
            while not any(p.place.chat == BOB.sender.id for p in rig.chat.posts[1:]):
                await asyncio.sleep(0)


async def test_no_phone_lifts_it(tmp_path: Path) -> None:
    async with running(Rig(tmp_path)) as rig:
        await locked(rig)
        await rig.says("/lockdown lift")
        await rig.chat.until("Only the host lifts a lockdown")
        assert rig.lockdowns.refusal is not None
