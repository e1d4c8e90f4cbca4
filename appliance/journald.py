"""Entries of journald, with fields, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).

journald takes a datagram and answers nothing: that it is taken is all that can be known.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")


def send(path: Path, fields: Mapping[str, str]) -> None:
    """Hand one entry over, without waiting. Raises OSError: it was not taken."""
    entry = b"".join(_field(name.encode(), _bytes(value)) for name, value in fields.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.setblocking(False)
        journal.sendto(entry, str(path))


def _bytes(value: str) -> bytes:
    return value.encode(errors="replace")


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" not in value:
        return name + b"=" + value + b"\n"
    return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
