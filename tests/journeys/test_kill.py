"""kill -9 of daemon, launcher and agent at random points of a scripted run.

No acknowledged message is lost, none runs twice, no process is left after a second, and every
answer arrives once. DISPATCH_KILLS says how many points are tried (default 60 with a stub agent,
a tenth of that with the real CLI): 200 take four minutes.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.emulators.anthropic import Asked, Call, Turn
from tests.grounds import children, command_line, marked_processes
from tests.journeys.house import ALICE, PATIENCE_SECONDS, ROOT, House

pytestmark = [pytest.mark.crash, pytest.mark.timeout(1200)]

KILLS = int(os.getenv("DISPATCH_KILLS", "60"))
GONE_SECONDS = 1.0
OUTCOMES = re.compile(r"answer <(\d+)>|Job (\d+) was interrupted|Job (\d+) ✗ failed:")


class Target:
    """What is killed: found anew each time, because it may have been started a moment ago."""

    def __init__(self, house: House) -> None:
        assert house.daemon is not None
        self._daemon = house.daemon.pid

    def daemon(self) -> list[int]:
        return [self._daemon]

    def launcher(self) -> list[int]:
        return [pid for pid in children(self._daemon) if "appliance/task" in command_line(pid)]

    def agent(self) -> list[int]:
        return [pid for launcher in self.launcher() for pid in children(launcher)]

    async def is_at_rest(self, killed: list[int], marks: list[str]) -> None:
        """Returns once the daemon has ended what those who were killed left behind.

        Without a sandbox nobody else could: killed in that very moment it leaves a process that
        has detached to the unit's cgroup, and there is no unit here.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(Path(f"/proc/{pid}").exists() for pid in killed) or any(
                mark in command_line(pid) for pid in children(self._daemon) for mark in marks
            ):
                await asyncio.sleep(0.005)


def kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


async def gone(marks: list[str]) -> list[str]:
    """What is still there after a second."""
    deadline = time.monotonic() + GONE_SECONDS
    while left := [line for mark in marks for line in marked_processes(mark)]:
        if time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.02)
    return []


def outcomes(house: House) -> list[str]:
    return [match[0] for text in house.texts() for match in OUTCOMES.finditer(text)]


def has_outcomes(house: House, count: int) -> bool:
    return len(outcomes(house)) >= count


async def torture(house: House, marks: list[str], kills: int, patience: float) -> None:
    choice = random.Random(kills)
    killed: list[int] = []
    for number in range(1, kills + 1):
        await Target(house).is_at_rest(killed, marks)
        house.tg.user_says(ALICE, f"/run task {number}")
        await asyncio.sleep(choice.uniform(0, patience))
        target = Target(house)
        which: Callable[[], list[int]] = choice.choice(
            [target.daemon, target.launcher, target.agent]
        )
        killed = which()
        kill(killed)
        if which == target.daemon:
            assert house.daemon is not None
            await house.daemon.wait()
            assert await gone([*marks, str(house.home)]) == [], f"left after kill {number}"
            await house.start()
            killed = []
        try:
            await house.tg.until(partial(has_outcomes, house, number))
        except TimeoutError:
            told = "\n--\n".join(house.texts()[-4:])
            log = house.log_text().decode()[-3000:]
            raise AssertionError(
                f"task {number} has no outcome. Said was:\n{told}\n{log}"
            ) from None
    assert await house.stop() == 0
    assert await gone([*marks, str(house.home)]) == []


def check(house: House, ran: list[str], kills: int) -> None:
    answers = Counter(re.findall(r"answer <(\d+)>", "\n".join(house.texts())))
    twice = {number: times for number, times in answers.items() if times > 1}
    assert twice == {}, "answers that arrived twice"
    told = Counter(outcomes(house))
    assert len(outcomes(house)) == kills, (told.most_common(5), house.texts())
    assert {n: times for n, times in Counter(ran).items() if times > 1} == {}, "ran twice"
    accepted = {record["d"]["job"] for record in house.records() if record["kind"] == "job.queued"}
    assert len(accepted) >= kills
    assert "intact" in house.verify()


async def test_a_stub_agent_under_kill_minus_nine(tmp_path: Path) -> None:
    mark = f"dispatch-kill-{os.getpid()}-stub"
    program = tmp_path / "claude"
    stub = ROOT / "tests/journeys/kill_stub.py"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -I -S {stub} {tmp_path}/project {mark} "$@"\n'
    )
    program.chmod(0o755)
    async with House(tmp_path, program, walled=False) as house:
        house.tg.user_says(ALICE, "/run task 0")
        await house.reads("answer <0>")
        house.tg.messages.clear()
        await torture(house, [mark], KILLS, patience=0.35)
        check(house, (house.project / "ran.log").read_text().split()[1:], KILLS)


@pytest.mark.real_cli
async def test_the_real_agent_under_kill_minus_nine(tmp_path: Path, claude_program: Path) -> None:
    kills = max(3, KILLS // 10)
    turns = (
        Turn("", (Call("Bash", {"command": "make ran"}),), lambda asked: not asked.results, 999),
        *(Turn(f"answer <{n}>", when=_is_about(n), times=9) for n in range(1, kills + 1)),
    )
    rules = ["p, owner, *, bash, make ran, allow"]
    async with House(tmp_path, claude_program, *turns, rules=rules) as house:
        (house.project / "Makefile").write_text("ran:\n\t@echo ran >> ran.log\n")
        await torture(house, [], kills, patience=1.5)
        begun = [_number(asked) for asked in house.api.requests if not asked.results]
        check(house, [number for number in begun if number], kills)
        assert (house.project / "ran.log").read_text().count("ran") <= kills


def _number(asked: Asked) -> str:
    found: list[str] = re.findall(r"task (\d+)", asked.text)
    return found[-1] if found else ""


def _is_about(number: int) -> Callable[[Asked], bool]:
    return lambda asked: _number(asked) == str(number) and bool(asked.results)
