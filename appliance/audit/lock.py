"""One writer at a time: a lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from appliance.errors import AuditUnavailable

LOCK = "audit.lock"


class WriterLock:
    """Held from its making until `release`. Raises AuditUnavailable when another holds it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise AuditUnavailable(
                f"cannot lock the audit log at {path}: another process is writing it",
                hint="stop dispatchd, or whatever else has it open",
            ) from error

    def release(self) -> None:
        os.close(self._descriptor)
