"""The way out of a task without a network: accept on loopback, hand the socket itself on.

Runs as a process of its own in the task's network namespace. Who takes the connections reads and
writes them from outside; nothing passes through here, so nothing can be held up or read here.
Few modules: it is forked from the launcher, which runs without site packages.
"""

from __future__ import annotations

import select
import socket
import sys
from contextlib import suppress

CONNECTION = b"1"
"""What is sent along with each socket: the version of this protocol."""

CHANNEL_TYPE = socket.SOCK_STREAM if sys.platform == "darwin" else socket.SOCK_SEQPACKET
"""With SEQPACKET a message and its descriptor cannot fall apart; macOS does not have it."""


def channel() -> tuple[socket.socket, socket.socket]:
    """The two ends of a new channel: one for `serve`, one for who takes the connections."""
    return socket.socketpair(socket.AF_UNIX, CHANNEL_TYPE)


def serve(listener: socket.socket, channel: socket.socket) -> None:
    """Hand on all that connect, until the channel's other end is closed.

    While the other end takes nothing, neither is anything accepted: those who connect wait.
    """
    listener.setblocking(False)
    channel.setblocking(True)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(channel, select.POLLIN)  # nothing is ever said there: an end, if anything
    while channel.fileno() not in {descriptor for descriptor, _ in poll.poll()}:
        connection = _accepted(listener)
        if connection is not None:
            with connection:
                _hand_on(connection, channel)


def _accepted(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except (BlockingIOError, ConnectionAbortedError):  # it has left again
        return None


def _hand_on(connection: socket.socket, channel: socket.socket) -> None:
    # who takes no more is seen by the poll; a user with too many descriptors on their way
    # (ETOOMANYREFS) loses this connection and not the way out
    with suppress(OSError):
        socket.send_fds(channel, [CONNECTION], [connection.fileno()])
