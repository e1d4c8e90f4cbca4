"""The socket of the log, served by a daemon that keeps the log itself.

Where there is no dispatch-audit (a demo, a Mac), administrators reach the log in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from appliance.audit.rights import Rights
from appliance.audit.server import AuditServer
from appliance.audit.writer import Writer
from appliance.errors import ConfigError
from appliance.local_sockets import listen
from appliance.ports import Clock, Ready

LOOK_EVERY_SECONDS = 5.0

_log = logging.getLogger(__name__)


class HostedServer:
    """Serves `writer` on `path` from the event loop, in which nobody else may write meanwhile."""

    def __init__(self, writer: Writer, path: Path, rights: Rights, clock: Clock) -> None:
        self._writer = writer
        self._path = path
        self._rights = rights
        self._clock = clock

    async def run(self, ready: Ready) -> None:
        """Raises what the server raises. Without its socket the daemon goes on, and says so."""
        try:
            listener = listen(self._path)
        except ConfigError as error:
            _log.warning("the log cannot be administered while we run: %s", error.message)
            ready()
            return
        server = AuditServer(self._writer, listener, self._rights, self._clock)
        try:
            ready()
            while True:
                server.turn()
                await _readable(server.fileno(), LOOK_EVERY_SECONDS)
        finally:
            server.close()
            self._path.unlink(missing_ok=True)


async def _readable(descriptor: int, seconds: float) -> None:
    """Returns when there is something to read, or after so many seconds."""
    loop = asyncio.get_running_loop()
    is_readable = asyncio.Event()
    loop.add_reader(descriptor, is_readable.set)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await is_readable.wait()
    finally:
        loop.remove_reader(descriptor)
