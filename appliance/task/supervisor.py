"""Waits for a program's end and brings it about: time-outs, a closed socket, what it left behind.

As subreaper we are the parent of everything below us whose own parent died. So "we have no
children" means "nothing is left", whatever the program did to hide; until then we look at what
there is and kill it.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType
from typing import Self

from appliance.task import watch
from appliance.task.header import Exceeded, TaskExited
from appliance.task.processes import descendants, send
from appliance.task.watch import Watch

GRACE_SECONDS = 0.4
"""Between being asked to stop and being killed: time to write a transcript's last line, and short
enough that nothing is left one second after the daemon died."""

SWEEP_SECONDS = 0.01
"""How soon we look again for what is still dying."""

SHELL_SIGNAL = 128
"""A wrapper whose program died of signal N exits with this plus N, as shells do."""

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT})


@dataclass(frozen=True, slots=True)
class Charge:
    """What runs, and how to end it.

    `program` is our child. `is_wrapper`: it runs the real one inside, and would take it along when
    asked to stop. `helper`: another child of ours, that goes last.
    """

    program: int
    is_wrapper: bool = False
    helper: int = 0


class Supervisor:
    """Owns the process's signals while it is entered: enter it before anything is started."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._is_told_to_stop = False
        self._charge = Charge(0)
        self._status: int | None = None

    def __enter__(self) -> Self:
        """Turn signals into bytes, so that waiting for them and for the socket is one wait."""
        self._wake, write_end = socket.socketpair()
        for end in (self._wake, write_end):
            end.setblocking(False)
            self._stack.enter_context(end)
        for number in (signal.SIGCHLD, *STOPPING):
            self._stack.callback(signal.signal, number, signal.signal(number, _wake_only))
        before = signal.set_wakeup_fd(write_end.fileno(), warn_on_full_buffer=False)
        self._stack.callback(signal.set_wakeup_fd, before)
        return self

    def __exit__(self, *_: object) -> None:
        self._sweep()
        self._stack.close()

    def see_through(
        self, control: socket.socket, charge: Charge, watching: Watch, timeout_seconds: float
    ) -> TaskExited:
        """Wait for it to end, or end it; return when nothing of it is left."""
        self._charge = charge
        exceeded = self._see_exceeding(control, watching, time.monotonic() + timeout_seconds)
        if self._status is None and exceeded in (None, Exceeded.TIME):
            self._ask_to_stop()
        self._sweep()
        return _exited(self._status or 0, charge, exceeded)

    def _see_exceeding(
        self, control: socket.socket, watching: Watch, deadline: float
    ) -> Exceeded | None:
        """Wait until it is over: it has ended, or must, for the limit returned or at our end."""
        look_at = time.monotonic() + watch.SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.register(control, selectors.EVENT_READ)
            is_open = True
            while self._lives() and is_open and not self._is_told_to_stop:
                now = time.monotonic()
                if now >= deadline:
                    return Exceeded.TIME
                if now >= look_at:
                    if (exceeded := watching.exceeded(self._watched())) is not None:
                        return exceeded
                    look_at = now + watch.SECONDS
                is_open = not self._wait(selector, control, min(deadline, look_at) - now)
        return watching.ended_by_kernel()

    def _wait(
        self, selector: selectors.BaseSelector, control: socket.socket, seconds: float
    ) -> bool:
        """True: the other end has closed. It has nothing more to say, so anything it sends counts
        as that, too."""
        ready = {key.fileobj for key, _ in selector.select(seconds)}
        if self._wake in ready:
            self._is_told_to_stop |= bool(STOPPING & set(self._wake.recv(4096)))
        return control in ready

    def _lives(self) -> bool:
        self._reap()
        return self._status is None

    def _reap(self) -> bool:
        """Collect the dead; False: there is no child left, dead or alive."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._charge.program:
                self._status = status

    def _ask_to_stop(self) -> None:
        """SIGTERM to everything. A wrapper is spared: it would die at once and take all with it."""
        wrapper = {self._charge.program} if self._charge.is_wrapper else set()
        send(signal.SIGTERM, self._watched() - wrapper)
        deadline = time.monotonic() + GRACE_SECONDS
        while self._lives() and (remaining := deadline - time.monotonic()) > 0:
            self._pause(remaining)

    def _sweep(self) -> None:
        """Kill everything below us until nothing is left."""
        while self._reap():
            send(signal.SIGKILL, self._below())
            self._pause(SWEEP_SECONDS)

    def _below(self) -> tuple[int, ...]:
        """What to signal; where nothing is known of descendants, the group is the best there is."""
        return descendants(os.getpid()) or (-self._charge.program,)

    def _watched(self) -> set[int]:
        """What is the task's of it."""
        return set(self._below()) - {self._charge.helper}

    def _pause(self, seconds: float) -> None:
        """Until a signal arrives, a child's end for one, or so long."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            if selector.select(seconds):
                self._wake.recv(4096)


def _exited(wait_status: int, charge: Charge, exceeded: Exceeded | None) -> TaskExited:
    code = os.waitstatus_to_exitcode(wait_status)
    if charge.is_wrapper and code > SHELL_SIGNAL:
        code = SHELL_SIGNAL - code
    return TaskExited(max(code, -1), max(-code, 0), exceeded)


def _wake_only(_number: int, _frame: FrameType | None) -> None:
    """Without a handler of Python's the wake-up byte is not written."""
