"""A `dispatch-egress` of the daemon's own, where no service manager runs one.

It has the daemon's user then, so it protects less; what it lets through is the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import appliance
from appliance.errors import AgentFailed
from appliance.ports import Clock, Ready

START_SECONDS = 30.0
MAX_DEATHS = 5
PER_SECONDS = 60.0
"""More deaths than that in that time end the daemon: something is wrong that no restart mends."""

_PROGRAM = (sys.executable, "-s", "-m", "appliance.app.dispatch_egress")
_DIRECTORY = Path(appliance.__file__).parents[1]
"""Where `-m` finds our package, from a checkout or installed."""

log = logging.getLogger(__name__)


class EgressProgram:
    """Keeps one running that listens on `path` and serves the user of this process."""

    def __init__(self, path: Path, clock: Clock, program: Sequence[str] = _PROGRAM) -> None:
        self._command = (*program, "--socket", str(path), "--daemon", str(os.geteuid()))
        self._clock = clock
        self._deaths: deque[float] = deque(maxlen=MAX_DEATHS)

    async def run(self, ready: Ready) -> None:
        """Until cancelled; then it is gone. Raises AgentFailed when it does not stay alive."""
        while True:
            status = await self._live(ready)
            log.error("dispatch-egress died (status %d) and is started again", status)
            self._count_death(status)

    async def _live(self, ready: Ready) -> int:
        """One life of it. The lifeline's end is its end, however we go."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = await self._start(theirs)
            try:
                ours.setblocking(False)
                async with asyncio.timeout(START_SECONDS):
                    said = await asyncio.get_running_loop().sock_recv(ours, 1)
                if said:
                    ready()
                return await process.wait()
            except TimeoutError as error:
                raise AgentFailed(
                    f"dispatch-egress was not ready within {START_SECONDS:g} s"
                ) from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def _start(self, lifeline: socket.socket) -> asyncio.subprocess.Process:
        try:
            # left in our session: `orphans` takes what has one of its own for a launcher's
            return await asyncio.create_subprocess_exec(
                *self._command, "--lifeline", stdin=lifeline.fileno(), cwd=_DIRECTORY, env={}
            )
        except OSError as error:
            raise AgentFailed(f"dispatch-egress does not start: {error}") from error

    def _count_death(self, status: int) -> None:
        now = self._clock.monotonic()
        if len(self._deaths) == MAX_DEATHS and now - self._deaths[0] < PER_SECONDS:
            raise AgentFailed(
                f"dispatch-egress died {MAX_DEATHS + 1} times in a minute, at last with status "
                f"{status}",
                hint="what it said about it is in the journal, above",
            )
        self._deaths.append(now)
