"""What tasks use of this machine."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

TASKS_GROUP = Path("/sys/fs/cgroup/dispatch.slice/dispatch-task.slice")
"""The control group around every unit of a task (systemd/dispatch-task.slice)."""

_MEMORY_OF_GROUP = re.compile(r"^(?:anon|shmem) (\d+)$", re.MULTILINE)


def group_memory(group: Path = TASKS_GROUP) -> int:
    """Bytes that a control group uses, without what is only cached; 0 when there is none."""
    try:
        text = (group / "memory.stat").read_text()
    except OSError:
        return 0
    return sum(int(number) for number in _MEMORY_OF_GROUP.findall(text))


def memory_below(pids: Collection[int]) -> int:
    """Bytes that the descendants of these processes use; what they share counts for each."""
    import psutil  # only where somebody asks

    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            for child in psutil.Process(pid).children(recursive=True):
                with suppress(psutil.Error):
                    total += child.memory_info().rss
    return total
