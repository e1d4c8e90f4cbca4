"""The first line of a session and the channel that comes with it, received whole or not at all."""

from __future__ import annotations

import os
import socket

from appliance.egress.sockets import readable
from appliance.egress.wire import MAX_LINE, BadLine, Open, decode
from appliance.task.bridge import CHANNEL_TYPE


async def read_open(connection: socket.socket) -> tuple[Open, socket.socket] | None:
    """Wait for it; None: whoever connected has left again. Raises BadLine and OSError.

    Nothing that came stays open then.
    """
    descriptors: list[int] = []
    try:
        line = await _line(connection, descriptors)
        return None if line is None else _matched(line, descriptors)
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


async def _line(connection: socket.socket, descriptors: list[int]) -> bytes | None:
    line = b""
    while not line.endswith(b"\n"):
        await readable(connection)
        # one more than we want, so that one too many is seen and not silently dropped
        received, came, flags, _ = socket.recv_fds(connection, MAX_LINE, 2)
        descriptors.extend(came)
        line += received
        if not line and not received:
            return None
        if not received or flags & socket.MSG_CTRUNC or b"\n" in line[:-1]:
            raise BadLine("a session begins with one line and one descriptor")
        if len(line) > MAX_LINE:
            raise BadLine(f"a line has at most {MAX_LINE} bytes")
    return line


def _matched(line: bytes, descriptors: list[int]) -> tuple[Open, socket.socket]:
    opened = decode(line)
    if not isinstance(opened, Open) or len(descriptors) != 1:
        raise BadLine("a session begins with one line and one descriptor")
    try:
        channel = socket.socket(fileno=descriptors[0])
    except OSError as error:
        raise BadLine("the channel is not a socket") from error
    if channel.family != socket.AF_UNIX or channel.type != CHANNEL_TYPE:
        channel.detach()
        raise BadLine("the channel is not a local socket of the right type")
    channel.setblocking(False)
    return opened, channel
