"""What a task uses, looked at twice a second, and whether it is more than it may.

The kernel limits each process (`confinement.py`); all together are counted here, by their control
group where they have one of their own, else one by one. Between two looks a task can take more:
a unit's MemoryMax and TasksMax are the hard limit. In its control group the kernel may also have
ended a process for want of memory: then the task is over, too, because what is left of it would
only be confused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from appliance.core.model import Ceiling
from appliance.task.header import Exceeded

SECONDS = 0.5
_KIB = 1024
_MEMORY_OF_PROCESS = re.compile(rb"^Rss(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)
_SHARE_OF_PROCESS = re.compile(rb"^Pss_(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)
_THREADS = re.compile(rb"^Threads:\s+(\d+)$", re.MULTILINE)
_MEMORY_OF_GROUP = re.compile(rb"^(?:anon|shmem) (\d+)$", re.MULTILINE)
_KILLS_IN_GROUP = re.compile(rb"^oom_kill (\d+)$", re.MULTILINE)


class Watch:
    """Watches over one task. `group`: the directory of the control group that is its alone."""

    def __init__(self, ceiling: Ceiling, group: Path | None = None) -> None:
        self._ceiling = ceiling
        self._group = group
        self._kills = self._killed()

    def exceeded(self, pids: Collection[int]) -> Exceeded | None:
        """The limit that these processes are beyond."""
        statuses = [_content(f"/proc/{pid}/status") for pid in pids]
        if _sum(_THREADS, statuses) > self._ceiling.processes:
            return Exceeded.PROCESSES
        if self._memory(pids, statuses):
            return Exceeded.MEMORY
        return self.ended_by_kernel()

    def ended_by_kernel(self) -> Exceeded | None:
        """Whether the kernel has ended a process of the group for want of memory."""
        return Exceeded.MEMORY if self._killed() > self._kills else None

    def _memory(self, pids: Collection[int], statuses: list[bytes]) -> bool:
        most = self._ceiling.memory_bytes
        if self._group is not None:
            return _sum(_MEMORY_OF_GROUP, [_content(self._group / "memory.stat")]) > most
        if _sum(_MEMORY_OF_PROCESS, statuses) * _KIB <= most:
            return False
        # what is shared was counted once for each; the exact sum takes the kernel longer
        exact = [
            _sum(_SHARE_OF_PROCESS, [_content(f"/proc/{pid}/smaps_rollup")])
            or _sum(_MEMORY_OF_PROCESS, [status])  # a process can hide its share, but not this
            for pid, status in zip(pids, statuses, strict=True)
        ]
        return sum(exact) * _KIB > most

    def _killed(self) -> int:
        """How often the kernel has ended a process of the group for want of memory."""
        if self._group is None:
            return 0
        return _sum(_KILLS_IN_GROUP, [_content(self._group / "memory.events")])


def processes_of_user() -> int | None:
    """How many processes and threads we have, as the kernel counts them for RLIMIT_NPROC.

    None where there is no /proc to count in.
    """
    ours = os.getuid()
    count = 0
    try:
        names = os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return None
    for name in names:
        status = _content(f"/proc/{name}/status") if name.isdigit() else b""
        if re.search(rb"^Uid:\s+%d\b" % ours, status, re.MULTILINE):
            count += _sum(_THREADS, [status])
    return count


def _sum(pattern: re.Pattern[bytes], contents: Collection[bytes]) -> int:
    return sum(int(number) for content in contents for number in pattern.findall(content))


def _content(path: str | Path) -> bytes:
    """Of a small file; nothing when the process is gone."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - quicker, and done for many
            return file.read()
    except OSError:
        return b""
