"""What happens when a program hangs, is stopped or killed, and when the power is cut."""

from __future__ import annotations

import pytest

from tests.system.installation import ALICE, Installation

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

LINGER = "touch begun; sleep 1000 & setsid -f sleep 1000; wait"
"""A task with a child that detaches."""


async def begin(house: Installation) -> None:
    """A job runs, and has left something in the background."""
    await house.acts(LINGER)
    house.tg.user_says(ALICE, "/test")
    await house.until("test -e /home/alice/demo/begun")
    assert any("sleep 1000" in line for line in await house.agents_processes())


async def nothing_is_left(house: Installation) -> None:
    await house.until("! pgrep -u dispatch-agent sleep")


async def test_a_daemon_that_hangs_is_started_again(house: Installation) -> None:
    before = await house.main_pid("dispatchd")
    await house.sh(f"kill -STOP {before}")
    await house.until("systemctl show -p NRestarts --value dispatchd | grep -qx 1")
    await house.ready()
    assert await house.main_pid("dispatchd") != before
    assert "✓ done" in await house.tests("true")


async def test_a_stop_tells_the_chat_and_leaves_nothing(house: Installation) -> None:
    await begin(house)
    await house.sh("systemctl stop dispatch.target")
    await house.reads("The appliance is stopping. Job 1 gets a moment to finish.")
    await nothing_is_left(house)
    await house.until("! systemctl list-units --state=active 'dispatch*service' | grep -q dispatch")
    await house.until('[ -z "$(find /run/dispatch* -type s)" ]')
    kinds = [record["kind"] for record in await house.records()]
    assert kinds[-2:] == ["daemon.stopped", "key.rotated"]
    await house.sh("systemctl start dispatch.target")
    await house.reads("interrupted")


async def test_a_killed_daemon_comes_back_and_tells_what_became_of_the_work(
    house: Installation,
) -> None:
    await begin(house)
    await house.sh("systemctl kill -s KILL dispatchd")
    await nothing_is_left(house)
    await house.ready()
    await house.reads("interrupted")
    assert "✓ done" in await house.tests("true")


async def test_killed_programs_come_back(house: Installation) -> None:
    for program in ("dispatch-audit", "dispatch-egress"):
        before = await house.main_pid(program)
        await house.sh(f"systemctl kill -s KILL {program}")
        await house.until(f"systemctl show -p NRestarts --value {program} | grep -qx 1")
        await house.until(f'[ "$(systemctl show -p SubState --value {program})" = running ]')
        assert await house.main_pid(program) != before
    assert "✓ done" in await house.tests("true")
    assert "intact" in await house.sh("dispatchctl audit verify")


async def test_a_killed_launcher_takes_its_task_along_and_the_chat_is_told(
    house: Installation,
) -> None:
    await begin(house)
    await house.sh("pkill -KILL -u dispatch-agent -f bin/dispatch-task")
    await nothing_is_left(house)
    await house.reads("the task's launcher was killed")
    assert "✓ done" in await house.tests("true")


async def test_a_cut_of_the_power_loses_no_job_and_repeats_none(house: Installation) -> None:
    house.tg.user_says(ALICE, "/deploy staging")
    await house.reads("May this run?")
    await house.acts("echo ran >>ran; " + LINGER)
    house.tg.user_says(ALICE, "/test")
    await house.until("test -e /home/alice/demo/begun")
    await house.acts("echo second >>ran")
    house.tg.user_says(ALICE, "/test")
    await house.reads("Job 3")
    await house.sh("sync")  # what the task wrote; of our own files no word is lost without it

    await house.restart()
    await house.ready()
    await house.reads("interrupted")
    await house.reads("Job 3 ✓ done")
    house.press("Approve")
    await house.reads("deployed to staging")
    assert await house.sh("cat /home/alice/demo/ran") == "ran\nsecond"
    assert "intact" in await house.sh("dispatchctl audit verify")
