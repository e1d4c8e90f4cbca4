"""Who writes the audit log: dispatch-audit, or, where there is none, this daemon itself.

Everything else of the daemon sees one log that can be appended to and anchored, and one line that
says why nothing is recorded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.app.audit_access import audit_socket, audit_users
from appliance.app.daemon import Part
from appliance.app.healing import Healing
from appliance.app.room import shortfall
from appliance.audit.client import RemoteAudit
from appliance.audit.rights import ROOT, Rights
from appliance.config import Settings
from appliance.host.machine import boot_id
from appliance.ports import AnchorableAudit, Clock, LogReader


class RecordedLog(AnchorableAudit, LogReader, Protocol):
    """The log, whoever writes it."""

    @property
    def refusal(self) -> str:
        """Why nothing is recorded any more, "" while all is well."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Recorder:
    """The log, and the parts that look after it while the daemon runs."""

    log: RecordedLog
    parts: Sequence[Part]


def recorder(settings: Settings, clock: Clock) -> Recorder:
    """What the settings ask for. Raises ApplianceError."""
    if settings.audit.socket:
        return _remote(settings, clock)
    return _in_process(settings, clock)


def _remote(settings: Settings, clock: Clock) -> Recorder:
    log = RemoteAudit(audit_socket(settings), audit_users(settings), clock)
    return Recorder(log, [Part("audit", log.run)])


def _in_process(settings: Settings, clock: Clock) -> Recorder:
    # where dispatch-audit has the keys, this process needs no cryptography, 2 MiB and 40 ms
    from appliance.audit.hosted import HostedServer
    from appliance.audit.known import anchors_in
    from appliance.audit.log import AuditLog
    from appliance.audit.writer import Writer

    directory, anchor_file = settings.audit_directory, settings.audit.anchor_file
    anchors = anchors_in(Path(anchor_file)) if anchor_file else ()
    writer = Writer(directory, clock, boot_id(), anchors=anchors)
    log = AuditLog(writer)
    rights = Rights(writers=frozenset(), administrators=frozenset((ROOT, os.geteuid())))
    hosted = HostedServer(writer, audit_socket(settings), rights, clock)
    healing = Healing(lambda: log.refusal, lambda: shortfall(directory), clock)
    return Recorder(
        log,
        [
            Part("audit ticking", log.ticking),
            Part("audit socket", hosted.run),
            Part("healing", healing.run),
        ],
    )
