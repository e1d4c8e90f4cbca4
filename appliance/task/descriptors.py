"""A header and the descriptors that come with it, received whole or not at all."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from appliance.task.header import MAX_LINE, BadMessage, TaskHeader, decode

STANDARD = 3
"""stdin, stdout, stderr, in this order; then what the header says is there: the agent's key, the
channel to who takes its connections."""


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What the task reads from and writes to.

    `secret` is None when it gets no key, `channel` when it gets no network.
    """

    stdin: int
    stdout: int
    stderr: int
    secret: int | None = None
    channel: int | None = None

    def close(self) -> None:
        """Let go of them once the task has its own copies."""
        for descriptor in (self.stdin, self.stdout, self.stderr, self.secret, self.channel):
            if descriptor is not None:
                os.close(descriptor)


def receive(control: socket.socket) -> tuple[TaskHeader, Descriptors] | None:
    """Wait for the header; None: the other end is gone before it wanted anything.

    Raises BadMessage; no descriptor stays open then.
    """
    got: list[int] = []
    try:
        line = _read_line(control, got)
        return None if line is None else _matched(line, got)
    except BadMessage:
        for descriptor in got:
            os.close(descriptor)
        raise


def _read_line(control: socket.socket, got: list[int]) -> bytes | None:
    line = b""
    while not line.endswith(b"\n"):
        # one more than we want, so that one too many is seen and not silently dropped
        chunk, descriptors, flags, _ = socket.recv_fds(control, MAX_LINE + 1, STANDARD + 3)
        got.extend(descriptors)
        line += chunk
        if not chunk and not line:
            return None
        if not chunk or flags & socket.MSG_CTRUNC or b"\n" in line[:-1]:
            raise BadMessage("expected one line and its descriptors")
        if len(line) > MAX_LINE:
            raise BadMessage(f"the message is longer than {MAX_LINE} bytes")
    return line


def _matched(line: bytes, got: list[int]) -> tuple[TaskHeader, Descriptors]:
    header = decode(line)
    if not isinstance(header, TaskHeader):
        raise BadMessage(f"expected a TaskHeader, not a {type(header).__name__}")
    has = {"secret": bool(header.secret_variable), "channel": header.has_network}
    more = [name for name in has if has[name]]
    if len(got) != STANDARD + len(more):
        raise BadMessage(f"expected {STANDARD + len(more)} descriptors, not {len(got)}")
    return header, Descriptors(*got[:STANDARD], **dict(zip(more, got[STANDARD:], strict=True)))
