"""Tasks that take more than they may, or stay when they should go; each stops at a bound.

What became of one is seen from outside: how the launcher says it ended, and what it printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from appliance.core.model import Ceiling
from appliance.task.header import Exceeded, TaskExited

MIB = 1024 * 1024
SMALL = Ceiling(memory_bytes=128 * MIB, cpu_seconds=30, file_bytes=MIB, processes=40)
"""What the tasks here may use: so little that a machine does not feel it."""
BRIEF = replace(SMALL, cpu_seconds=1)
"""Not for all of them: a slow machine needs more for what is to fail of something else."""

FILL_MEMORY = """
import signal
signal.alarm(8)
blocks = [bytearray(8 * 1024 * 1024) for _ in range(40)]
print("filled", flush=True)
signal.pause()
"""
FILL_MEMORY_BY_CHILDREN = """
import os, signal
for _ in range(8):
    if os.fork() == 0:
        signal.alarm(8)
        block = bytearray(40 * 1024 * 1024)
        os.write(1, b"filled\\n")
        signal.pause()
signal.alarm(8)
signal.pause()
"""
FORK = """
import os, signal
def forked():
    try: return os.fork() == 0
    except OSError: return False
for _ in range(7):  # doubles each time
    forked()
signal.alarm(4)
os.write(1, b"forked\\n")
signal.pause()
"""
FORKED = 2**7
FILL_A_FILE = """
import os, signal, tempfile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with tempfile.TemporaryFile(dir=PLACE) as file:
    try:
        for _ in range(4): file.write(bytes(1024 * 1024)), file.flush()
        print("filled")
    except OSError as error: print(error.strerror)
"""
FILL_DESCRIPTORS = """
held = []
try:
    while len(held) < 4096: held.append(open("/dev/null"))
    print("filled")
except OSError as error: print(error.strerror)
"""
MANY_FILES = """
import os, tempfile
with tempfile.TemporaryDirectory() as many:
    for number in range(5000): os.close(os.open(f"{many}/{number}", os.O_CREAT | os.O_WRONLY))
    print("made")
"""
BUSY = """
import time
while time.process_time() < 4: pass
print("computed")
"""
SURVIVE = """
import os, signal
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        signal.alarm(20)
        os.write(1, b"detached\\n")
        while True: signal.pause()
    os._exit(0)
os.wait()
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a bomb's task ended. `is_silent`: nobody holds its output open any more."""

    output: str
    exited: TaskExited
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Bomb:
    """`is_refused` judges the outcome."""

    script: str
    is_refused: Callable[[Outcome], bool]
    ceiling: Ceiling = SMALL


def _is_stopped_for(limit: Exceeded) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.exited.exceeded is limit


def _never_says(word: str) -> Callable[[Outcome], bool]:
    return lambda outcome: word not in outcome.output.split()


def _forks_in_vain(outcome: Outcome) -> bool:
    """Stopped for it, or the kernel let it have only so many."""
    is_stopped = outcome.exited.exceeded is Exceeded.PROCESSES
    return is_stopped or outcome.output.count("forked") < FORKED


def _is_gone(outcome: Outcome) -> bool:
    return outcome.is_silent


BOMBS: Mapping[str, Bomb] = {
    "fill_the_memory": Bomb(FILL_MEMORY, _is_stopped_for(Exceeded.MEMORY)),
    "fill_the_memory_by_children": Bomb(FILL_MEMORY_BY_CHILDREN, _is_stopped_for(Exceeded.MEMORY)),
    "multiply_without_end": Bomb(FORK, _forks_in_vain),
    "fill_the_disk_with_a_file": Bomb(FILL_A_FILE.replace("PLACE", '"."'), _never_says("filled")),
    "fill_the_directory_for_temporary_files": Bomb(
        FILL_A_FILE.replace("PLACE", "None"), _never_says("filled")
    ),
    "open_files_without_end": Bomb(FILL_DESCRIPTORS, _never_says("filled")),
    "make_many_files": Bomb(MANY_FILES, _never_says("made")),
    "compute_without_end": Bomb(BUSY, _never_says("computed"), BRIEF),
    "stay_after_the_end": Bomb(SURVIVE, _is_gone),
}
