"""What a killed launcher left behind, found and killed by the daemon.

Without a pid namespace a child of the agent that called `setsid` outlives a launcher killed by
SIGKILL. The daemon is a subreaper, so such an orphan becomes its child. It is told from the
daemon's own children by its session: a process can start a new session but never enter an
existing one, and each launcher was started in one of its own. Hence: whatever starts another
child of the daemon must leave it in the daemon's session.

Killed in the same moment as the daemon such a child is nobody's: then only the cgroup of the
service that both run in sees to its end.

Linux only; on macOS orphans cannot be found this way, and nothing is done.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Collection
from contextlib import suppress

from appliance.task.processes import Process, descendants, processes, send

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 0.01
GIVE_UP_AFTER = 1000  # looks, ten seconds: who waits for a busy disk dies late


async def end_orphans(launchers: Collection[int]) -> None:
    """Kill every child of ours that belongs to no living launcher, and everything below it."""
    for _ in range(GIVE_UP_AFTER):
        orphans = _orphans(launchers)
        if not orphans:
            return
        for orphan in orphans:
            _kill(orphan.pid)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    log.error("cannot kill what a task left behind: %s", [orphan.pid for orphan in orphans])


def _kill(pid: int) -> None:
    send(signal.SIGKILL, (pid, *descendants(pid)))
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _orphans(launchers: Collection[int]) -> list[Process]:
    ours, session = os.getpid(), os.getsid(0)
    return [
        process
        for process in processes()
        if process.parent == ours and process.session != session and process.pid not in launchers
    ]
