"""Where the log of these settings can be spoken to, and who is believed there."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.audit.rights import ROOT
from appliance.config import Settings
from appliance.host.clock import SystemClock
from appliance.host.machine import boot_id
from appliance.local_sockets import user_id

if TYPE_CHECKING:
    from appliance.audit.admin import Administration

SOCKET = "audit.sock"
"""Of a daemon that keeps the log itself, in the log's directory."""


def audit_socket(settings: Settings) -> Path:
    """Dispatch-audit's, or that of the daemon that keeps the log itself."""
    return Path(settings.audit.socket or settings.audit_directory / SOCKET)


def audit_users(settings: Settings) -> frozenset[int]:
    """Whom the settings name, or the owner of a log that the daemon keeps itself; and root."""
    if settings.audit.socket:
        return frozenset((ROOT, user_id(settings.audit.user)))
    directory = settings.audit_directory
    return frozenset((ROOT, directory.stat().st_uid)) if directory.exists() else frozenset((ROOT,))


def administration(settings: Settings) -> AbstractContextManager[Administration]:
    """To be entered; raises what `administer` raises."""
    from appliance.audit.admin import administer  # with the writer and its keys

    return administer(
        settings.audit_directory,
        audit_socket(settings),
        audit_users(settings),
        SystemClock(),
        boot_id(),
    )
