"""Room on the disk, and memory for as many tasks as may run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from appliance.app import room
from appliance.app.doctor.check import Check, failed, passed, warned
from appliance.config import MIB, Settings


def checks(settings: Settings) -> Iterator[Check]:
    yield _disk(Path(settings.daemon.state))
    yield limits(settings, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def _disk(directory: Path) -> Check:
    free = room.free_bytes(directory)
    found = room.in_words(free, directory)
    if free < room.NEEDED_BYTES:
        return failed("disk", found, room.FIX)
    return warned("disk", found, room.FIX) if free < room.WARNED_BYTES else passed("disk", found)


def limits(settings: Settings, machine_bytes: int) -> Check:
    """Whether what the settings allow fits into a machine of so much memory."""
    daemon, machine = settings.daemon, machine_bytes // MIB
    wanted = daemon.max_parallel * daemon.job_memory_mib
    if wanted > machine:
        found = f"{daemon.max_parallel} jobs want {wanted} MiB, and the machine has {machine}"
        return warned("limits", found, "lower max_parallel or job_memory_mib in [daemon]")
    for project in settings.projects.values():
        if (most := project.ceiling.memory_bytes // MIB) > machine:
            found = f"a task in {project.name} may take {most} MiB, the machine has {machine}"
            return warned("limits", found, f"lower memory_mib in [projects.{project.name}]")
    return passed("limits", f"{daemon.max_parallel} jobs at once, {machine} MiB of memory")
