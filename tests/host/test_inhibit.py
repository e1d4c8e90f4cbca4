"""Keeping the machine awake by commands on the PATH, and what becomes of it when we are gone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import WakeUnavailable
from appliance.host.inhibit import (
    IDLE_SHORTFALL,
    LID_SHORTFALL,
    CommandInhibitor,
    caffeinate,
    of_this_machine,
)
from tests.host.commands_on_path import DENIED, SCRIPT, install, said, without_a_bus

ONLY_IDLE = """#!/bin/sh
case "$1" in --what=idle) ;; *) echo "Access denied" >&2; exit 1;; esac
while [ "${{1#-}}" != "$1" ]; do shift; done
exec "$@"
"""
HOLDER = """
import asyncio, sys
from appliance.host.inhibit import of_this_machine

async def main():
    machine = of_this_machine(lid=False, lease_seconds=float(sys.argv[1]), platform="darwin")
    await machine.hold("job 12")
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


async def ends(directory: Path) -> None:
    """Returns once the command has noted its end."""
    async with asyncio.timeout(20):
        while "end" not in said(directory):
            await asyncio.sleep(0.01)


async def test_on_linux_who_why_and_what_are_told_to_systemd_inhibit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_bus(tmp_path, monkeypatch)
    install(tmp_path, monkeypatch, systemd_inhibit=SCRIPT)
    machine = of_this_machine(lid=True, lease_seconds=60, platform="linux")
    hold = await machine.hold("jobs 12, 13")
    assert machine.means == "systemd-inhibit"
    assert hold.shortfall == ""
    assert said(tmp_path)[0].startswith(
        "systemd-inhibit --what=sleep:idle:handle-lid-switch --who=dispatch-appliance "
        "--why=jobs 12, 13 --mode=block "
    )
    await hold.release()
    assert said(tmp_path)[-1] == "end"


async def test_the_lid_is_left_alone_unless_opted_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_bus(tmp_path, monkeypatch)
    install(tmp_path, monkeypatch, systemd_inhibit=SCRIPT)
    hold = await of_this_machine(lid=False, lease_seconds=60, platform="linux").hold("job 1")
    assert "--what=sleep:idle --who" in said(tmp_path)[0]
    await hold.release()


async def test_where_only_idling_may_be_blocked_that_is_done_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_bus(tmp_path, monkeypatch)
    install(tmp_path, monkeypatch, systemd_inhibit=ONLY_IDLE)
    hold = await of_this_machine(lid=True, lease_seconds=60, platform="linux").hold("job 1")
    assert hold.shortfall == IDLE_SHORTFALL
    assert await hold.renew()
    await hold.release()


async def test_when_no_way_works_each_says_why_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_a_bus(tmp_path, monkeypatch)
    install(tmp_path, monkeypatch, systemd_inhibit=DENIED)
    with pytest.raises(WakeUnavailable) as caught:
        await of_this_machine(lid=False, lease_seconds=60, platform="linux").hold("job 1")
    complaints = caught.value.message.split("; ")
    assert len(complaints) == 2
    assert complaints[0].startswith("no system bus: ")
    assert complaints[1] == "systemd-inhibit: Failed to inhibit: Access denied"


async def test_a_command_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    machine = of_this_machine(lid=False, lease_seconds=60, platform="darwin")
    with pytest.raises(WakeUnavailable, match="cannot run caffeinate: No such file"):
        await machine.hold("job 1")


async def test_a_command_that_ends_by_itself_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, caffeinate="#!/bin/sh\nexit 0\n")
    with pytest.raises(WakeUnavailable, match="caffeinate: it ended without a word"):
        await CommandInhibitor("caffeinate", caffeinate, 60).hold("job 1")


async def test_on_a_mac_it_is_caffeinate_and_the_lid_is_stronger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, caffeinate=SCRIPT)
    machine = of_this_machine(lid=True, lease_seconds=60, platform="darwin")
    hold = await machine.hold("job 12")
    assert machine.means == "caffeinate"
    assert said(tmp_path)[0].startswith(f"caffeinate -i {sys.executable} -I -S ")
    assert hold.shortfall == LID_SHORTFALL
    await hold.release()


async def test_a_hold_that_is_not_renewed_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, caffeinate=SCRIPT)
    hold = await CommandInhibitor("caffeinate", caffeinate, 0.1).hold("job 12")
    await ends(tmp_path)
    await hold.release()
    assert not await hold.renew()


async def test_ctrl_c_on_the_terminal_is_for_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, caffeinate='#!/bin/sh\nps -o pgid= $$ > {log}\nshift\n"$@"\n')
    hold = await CommandInhibitor("caffeinate", caffeinate, 60).hold("job 12")
    assert int(said(tmp_path)[0]) != os.getpgrp()
    await hold.release()


@pytest.mark.parametrize(
    ("number", "lease_seconds"),
    [
        pytest.param(signal.SIGKILL, 60, id="killed"),
        pytest.param(signal.SIGSTOP, 0.2, id="stopped"),
    ],
)
async def test_a_daemon_that_is_killed_or_hangs_lets_go(
    number: signal.Signals, lease_seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, caffeinate=SCRIPT)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lease_seconds)], cwd=ROOT, stdout=subprocess.PIPE
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"held\n"
        daemon.send_signal(number)
        await ends(tmp_path)
        daemon.kill()
