"""Where launchers come from: children of ours, or systemd's, one for each connection to a socket.

A launcher waits for its header at the other end of `control` and lives for one task. Whoever
started it, the end of that socket is the end of everything it runs. A child is waited for, and
what it left behind when it was killed is found and killed by us (`orphans.py`). The other kind
runs as another user, in a unit of its own: we see nothing of it but the socket's end, which comes
when the launcher is gone, and the rest of the unit dies with it (KillMode=control-group).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from appliance.agent.orphans import end_orphans
from appliance.errors import AgentFailed
from appliance.task.processes import become_subreaper

log = logging.getLogger(__name__)

END_SECONDS = 2.0
"""A launcher whose socket is closed is gone in half a second; after this it is killed."""

CONNECT_SECONDS = 5.0
_CHUNK = 4096


class Launcher(Protocol):
    """One that waits for its header."""

    control: socket.socket

    async def end(self) -> None:
        """Close `control`; return when nothing is left of it and of what it started."""

    async def bury(self) -> None:
        """It is dead, or must be at once; return as `end` does."""


class Launchers(Protocol):
    """A place where launchers come from."""

    async def launch(self) -> Launcher:
        """A fresh one. Raises AgentFailed."""


class ChildLaunchers:
    """Starts `command` as a child for each."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._family = _Family()

    @property
    def pids(self) -> tuple[int, ...]:
        """Those that live now."""
        return tuple(self._family.pids)

    async def launch(self) -> Launcher:
        become_subreaper()  # of what a killed one leaves behind
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await self._born(theirs)
            except OSError as error:
                ours.close()
                raise AgentFailed(f"the task launcher does not start: {error}") from error
        ours.setblocking(False)
        return _Child(process, ours, self._family)

    async def _born(self, control: socket.socket) -> asyncio.subprocess.Process:
        async with self._family.changing:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=control.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # `orphans` tells its descendants by this
                cwd="/",
                env={},
            )
            self._family.pids.add(process.pid)
        return process


class _Family:
    """The living launchers. While it is `changing`, one may be born whose number is not known yet,
    and must not be taken for an orphan."""

    def __init__(self) -> None:
        self.pids: set[int] = set()
        self.changing = asyncio.Lock()


class _Child:
    """A launcher that we started."""

    def __init__(
        self, process: asyncio.subprocess.Process, control: socket.socket, family: _Family
    ) -> None:
        self.control = control
        self._process = process
        self._family = family

    async def end(self) -> None:
        self.control.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        await self.bury()

    async def bury(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._family.pids.discard(self._process.pid)
        if self._process.returncode != 0:
            async with self._family.changing:
                await end_orphans(self._family.pids)


class ConnectedLaunchers:
    """Connects to `path` for each: somebody starts a launcher there, as inetd and systemd do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def launch(self) -> Launcher:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        control.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(control, str(self._path))
        except OSError as error:  # the time-out is one, too
            control.close()
            raise AgentFailed(
                f"nobody starts a task launcher at {self._path}: {error.strerror or 'no answer'}",
                hint="look with: systemctl status dispatch-task.socket",
            ) from error
        return _Connected(control)


class _Connected:
    """A launcher that somebody else started: its socket's end is all we see of its end."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self._watched = control.dup()  # ours, when who reads `control` has closed it

    async def end(self) -> None:
        self.control.close()
        with suppress(OSError):  # it is gone already
            self._watched.shutdown(socket.SHUT_WR)
        await self.bury()

    async def bury(self) -> None:
        if self._watched.fileno() < 0:
            return
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._gone()
        except TimeoutError:
            log.error("a task's unit does not end; look with: systemctl list-units 'dispatch-*'")
        finally:
            self._watched.close()

    async def _gone(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while await loop.sock_recv(self._watched, _CHUNK):
                pass
