"""What we tell systemd (READY, STOPPING, that we are alive: sd_notify(3)), and what it gives us.

Without systemd ($NOTIFY_SOCKET unset) every call does nothing.
"""

from __future__ import annotations

import os
import socket

import sdnotify

from appliance.errors import ConfigError

_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


class ServiceManager:
    """`watchdog_seconds` is how often systemd wants to hear from us, None: not at all."""

    def __init__(self) -> None:
        has_manager = "NOTIFY_SOCKET" in os.environ  # noqa: TID251 - host/ reads it
        self._notifier = sdnotify.SystemdNotifier() if has_manager else None
        self.watchdog_seconds = _watchdog_seconds()

    def ready(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def alive(self) -> None:
        self._tell("WATCHDOG=1")

    def listening_socket(self) -> socket.socket | None:
        """The socket on which systemd has begun to listen for us, None: it has not.

        Raises ConfigError when it is not one local stream socket (sd_listen_fds(3)).
        """
        if os.environ.get("LISTEN_PID") != str(os.getpid()):  # noqa: TID251 - host/ reads it
            return None
        if os.environ.get("LISTEN_FDS") != "1":  # noqa: TID251
            raise ConfigError("systemd gave us several sockets", hint="look at the .socket unit")
        listener = socket.socket(fileno=_FIRST_DESCRIPTOR)
        if listener.family != socket.AF_UNIX or listener.type != socket.SOCK_STREAM:
            listener.close()
            raise ConfigError(
                "systemd gave us no local stream socket", hint="use ListenStream=/run/…"
            )
        listener.set_inheritable(False)
        listener.listen()  # from now on it is us whom the kernel vouches for, not systemd
        return listener

    def close(self) -> None:
        if self._notifier is not None and self._notifier.socket is not None:
            self._notifier.socket.close()

    def _tell(self, word: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(word)


def _watchdog_seconds() -> float | None:
    # set by systemd for us alone when WATCHDOG_PID names us (sd_watchdog_enabled(3))
    microseconds = os.environ.get("WATCHDOG_USEC", "")  # noqa: TID251 - host/ reads it
    pid = os.environ.get("WATCHDOG_PID", str(os.getpid()))  # noqa: TID251
    if not microseconds.isdigit() or pid != str(os.getpid()):
        return None
    return int(microseconds) / 1_000_000 or None
