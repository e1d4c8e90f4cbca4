"""Checkpoints in journald.

journalctl -t dispatch-audit -o cat --output-fields=DISPATCH_CHECKPOINT
"""

from __future__ import annotations

from pathlib import Path

from appliance import journald
from appliance.core.anchors import stated
from appliance.errors import AnchorUnavailable

FIELD = "DISPATCH_CHECKPOINT"
_INFORMATIONAL = "6"


class JournalSink:
    """Port `AnchorSink`: one entry for each checkpoint, the note in a field of its own."""

    name = "journal"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def post(self, note: str) -> str:
        """See `AnchorSink`."""
        entry = {
            "MESSAGE": f"audit checkpoint of {stated(note).size} records",
            "PRIORITY": _INFORMATIONAL,
            "SYSLOG_IDENTIFIER": "dispatch-audit",
            FIELD: note,
        }
        try:
            journald.send(self._path, entry)
        except OSError as error:
            raise AnchorUnavailable(f"journald takes no entry: {error.strerror}") from error
        return note


def journal_sink() -> JournalSink | None:
    """The sink, where there is a journald."""
    return JournalSink(journald.SOCKET) if journald.SOCKET.is_socket() else None
