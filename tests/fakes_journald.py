"""A socket such as journald's, and its entries read by the rules of the native protocol."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST_ENTRY = 1 << 20


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        yield listener


def entries(listener: socket.socket) -> Iterator[dict[str, str]]:
    """All that have come so far."""
    while True:
        try:
            yield read(listener.recv(LARGEST_ENTRY))
        except BlockingIOError:
            return


def read(entry: bytes) -> dict[str, str]:
    """The fields of one entry."""
    fields = {}
    while entry:
        line, _, rest = entry.partition(b"\n")
        name, is_plain, value = line.partition(b"=")
        if not is_plain:
            (length,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        fields[name.decode()] = value.decode()
        entry = rest
    return fields
