"""The process that listens in a task's network and hands on what connects (`bridge.py`).

It is forked while nobody waits, and opened before the task's program is started, so that nobody
connects in vain. It belongs to neither: a child of the launcher's, outside the sandbox, that has
nothing open but its listener and its channel.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

from appliance.task.ahead import Ahead
from appliance.task.bridge import serve
from appliance.task.linux import enter_namespace
from appliance.task.processes import die_with_parent

LOOPBACK = "127.0.0.1"
PORT = 3128
"""Where it listens in a network that is the task's alone."""

_ANSWER_BYTES = 4
_ORDER = struct.Struct("=HI")  # port, process
_BACKLOG = 128
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_NS_GET_USERNS = 0xB701


class WayOut(Ahead):
    """One in waiting, until it is told where. `pid` is our child."""

    def __init__(self) -> None:
        super().__init__(_live)

    def open(self, channel: int, port: int, *, beside: int = 0) -> int:
        """Listen on `port` (0: any), in the network of the process `beside`, 0: in our own.

        Returns the port. Raises OSError when nobody can listen there.
        """
        socket.send_fds(self.socket, [_ORDER.pack(port, beside)], [channel])
        answer = int.from_bytes(self.socket.recv(_ANSWER_BYTES), signed=True)
        if answer <= 0:
            raise OSError(-answer or errno.EIO, "nobody can listen for the task's connections")
        return answer


def _live(control: socket.socket, parent: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it goes last
    with control:
        order, channels, *_ = socket.recv_fds(control, _ORDER.size, 1)
        listener = _listening(order, control, parent) if order else None
    if listener is not None:
        serve(listener, socket.socket(fileno=channels[0]))


def _listening(order: bytes, control: socket.socket, parent: int) -> socket.socket | None:
    """Where we are told to listen, or None; and the answer."""
    port, beside = _ORDER.unpack(order)
    try:
        if beside:
            _enter_network(beside)
            die_with_parent(parent)  # again, because it is forgotten with new rights
        listener = socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
    except OSError as error:
        control.sendall((-(error.errno or errno.EIO)).to_bytes(_ANSWER_BYTES, signed=True))
        return None
    control.sendall(listener.getsockname()[1].to_bytes(_ANSWER_BYTES, signed=True))
    return listener


def _enter_network(pid: int) -> None:
    """Join the network of this process; not being root, join the user namespace it belongs to."""
    network = os.open(Path("/proc", str(pid), "ns/net"), os.O_RDONLY | os.O_CLOEXEC)
    if os.geteuid() != 0:
        enter_namespace(fcntl.ioctl(network, _NS_GET_USERNS), _CLONE_NEWUSER)
    enter_namespace(network, _CLONE_NEWNET)
