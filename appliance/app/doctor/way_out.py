"""Dispatch-egress: is it there, and is it itself?"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from appliance.app.doctor.check import Check, failed, of_error, passed, warned
from appliance.config import Settings
from appliance.errors import ConfigError
from appliance.local_sockets import peer_uid, user_id

CONNECT_SECONDS = 2.0
SEE_WHY = "see why: journalctl -u dispatch-egress"


def checks(settings: Settings) -> Iterator[Check]:
    if settings.daemon.egress_socket:
        yield _served(Path(settings.daemon.egress_socket), settings.daemon.egress_user)
    else:
        yield passed("egress", "dispatchd starts its own, as its own user")


def _served(path: Path, user: str) -> Check:
    if path.exists() and not os.access(path, os.W_OK):
        return warned("egress", f"{path} is not for you", "run doctor as root")
    try:
        expected = user_id(user)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(CONNECT_SECONDS)
            client.connect(str(path))
            found = peer_uid(client)
    except ConfigError as error:
        return of_error("egress", error)
    except OSError as error:
        return failed("egress", f"nobody serves {path}: {error}", SEE_WHY)
    if found != expected:
        said = f"{path} is served by user {found}, who is not {user}"
        return failed(
            "egress", said, "systemctl restart dispatch-egress; then find out who that is"
        )
    return passed("egress", f"{user} serves {path}")
