"""What a process gives up for itself and all its children before it becomes the task's program."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.core.model import Ceiling
from appliance.task import landlock, linux

OPEN_FILES = 4096
OUT_OF_MEMORY_SCORE = 800
"""When the machine runs out of memory, the kernel ends a task before it ends us."""

_MORE_CPU_SECONDS = 5  # from SIGXCPU, which can be handled, to SIGKILL


@dataclass(frozen=True, slots=True)
class Confinement:
    """A descriptor of Landlock's rules, and the program that filters system calls."""

    ruleset: int
    system_calls: bytes


def limits(ceiling: Ceiling, processes: int | None) -> Mapping[int, int]:
    """The kernel's limits for each process of a task.

    `processes`: how many its user has beside it, because the kernel counts those, too; None: they
    are counted in another way. Root's are never limited.
    """
    counted = {} if processes is None else {resource.RLIMIT_NPROC: processes + ceiling.processes}
    return counted | {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: ceiling.cpu_seconds,
        resource.RLIMIT_FSIZE: ceiling.file_bytes,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }


def limit_processes(first: int, ceiling: Ceiling) -> None:
    """How many there may be in the user namespace of this process, the first one in there."""
    resource.prlimit(first, resource.RLIMIT_NPROC, (ceiling.processes, ceiling.processes))


def limit(wanted: Iterable[tuple[int, int]]) -> None:
    """Set these limits for ourselves, or keep those that are lower. Raises OSError."""
    for kind, value in wanted:
        _, most = resource.getrlimit(kind)
        hard = value + _MORE_CPU_SECONDS if kind == resource.RLIMIT_CPU else value
        soft, hard = (min(n, most) if most != resource.RLIM_INFINITY else n for n in (value, hard))
        resource.setrlimit(kind, (soft, hard))
    with suppress(OSError):  # there is none on macOS
        Path("/proc/self/oom_score_adj").write_text(str(OUT_OF_MEMORY_SCORE))


def confine(confinement: Confinement) -> None:
    """Give up all else, in an order in which each step may still be taken. Raises OSError."""
    linux.forbid_new_privileges()
    linux.drop_capabilities()
    landlock.restrict(confinement.ruleset)
    linux.filter_system_calls(confinement.system_calls)
