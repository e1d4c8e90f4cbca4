"""What every workbench promises, kept by the local one and by the one over real launchers."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.agent.workbench import TaskWorkbench
from appliance.core.model import Isolation, Project
from appliance.errors import AgentFailed
from appliance.ports import Workbench
from tests.fakes_workbench import LocalWorkbench
from tests.grounds import Grounds, marked_processes

EVERY_BYTE = bytes(range(256)) * 4096


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    return Grounds.make(tmp_path)


@pytest.fixture
def project(grounds: Grounds) -> Project:
    return grounds.project


Make = Callable[[int], Workbench]


@pytest.fixture(params=["local", "no wall", "walled"])
def make(request: pytest.FixtureRequest, grounds: Grounds) -> Make:
    """Makes one whose programs have so many seconds."""
    if request.param == "local":
        return lambda seconds: LocalWorkbench(seconds)
    ground = grounds.walled() if request.param == "walled" else grounds
    return lambda seconds: TaskWorkbench(ground.link(), Isolation.NONE, seconds)


@pytest.fixture
def workbench(make: Make) -> Workbench:
    return make(30)


async def test_output_status_and_words_are_apart(workbench: Workbench, project: Project) -> None:
    output = await workbench.run(project, ["sh", "-c", "echo out; echo words >&2; exit 3"])
    assert (output.status, output.stdout, output.stderr) == (3, b"out\n", "words\n")
    assert not output.is_cut


async def test_every_byte_of_a_file_survives(workbench: Workbench, project: Project) -> None:
    Path(project.path, "bytes").write_bytes(EVERY_BYTE)
    output = await workbench.run(project, ["cat", "--", "bytes"])
    assert hashlib.sha256(output.stdout).digest() == hashlib.sha256(EVERY_BYTE).digest()
    assert not output.is_cut


async def test_what_it_is_given_it_reads_whole(workbench: Workbench, project: Project) -> None:
    output = await workbench.run(project, ["cat"], stdin=EVERY_BYTE)
    assert output.stdout == EVERY_BYTE


async def test_who_does_not_read_is_no_problem(workbench: Workbench, project: Project) -> None:
    output = await workbench.run(project, ["true"], stdin=EVERY_BYTE)
    assert output.status == 0


async def test_too_much_output_is_cut_and_the_program_stopped(
    workbench: Workbench, project: Project
) -> None:
    argv = ["head", "-c", "9000000", "/dev/zero"]
    output = await workbench.run(project, argv, limit_bytes=100_000)
    assert output.is_cut
    assert output.stdout == b"\0" * 100_000


async def test_exactly_as_much_as_allowed_is_not_cut(
    workbench: Workbench, project: Project
) -> None:
    output = await workbench.run(project, ["printf", "12345"], limit_bytes=5)
    assert (output.stdout, output.is_cut) == (b"12345", False)


async def test_it_runs_in_the_directory_it_is_told(workbench: Workbench, project: Project) -> None:
    Path(project.path, "inside").mkdir()
    output = await workbench.run(project, ["pwd"], directory="inside")
    assert output.stdout.decode().strip() == f"{project.path}/inside"


@pytest.mark.parametrize("directory", ["..", "/etc", "missing"])
async def test_a_directory_that_is_not_the_projects_is_refused(
    workbench: Workbench, project: Project, directory: str
) -> None:
    with pytest.raises(AgentFailed, match="not a directory"):
        await workbench.run(project, ["pwd"], directory=directory)


async def test_a_program_that_is_not_there_is_said(workbench: Workbench, project: Project) -> None:
    with pytest.raises(AgentFailed, match="there is no program no-such-program"):
        await workbench.run(project, ["no-such-program"])


async def test_one_that_is_killed_has_no_output(workbench: Workbench, project: Project) -> None:
    with pytest.raises(AgentFailed, match="killed"):
        await workbench.run(project, ["sh", "-c", "echo half; kill -9 $$"])


async def test_time_that_is_over_is_an_error(make: Make, project: Project) -> None:
    with pytest.raises(AgentFailed, match="time"):
        await make(1).run(project, ["sleep", "600"])


async def test_who_waits_no_longer_leaves_nothing_behind(
    workbench: Workbench, project: Project
) -> None:
    seconds = f"6000.{os.getpid()}"  # nobody else on this machine sleeps as long
    async with asyncio.TaskGroup() as tasks:
        script = f"touch started; exec sleep {seconds}"
        waiting = tasks.create_task(workbench.run(project, ["sh", "-c", script]))
        while not marked_processes(f"sleep {seconds}"):
            await asyncio.sleep(0.01)
        waiting.cancel()
    assert marked_processes(seconds) == []
