"""How the daemon's programs reach dispatch-egress, as the settings have it."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.agent.egress_link import EgressLink
from appliance.agent.egress_program import EgressProgram
from appliance.config import Settings
from appliance.local_sockets import user_id
from appliance.ports import Clock


def egress_of(
    settings: Settings, directory: Path, clock: Clock
) -> tuple[EgressLink, EgressProgram | None]:
    """The way to it, and what runs it where nobody else does, with its socket in `directory`."""
    daemon = settings.daemon
    if daemon.egress_socket:
        return EgressLink(Path(daemon.egress_socket), [user_id(daemon.egress_user)]), None
    path = directory / "egress.sock"
    return EgressLink(path, [os.geteuid()]), EgressProgram(path, clock)
