"""A program with a key keeps it from its own children, and they are as they always were."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.agent.task_link import Launch, Secret
from appliance.core.model import Isolation
from appliance.task.unreadable import library
from tests.grounds import WALLS, Grounds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a library for Linux")

KEEPER = """
import os, subprocess, sys
key = os.read(int(os.environ["CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"]), 100)
spy = (
    "import os\\n"
    "try: open(f'/proc/{os.getppid()}/mem', 'rb').close(); print('memory')\\n"
    "except PermissionError: print('nothing')\\n"
    "try: print('key' in open(f'/proc/{os.getppid()}/environ').read())\\n"
    "except PermissionError: print('nothing')\\n"
)
subprocess.run([sys.executable, "-c", spy], env={})
"""
DUMPABLE = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"


@pytest.mark.parametrize("level", WALLS)
async def test_what_it_has_read_its_children_cannot(grounds: Grounds, level: Isolation) -> None:
    script = Path(grounds.project.path, "keeper.py")
    script.write_text(KEEPER)
    secret = Secret("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", b"key-4711")
    launch = Launch(("python3", str(script)), {}, secret=secret)
    async with grounds.at(level).link().start(grounds.task("x"), launch) as running:
        assert (await running.stdout.read()).split() == [b"nothing", b"nothing"]


@pytest.mark.parametrize("level", WALLS)
async def test_who_has_no_key_is_left_alone(grounds: Grounds, level: Isolation) -> None:
    launch = Launch(("python3", "-c", DUMPABLE), {})
    async with grounds.at(level).link().start(grounds.task("x"), launch) as running:
        assert await running.stdout.read() == b"1\n"


def test_it_acts_before_the_program_and_not_after_the_next_exec(tmp_path: Path) -> None:
    file = tmp_path / "unreadable.so"
    file.write_bytes(library(os.uname().machine))
    again = f"{DUMPABLE}; import os, sys; os.execve(sys.executable, ['x', '-c', sys.argv[1]], {{}})"
    for environment, expected in (({"LD_PRELOAD": str(file)}, "0\n1\n"), ({}, "1\n1\n")):
        ran = subprocess.run(
            [sys.executable, "-u", "-c", again, DUMPABLE],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (ran.stdout, ran.stderr) == (expected, "")


def test_it_makes_no_stack_executable_and_nothing_both_writable_and_executable(
    tmp_path: Path,
) -> None:
    file = tmp_path / "unreadable.so"
    file.write_bytes(library(os.uname().machine))
    ran = subprocess.run(
        ["cat", "/proc/self/maps"], env={"LD_PRELOAD": str(file)}, capture_output=True, text=True
    )
    rights = {line.split()[1] for line in ran.stdout.splitlines()}
    assert str(file) in ran.stdout
    assert not {right for right in rights if "w" in right and "x" in right}


@pytest.mark.parametrize(
    ("machine", "number", "length"), [("x86_64", 62, 17), ("aarch64", 183, 20)]
)
def test_there_is_one_for_each_machine(machine: str, number: int, length: int) -> None:
    content = library(machine)
    assert content[:5] == b"\x7fELF\x02"
    assert int.from_bytes(content[18:20], "little") == number
    start = 64 + 4 * 56
    assert content[start : start + length].strip(b"\0") != b""
    assert content[start + length : 0x10000].strip(b"\0") == b""


def test_for_another_machine_there_is_none() -> None:
    with pytest.raises(KeyError):
        library("pdp11")
