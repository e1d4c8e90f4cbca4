"""A task that takes more than it may is stopped or told no, and the machine goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.agent.task_link import Exceeded, Launch, TaskExited
from appliance.app.attack.bombs import (
    BOMBS,
    BRIEF,
    BUSY,
    FILL_DESCRIPTORS,
    FILL_MEMORY,
    FILL_MEMORY_BY_CHILDREN,
    FORK,
    MANY_FILES,
    SMALL,
)
from appliance.core.model import Ceiling, Isolation, Task
from tests.grounds import HAS_BUBBLEWRAP, LEVELS, Grounds, marked_processes

LARGE = Ceiling()
FILL_A_FILE_HERE = BOMBS["fill_the_disk_with_a_file"].script
pytestmark = pytest.mark.timeout(60)


def task(grounds: Grounds, ceiling: Ceiling) -> Task:
    plain = grounds.task("x", timeout_seconds=30)
    return replace(plain, limits=replace(plain.limits, ceiling=ceiling))


def script(grounds: Grounds, text: str) -> Launch:
    path = Path(grounds.project.path, "bomb.py")
    path.write_text(text)
    return Launch(("python3", str(path)), {})


async def outcome(grounds: Grounds, text: str, ceiling: Ceiling) -> tuple[str, TaskExited]:
    launch = script(grounds, text)
    async with grounds.link().start(task(grounds, ceiling), launch) as running:
        running.stdin.close()
        output = (await running.stdout.read()).decode()
        exited = await running.exited()
    assert marked_processes(str(grounds.project.path)) == []
    return output, exited


@pytest.fixture(params=LEVELS)
def grounds(request: pytest.FixtureRequest, tmp_path: Path) -> Grounds:
    return Grounds.make(tmp_path).at(request.param)


@pytest.mark.parametrize("text", [FILL_MEMORY, FILL_MEMORY_BY_CHILDREN], ids=["alone", "together"])
async def test_a_task_that_takes_too_much_memory_is_ended(grounds: Grounds, text: str) -> None:
    async with asyncio.timeout(15):
        launch = script(grounds, text)
        async with grounds.link().start(task(grounds, SMALL), launch) as running:
            exited = await running.exited()
    assert exited.exceeded is Exceeded.MEMORY


async def test_memory_that_it_may_take_it_gets(grounds: Grounds) -> None:
    _, exited = await outcome(grounds, FILL_MEMORY.replace("signal.pause()", ""), LARGE)
    assert exited == TaskExited(status=0, signal=0)


async def test_a_task_that_multiplies_is_ended(grounds: Grounds) -> None:
    async with asyncio.timeout(15):
        launch = script(grounds, FORK)
        async with grounds.link().start(task(grounds, SMALL), launch) as running:
            if os.geteuid() == 0:  # the kernel counts for everybody but root; then we do
                assert (await running.exited()).exceeded is Exceeded.PROCESSES
            else:
                await running.stdout.readline()
                assert len(marked_processes(str(grounds.project.path))) <= SMALL.processes + 8
    assert marked_processes(str(grounds.project.path)) == []


async def test_no_file_grows_larger_than_it_may(grounds: Grounds) -> None:
    assert (await outcome(grounds, FILL_A_FILE_HERE, LARGE))[0] == "filled\n"
    assert (await outcome(grounds, FILL_A_FILE_HERE, SMALL))[0] == "File too large\n"


async def test_a_process_that_computes_too_long_is_ended(grounds: Grounds) -> None:
    _, exited = await outcome(grounds, BUSY, BRIEF)
    assert exited.signal == signal.SIGXCPU


async def test_there_are_only_so_many_open_files(grounds: Grounds) -> None:
    assert (await outcome(grounds, FILL_DESCRIPTORS, LARGE))[0] == "Too many open files\n"


async def test_how_many_files_there_are_is_not_limited(grounds: Grounds) -> None:
    """It is the file system's to say; nothing of ours goes through them all."""
    output, exited = await outcome(grounds, MANY_FILES, SMALL)
    assert (output, exited.status) == ("made\n", 0)


@pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="no bubblewrap here")
async def test_what_it_keeps_in_memory_as_files_is_limited_too(tmp_path: Path) -> None:
    grounds = Grounds.make(tmp_path).at(Isolation.BUBBLEWRAP)
    text = (
        "import os\n"
        "try:\n"
        "    for number in range(200):\n"
        "        with open(f'/tmp/{number}', 'wb') as file: file.write(bytes(1024 * 1024))\n"
        "except OSError as error: print(error.strerror)\n"
    )
    assert (await outcome(grounds, text, SMALL))[0] == "No space left on device\n"
