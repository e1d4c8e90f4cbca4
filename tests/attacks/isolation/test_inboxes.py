"""What people send for one job is read by that job, by nothing else, and written by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Isolation
from appliance.task.header import Fault
from tests.grounds import LEVELS, WALLS, Grounds
from tests.task.test_launcher import header, refused, run

READ = "cat {inboxes}/1/data.csv; cat {inboxes}/2/data.csv; ls {inboxes}"
WRITE = (
    "echo x > {inboxes}/1/data.csv; echo x > {inboxes}/1/new; rm -f {inboxes}/1/data.csv; "
    "mv {inboxes}/1 {inboxes}/3; chmod 777 {inboxes}/1/data.csv; ln {inboxes}/1/data.csv ./link; "
    "cp {inboxes}/1/data.csv ./copy; ls"
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    return Grounds.make(tmp_path)


@pytest.fixture
def inboxes(tmp_path: Path) -> Path:
    for number in (1, 2):
        directory = tmp_path / "inboxes" / str(number)
        directory.mkdir(parents=True)
        (directory / "data.csv").write_text(f"of job {number}\n")
    return tmp_path / "inboxes"


def at(grounds: Grounds, inboxes: Path, level: Isolation) -> Grounds:
    return grounds.at(level).with_projects(inboxes=str(inboxes), unsafe_host_network=False)


@pytest.mark.parametrize("level", WALLS)
def test_a_task_reads_its_own_inbox_and_no_other(
    level: Isolation, grounds: Grounds, inboxes: Path, stack: ExitStack
) -> None:
    wanted = replace(header("sh", "-c", READ.format(inboxes=inboxes)), inbox=1)
    output, _ = run(at(grounds, inboxes, level), stack, wanted)
    assert "of job 1\n" in output
    assert "of job 2\n" not in output


@pytest.mark.parametrize("level", WALLS)
def test_a_task_without_files_sees_no_inbox(
    level: Isolation, grounds: Grounds, inboxes: Path, stack: ExitStack
) -> None:
    wanted = header("sh", "-c", READ.format(inboxes=inboxes))
    output, _ = run(at(grounds, inboxes, level), stack, wanted)
    assert "of job" not in output


@pytest.mark.parametrize("level", WALLS)
def test_a_task_writes_nothing_into_its_inbox(
    level: Isolation, grounds: Grounds, inboxes: Path, stack: ExitStack
) -> None:
    wanted = replace(header("sh", "-c", WRITE.format(inboxes=inboxes)), inbox=1)
    output, _ = run(at(grounds, inboxes, level), stack, wanted)
    assert [path.name for path in (inboxes / "1").iterdir()] == ["data.csv"]
    assert (inboxes / "1/data.csv").read_text() == "of job 1\n"
    assert "copy" in output
    assert not Path(grounds.project.path, "link").exists()


@pytest.mark.parametrize("level", LEVELS)
def test_a_link_is_no_inbox(
    level: Isolation, grounds: Grounds, inboxes: Path, stack: ExitStack
) -> None:
    (inboxes / "9").symlink_to(inboxes / "2")
    answer = refused(at(grounds, inboxes, level), stack, replace(header("true"), inbox=9))
    assert answer.fault is Fault.TASK
    assert "there is no inbox of job 9" in answer.reason


def test_where_nobody_sends_files_there_is_no_inbox(grounds: Grounds, stack: ExitStack) -> None:
    answer = refused(grounds, stack, replace(header("true"), inbox=1))
    assert "there is no inbox of job 1" in answer.reason
