"""The process that listens in a task's network and hands on what connects (`bridge.py`).

It is started before the task's program, so that nobody connects in vain, and belongs to neither:
a child of the launcher's, outside the sandbox, with nothing open but its listener and its channel.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
from pathlib import Path
from typing import NoReturn

from appliance.task.bridge import serve
from appliance.task.linux import enter_namespace
from appliance.task.processes import die_with_parent
from appliance.task.starter import keep_only

LOOPBACK = "127.0.0.1"
PORT = 3128
"""Where it listens in a network that is the task's alone."""

_ANSWER_BYTES = 4
_BACKLOG = 128
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_NS_GET_USERNS = 0xB701


class WayOut:
    """A running one. `port` is where on loopback, `pid` our child."""

    def __init__(self, channel: int, port: int, *, beside: int | None = None) -> None:
        """Listen on `port` (0: any), in the network of the process `beside`, None: in our own.

        Raises OSError when nobody can listen there.
        """
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _live(theirs, channel, port, beside, parent)
        theirs.close()
        with ours:
            answer = int.from_bytes(ours.recv(_ANSWER_BYTES), signed=True)
        if answer <= 0:
            raise OSError(-answer or errno.EIO, "nobody can listen for the task's connections")
        self.port = answer


def _live(
    theirs: socket.socket, channel: int, port: int, beside: int | None, parent: int
) -> NoReturn:
    """The child's whole life; whatever happens, it never comes back into the launcher's code."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it goes last
        answer, channel = keep_only(theirs.fileno(), channel)
        with socket.socket(fileno=answer) as told:
            try:
                if beside is not None:
                    _enter_network(beside)
                die_with_parent(parent)  # after that, because it is forgotten with new rights
                listener = socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
                reached = listener.getsockname()[1]
            except OSError as error:
                reached = -(error.errno or errno.EIO)
            told.sendall(reached.to_bytes(_ANSWER_BYTES, signed=True))
        if reached > 0:
            serve(listener, socket.socket(fileno=channel))
    finally:
        os._exit(0)


def _enter_network(pid: int) -> None:
    """Join the network of this process; not being root, join the user namespace it belongs to."""
    network = os.open(Path("/proc", str(pid), "ns/net"), os.O_RDONLY | os.O_CLOEXEC)
    if os.geteuid() != 0:
        enter_namespace(fcntl.ioctl(network, _NS_GET_USERNS), _CLONE_NEWUSER)
    enter_namespace(network, _CLONE_NEWNET)
