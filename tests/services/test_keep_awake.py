"""The machine stays awake exactly as long as there is work, or somebody asked for it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from appliance.core.events import WakeHeld, WakeReleased
from appliance.core.keep_awake import Battery, For
from appliance.core.model import Ended, Ending
from appliance.services.keep_awake import REASON_SECONDS, RENEW_SECONDS, KeepAwake
from tests.examples import BOB, PLACE
from tests.services.rig import NAS, Puppet, Rig, running


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


class Works:
    """A script for the agent: each job works until `done` is called."""

    def __init__(self) -> None:
        self._done = asyncio.Event()

    def done(self) -> None:
        self._done.set()

    async def __call__(self, puppet: Puppet) -> Ended:
        await self._done.wait()
        return Ended(Ending.SUCCEEDED, "all done")


async def passes(rig: Rig, seconds: float) -> None:
    """Time passes in small steps, in which whoever is woken can do something."""
    while seconds > 0:
        step = min(seconds, 1)
        rig.clock.advance(step)
        seconds -= step
        for _ in range(20):
            await asyncio.sleep(0)


def held(rig: Rig) -> list[WakeHeld]:
    return [event for event in rig.audit.events if isinstance(event, WakeHeld)]


def released(rig: Rig) -> list[WakeReleased]:
    return [event for event in rig.audit.events if isinstance(event, WakeReleased)]


async def work(rig: Rig, text: str = "do it") -> Works:
    works = Works()
    rig.agent.script = works
    await rig.says(text)
    return works


# --- jobs


async def test_it_is_held_from_the_first_job_until_a_minute_after_the_last(rig: Rig) -> None:
    works = await work(rig)
    await rig.inhibitor.until("job 1")
    works.done()
    await rig.chat.until("all done")
    await passes(rig, 59)
    assert rig.inhibitor.reasons == ["a job has just ended"]
    await passes(rig, 2)
    assert rig.inhibitor.reasons == []
    assert [(e.reason, e.means, e.cause) for e in held(rig)] == [("job 1", "fake", ("job:1",))]
    assert [(e.reason, e.held_seconds) for e in released(rig)] == [("nothing to do any more", 60)]


async def test_a_job_that_waits_for_approval_keeps_it_awake(rig: Rig) -> None:
    await rig.says("/deploy")
    await rig.inhibitor.until("job 1")
    await passes(rig, 300)
    assert rig.inhibitor.reasons == ["job 1"]
    await rig.clicks(rig.button("Deny"))
    await passes(rig, 62)
    assert rig.inhibitor.reasons == []


async def test_a_tool_call_that_waits_for_approval_keeps_it_awake(rig: Rig) -> None:
    rig.agent.script = lambda puppet: puppet.call("Bash", command="make")
    await rig.says("do it")
    await rig.chat.until("May this run?")
    await passes(rig, 300)
    assert rig.inhibitor.reasons == ["job 1"]


async def test_a_refused_request_wakes_nobody(rig: Rig) -> None:
    rig.policy.table.pop("/run")
    await rig.says("/run something")
    await rig.chat.until("Not allowed")
    assert held(rig) == []


async def test_the_reason_follows_the_jobs_and_no_moment_lies_between(rig: Rig) -> None:
    works = await work(rig)
    await rig.inhibitor.until("job 1")
    await rig.says("/git status")
    await passes(rig, 1 + REASON_SECONDS)
    await rig.inhibitor.until("jobs 1, 2")
    assert rig.inhibitor.most_at_once == 2, "the new one first"
    works.done()
    await rig.chat.until("all done")
    assert len(held(rig)) == 1, "it was never let go"


async def test_a_reason_that_cannot_be_changed_stays_and_the_hold_too(rig: Rig) -> None:
    await work(rig)
    await rig.inhibitor.until("job 1")
    rig.inhibitor.broken = "no system bus"
    await rig.says("/git status")
    await passes(rig, 5)
    assert rig.inhibitor.reasons == ["job 1"]
    rig.inhibitor.broken = ""
    await passes(rig, 70)
    assert rig.inhibitor.reasons == ["jobs 1, 2"]


async def test_a_hold_is_renewed_before_it_ends(rig: Rig) -> None:
    await work(rig)
    await rig.inhibitor.until("job 1")
    hold = rig.inhibitor.holds[-1]
    for _ in range(5):
        before = hold.renewals
        await passes(rig, RENEW_SECONDS + 1)
        assert hold.renewals > before


async def test_a_hold_that_was_ended_from_outside_is_taken_again(rig: Rig) -> None:
    await work(rig)
    await rig.inhibitor.until("job 1")
    rig.inhibitor.holds[-1].is_held = False
    await passes(rig, RENEW_SECONDS + 1)
    assert rig.inhibitor.reasons == ["job 1"]
    assert [event.reason for event in released(rig)] == ["it was ended from outside"]
    assert len(held(rig)) == 2


async def test_a_machine_that_cannot_be_kept_awake_works_and_says_so(rig: Rig) -> None:
    rig.inhibitor.broken = "no system bus"
    works = await work(rig)
    works.done()
    await rig.chat.until("all done")
    assert rig.keep_awake.trouble() == "no system bus"
    assert held(rig) == []


async def test_what_did_not_work_is_tried_again_now_and_then(rig: Rig) -> None:
    rig.inhibitor.broken = "no system bus"
    await work(rig)
    await rig.chat.until("started")
    rig.inhibitor.broken = ""
    await passes(rig, 30)
    assert rig.inhibitor.reasons == []
    await passes(rig, 40)
    assert rig.inhibitor.reasons == ["job 1"]
    assert rig.keep_awake.trouble() == ""


async def test_what_cannot_be_recorded_is_not_held(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig, without=("gate", "worker")):
        rig.audit.broken = "disk full"
        with rig.state.transaction():
            rig.keep_awake.follow(For(60), BOB.name, PLACE)
        await passes(rig, 1)
        assert rig.inhibitor.reasons == []
        assert rig.keep_awake.trouble() == "disk full"
    rig.state.close()


async def test_who_stops_lets_go(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with running(rig):
        await rig.says("/awake 1h")
        await rig.inhibitor.until(f"until {_clock(rig, 1)} for alice")
    assert rig.inhibitor.reasons == []
    assert [event.reason for event in released(rig)] == ["the appliance stops"]
    rig.state.close()


async def test_whether_it_works_is_known_before_the_first_job(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.inhibitor.shortfall = "only idling is blocked"
    async with running(rig):
        await rig.says("/project demo")
        await rig.chat.until("Project is now demo")
        assert rig.keep_awake.trouble() == "only idling is blocked"
        assert str(rig.keep_awake.line()) == "the machine may sleep"
        assert held(rig) == []
        works = await work(rig)
        await rig.inhibitor.until("job 1")
        works.done()
        await rig.chat.until("all done")
        await passes(rig, 62)
        assert rig.keep_awake.trouble() == "only idling is blocked", "and after it, too"
    rig.state.close()


# --- sessions


def _clock(rig: Rig, hours: int) -> str:
    return time.strftime("%H:%M", time.gmtime(rig.clock.now() / 1000 + hours * 3600))


async def test_somebody_asks_for_an_hour_and_gets_it(rig: Rig) -> None:
    await rig.says("/awake 1h")
    await rig.chat.until(f"Awake until {_clock(rig, 1)}, for 1 h 0 min.")
    await rig.inhibitor.until(f"until {_clock(rig, 1)} for alice")
    await passes(rig, 3598)
    assert rig.inhibitor.reasons
    await passes(rig, 4)
    assert rig.inhibitor.reasons == []


async def test_a_session_is_still_there_after_a_restart(tmp_path: Path) -> None:
    first = Rig(tmp_path)
    async with running(first):
        await first.says("/awake 8h")
        await first.chat.until("Awake until")
    first.state.close()
    second = Rig(tmp_path)
    async with running(second):
        await second.inhibitor.until(f"until {_clock(second, 8)} for alice")
    second.state.close()


async def test_a_session_can_be_ended(rig: Rig) -> None:
    works = await work(rig)
    await rig.says("/awake 2h")
    await rig.chat.until("Awake until")
    await rig.says("/awake off")
    await rig.chat.until("Ended. The machine stays awake for job 1.")
    await passes(rig, 2)
    assert rig.inhibitor.reasons == ["job 1"]
    works.done()
    await rig.chat.until("all done")
    await rig.says("/awake off")
    await rig.chat.until("Ended. The machine may sleep.")


async def test_more_than_eight_hours_are_refused(rig: Rig) -> None:
    await rig.says("/awake 9h")
    await rig.chat.until("at most 8 hours at a time")
    assert rig.inhibitor.reasons == []


async def test_how_it_is_can_be_asked(rig: Rig) -> None:
    await rig.says("/awake")
    await rig.chat.until("Awake: the machine may sleep")
    await work(rig)
    await rig.inhibitor.until("job 1")
    await rig.says("/awake")
    await rig.chat.until("Awake: job 1 (fake)")
    await rig.says("/awake for ever")
    await rig.chat.until("How long? Write: /awake 8h")


async def test_switched_off_it_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    off = KeepAwake(
        rig.state, rig.audit, rig.activity, None, rig.read_battery, 20, rig.outbox, rig.clock
    )
    await off.run(lambda: None)
    assert str(off.line()) == "switched off"
    reply = off.follow(For(60), BOB.name, PLACE)
    assert "enabled is false" in reply.body.text
    rig.state.close()


# --- the battery


async def test_a_low_battery_lets_go_and_says_so_once(rig: Rig) -> None:
    await work(rig)
    await rig.inhibitor.until("job 1")
    rig.battery = Battery(20, is_plugged=False)
    await passes(rig, RENEW_SECONDS + 1)
    said = await rig.chat.until("Battery at 20 %")
    assert "with job 1 unfinished" in said
    assert rig.inhibitor.reasons == []
    assert [event.reason for event in released(rig)] == ["battery at 20 %"]
    assert "battery is at 20 %" in rig.keep_awake.trouble()
    rig.battery = Battery(22, is_plugged=False)
    await passes(rig, 3 * RENEW_SECONDS)
    assert rig.inhibitor.reasons == []
    assert sum("Battery" in text for text in rig.chat.messages.values()) == 1
    rig.battery = Battery(22, is_plugged=True)
    await passes(rig, RENEW_SECONDS + 1)
    assert rig.inhibitor.reasons == ["job 1"]
    assert rig.keep_awake.trouble() == ""


async def test_a_spared_battery_is_no_trouble_once_there_is_nothing_to_do(rig: Rig) -> None:
    rig.battery = Battery(5, is_plugged=False)
    works = await work(rig)
    await rig.chat.until("Battery at 5 %")
    assert held(rig) == []
    works.done()
    await rig.chat.until("all done")
    await passes(rig, 62)
    assert rig.keep_awake.trouble() == ""


# --- other machines


async def test_another_machine_is_woken_by_its_name(rig: Rig) -> None:
    await rig.says("/wake nas")
    await rig.chat.until("Told nas to wake up")
    assert rig.woken == [NAS]
    await rig.says("/wake 192.0.2.1")
    await rig.chat.until("Wake which machine?")
    await rig.says("/wake tv")
    await rig.chat.until("Not allowed")
