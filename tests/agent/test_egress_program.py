"""A dispatch-egress of the daemon's own: it is there, it comes back, it goes with us."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from appliance.agent.egress_link import EgressLink
from appliance.agent.egress_program import MAX_DEATHS, EgressProgram
from appliance.errors import AgentFailed
from appliance.host.clock import SystemClock
from tests.egress.rig import TASK, Daemon
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[2]


def child(path: Path) -> psutil.Process:
    (found,) = [p for p in psutil.Process().children() if str(path) in p.cmdline()]
    return found


async def serves(path: Path) -> None:
    daemon = Daemon()
    async with EgressLink(path, {os.getuid()}).session(TASK, daemon.judge, daemon.record):
        pass


async def test_it_serves_once_it_is_ready_and_again_after_it_was_killed(tmp_path: Path) -> None:
    path, ready = tmp_path / "egress", asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(EgressProgram(path, SystemClock()).run(ready.set))
        await ready.wait()
        await serves(path)
        first = child(path)
        ready.clear()
        first.kill()
        await ready.wait()
        assert child(path).pid != first.pid
        await serves(path)
        last = child(path)
        running.cancel()
    assert not last.is_running()


async def test_one_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    program = EgressProgram(tmp_path / "egress", FakeClock(), ("false",))
    with pytest.raises(AgentFailed, match=f"died {MAX_DEATHS + 1} times in a minute") as caught:
        await program.run(lambda: pytest.fail("it is not ready"))
    assert "with status 1" in str(caught.value)


class HourByHour(FakeClock):
    """An hour goes by between two deaths; at last something else ends it."""

    def __init__(self) -> None:
        super().__init__()
        self._hours = 0

    def monotonic(self) -> float:
        self._hours += 1
        if self._hours > 2 * MAX_DEATHS:
            raise KeyError("it was started often enough")
        return self._hours * 3600.0


async def test_one_that_dies_now_and_then_is_started_again(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="often enough"):
        await EgressProgram(tmp_path / "egress", HourByHour(), ("false",)).run(lambda: None)


async def test_one_that_cannot_be_started_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(AgentFailed, match="dispatch-egress does not start"):
        await EgressProgram(tmp_path / "egress", FakeClock(), (str(tmp_path),)).run(lambda: None)


def test_it_dies_with_the_daemon_however_that_dies(tmp_path: Path) -> None:
    stub = [sys.executable, "-c", PARENT, str(tmp_path / "egress")]
    with subprocess.Popen(stub, cwd=ROOT, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"ready\n"
        (egress,) = psutil.Process(daemon.pid).children()
        # Ctrl-C in a terminal reaches both: it waits for the daemon to be done
        egress.send_signal(signal.SIGINT)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "egress"))
        daemon.kill()
        egress.wait(10)
    assert not (tmp_path / "egress").exists()


PARENT = """
import asyncio, sys
from pathlib import Path
from appliance.agent.egress_program import EgressProgram
from appliance.host.clock import SystemClock
program = EgressProgram(Path(sys.argv[1]), SystemClock())
asyncio.run(program.run(lambda: print("ready", flush=True)))
"""
