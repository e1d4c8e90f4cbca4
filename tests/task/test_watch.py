"""What a task uses is counted as the kernel does, and more than it may is noticed."""

from __future__ import annotations

import itertools
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Ceiling
from appliance.task.header import Exceeded
from appliance.task.watch import Watch, processes_of_user

MIB = 1024 * 1024
PLENTY = Ceiling()
STAT = "anon {}\nfile 99999999999\nkernel 4096\nshmem {}\nanon_thp 99999999999\n"


@pytest.fixture
def group(tmp_path: Path) -> Path:
    (tmp_path / "memory.stat").write_text(STAT.format(3 * MIB, MIB))
    (tmp_path / "memory.events").write_text("low 0\noom 0\noom_kill 2\noom_group_kill 0\n")
    return tmp_path


def test_a_process_that_uses_little_is_left_alone() -> None:
    assert Watch(PLENTY).exceeded([os.getpid()]) is None


def test_a_process_that_uses_too_much_is_noticed() -> None:
    assert Watch(replace(PLENTY, memory_bytes=MIB)).exceeded([os.getpid()]) is Exceeded.MEMORY


def test_what_processes_share_is_counted_once() -> None:
    """A copy of us that has changed nothing is hardly anything more."""
    alone = used([os.getpid()])
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        together = used([os.getpid(), child])
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert together < alone * 1.5


def used(pids: list[int]) -> int:
    """In MiB, rounded up."""
    ceilings = (replace(PLENTY, memory_bytes=count * MIB) for count in itertools.count(1))
    return next(n for n, c in enumerate(ceilings, 1) if Watch(c).exceeded(pids) is None)


def test_a_control_group_is_asked_for_what_cannot_be_given_back(group: Path) -> None:
    """Files that were read are in memory only as long as nobody needs the room."""
    assert Watch(replace(PLENTY, memory_bytes=4 * MIB), group).exceeded([]) is None
    watch = Watch(replace(PLENTY, memory_bytes=4 * MIB - 1), group)
    assert watch.exceeded([]) is Exceeded.MEMORY


def test_a_process_that_the_kernel_ended_for_want_of_memory_is_noticed(group: Path) -> None:
    watch = Watch(PLENTY, group)
    assert watch.exceeded([]) is None
    (group / "memory.events").write_text("low 0\noom 1\noom_kill 3\noom_group_kill 0\n")
    assert watch.exceeded([]) is Exceeded.MEMORY
    assert watch.ended_by_kernel() is Exceeded.MEMORY


def test_too_many_processes_are_noticed_and_threads_count() -> None:
    watch = Watch(replace(PLENTY, processes=1))
    assert watch.exceeded([os.getpid(), os.getppid()]) is Exceeded.PROCESSES


def test_who_is_gone_uses_nothing() -> None:
    assert Watch(replace(PLENTY, memory_bytes=1)).exceeded([2**22 + 1]) is None


def test_our_own_processes_are_counted() -> None:
    assert (processes_of_user() or 0) >= 1
