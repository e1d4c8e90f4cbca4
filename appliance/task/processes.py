"""Who descends from whom, and their end. Linux reads /proc; elsewhere nothing is known.

The kernel helps twice: a subreaper inherits every orphan below it, and a process that asked for
it is killed when its parent dies. Both are Linux; without them the calls do nothing.
"""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from appliance.task.linux import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `session` is the id of the login session it belongs to."""

    pid: int
    parent: int
    session: int


def become_subreaper() -> None:
    """Orphans below this process become its children from now on."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Called between fork and exec: have the kernel kill us when `parent` dies."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def end_all() -> None:
    """Return once there is no child left; those that have not ended by themselves are killed."""
    with suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                send(signal.SIGKILL, descendants(os.getpid()))
                os.waitpid(-1, 0)


def descendants(root: int) -> tuple[int, ...]:
    """Everything below `root`, nearest first."""
    children = defaultdict(list)
    for process in processes():
        children[process.parent].append(process.pid)
    found = list(children[root])
    for pid in found:  # grows while we walk it
        found.extend(children[pid])
    return tuple(found)


def processes() -> tuple[Process, ...]:
    """Every process that can be seen."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return ()
    found = (_read(name) for name in names if name.isdigit())
    return tuple(process for process in found if process is not None)


def send(number: int, pids: Collection[int]) -> None:
    """Signal them; who is gone already is fine."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _read(pid: str) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            # the name in brackets may contain anything, brackets too
            _state, parent, _group, session, *_ = file.read().rpartition(b")")[2].split()
    except (OSError, ValueError):  # it ended while we looked
        return None
    return Process(int(pid), int(parent), int(session))
