"""The connections of a task's bridge, taken over as descriptors.

The other end is the task's: what comes is looked at before it is used, and anything but one
connected TCP socket ends the task's session.
"""

from __future__ import annotations

import os
import socket
import threading

from appliance.egress.sockets import readable
from appliance.task.bridge import CONNECTION


class BadChannel(Exception):
    """What came over the channel is no connection; the text says what it is."""


async def next_connection(channel: socket.socket) -> socket.socket | None:
    """The next connection; None when the bridge is gone. Raises BadChannel and OSError.

    The channel's own end is nobody else's, and does not block.
    """
    while True:
        await readable(channel)
        try:
            # one byte and one descriptor more than there may be, to see one too many
            message, descriptors, flags, _ = socket.recv_fds(channel, len(CONNECTION) + 1, 2)
        except BlockingIOError:
            continue
        if not message and not descriptors:
            return None
        found = [sock for number in descriptors if (sock := _as_socket(number)) is not None]
        try:
            if message != CONNECTION or len(descriptors) != 1 or flags & socket.MSG_CTRUNC:
                raise BadChannel(f"a message came with {len(descriptors)} descriptors, not one")
            return _connected(found)
        except BadChannel:
            for sock in found:
                sock.close()
            raise


def _as_socket(descriptor: int) -> socket.socket | None:
    """None: it is something else, and closed. That may wait for whoever serves the file."""
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        threading.Thread(target=os.close, args=(descriptor,), daemon=True).start()
        return None


def _connected(found: list[socket.socket]) -> socket.socket:
    if not found:
        raise BadChannel("a descriptor came that is no socket")
    (sock,) = found
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
        raise BadChannel("a socket came that is not TCP")
    try:
        sock.getpeername()
    except OSError as error:
        raise BadChannel("a socket came that is connected to nothing") from error
    sock.settimeout(0)
    return sock
