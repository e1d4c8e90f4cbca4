"""The checkpoints that a start of the writer is held against: those in the anchor file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from appliance.audit.checkpoint import Note
from appliance.audit.claims import notes_in
from appliance.core import anchors
from appliance.errors import AuditUnavailable

TAIL_BYTES = 64 * 1024
"""The newest checkpoint knows of the most records; the ones long before it add nothing."""


def anchors_in(path: Path) -> tuple[Note, ...]:
    """The newest notes in a file; none when it is not there yet.

    What is no note is left out, as anybody who may add to the file can write there. Raises
    AuditUnavailable when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            tail = file.read(TAIL_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise AuditUnavailable(
            f"cannot read the anchor file {path}: {error.strerror}",
            hint="the writer of the log must be allowed to read it",
        ) from error
    return tuple(_notes(tail.decode(errors="replace")))


def _notes(text: str) -> Iterator[Note]:
    for found in anchors.find(text):
        with suppress(ValueError):
            yield from notes_in(found)
