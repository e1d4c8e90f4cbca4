"""What we tell systemd: READY, STOPPING, and that we are alive (sd_notify(3)).

Without systemd ($NOTIFY_SOCKET unset) every call does nothing.
"""

from __future__ import annotations

import os

import sdnotify


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
