"""Where a program of ours listens: on what systemd opened for it, or on a socket of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

from appliance.host.service_manager import ServiceManager
from appliance.local_sockets import listen


@contextmanager
def listening(manager: ServiceManager, path: Path) -> Iterator[socket]:
    """What systemd listens on for us; otherwise one at `path`, which goes with us.

    Raises ConfigError.
    """
    if (passed := manager.listening_socket()) is not None:
        with passed:
            yield passed
        return
    with listen(path) as listener:
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
