"""A child forked ahead of time, because forking Python takes longer than a person's wish may wait.

Until it is told what to do, it holds nothing but one end of a socket pair, whose end is also its
end; the kernel kills it when its parent dies.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from appliance.task.processes import die_with_parent

_ASIDE = 100
"""Descriptors are first moved up here, so that none is where another belongs."""
_HIGHEST = 65_536
_NOT_NEEDED = 127

Life = Callable[[socket.socket, int], None]
"""What it does with its end of the socket pair, and the pid of its parent."""


class Ahead:
    """One in waiting. `pid` is our child, `socket` our end."""

    def __init__(self, life: Life) -> None:
        self.socket, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _live(life, theirs, parent)
        theirs.close()

    def fileno(self) -> int:
        """Something to select(2): until it is told what to do, only its end can be read there."""
        return self.socket.fileno()

    def close(self) -> None:
        """See one that was not needed end; it is told by the socket's end."""
        self.socket.close()
        with suppress(ChildProcessError):  # the supervisor has seen it
            os.waitpid(self.pid, 0)


def aside(descriptor: int) -> int:
    """A copy that is in nobody's way, and not for a program that is started."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ASIDE)


def _live(life: Life, theirs: socket.socket, parent: int) -> None:
    """The child's whole life; whatever happens, it never comes back into the launcher's code."""
    try:
        die_with_parent(parent)
        life(socket.socket(fileno=_keep_only(theirs.fileno())), parent)
    finally:
        os._exit(_NOT_NEEDED)


def _keep_only(descriptor: int) -> int:
    """Close all but this one, which has another number then: nothing of the launcher's is open."""
    kept = aside(descriptor)
    os.closerange(0, kept)
    os.closerange(kept + 1, _HIGHEST)
    return kept
