"""Checkpoints in journald, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).

    journalctl -t dispatch-audit -o cat --output-fields=DISPATCH_CHECKPOINT

journald takes a datagram and answers nothing: that it is taken is all that can be confirmed.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from appliance.core.anchors import stated
from appliance.errors import AnchorUnavailable

SOCKET = Path("/run/systemd/journal/socket")
FIELD = "DISPATCH_CHECKPOINT"
_INFORMATIONAL = "6"


class JournalSink:
    """Port `AnchorSink`: one entry for each checkpoint, the note in a field of its own."""

    name = "journal"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def post(self, note: str) -> str:
        """See `AnchorSink`."""
        entry = _entry(
            {
                "MESSAGE": f"audit checkpoint of {stated(note).size} records",
                "PRIORITY": _INFORMATIONAL,
                "SYSLOG_IDENTIFIER": "dispatch-audit",
                FIELD: note,
            }
        )
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
                journal.setblocking(False)
                journal.sendto(entry, str(self._path))
        except OSError as error:
            raise AnchorUnavailable(f"journald takes no entry: {error.strerror}") from error
        return note


def journal_sink() -> JournalSink | None:
    """The sink, where there is a journald."""
    return JournalSink(SOCKET) if SOCKET.is_socket() else None


def _entry(fields: dict[str, str]) -> bytes:
    return b"".join(_field(name.encode(), value.encode()) for name, value in fields.items())


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" not in value:
        return name + b"=" + value + b"\n"
    return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
