"""Whether the metrics are there, where the settings want them.

An address that others than this machine could reach is refused when the settings are read.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

from appliance.app.doctor.check import Check, passed, warned
from appliance.config import Settings

ASK_SECONDS = 2.0
FIX = "see why: journalctl -u dispatchd; is something else there, choose another one in [metrics]"


def checks(settings: Settings) -> Iterator[Check]:
    if settings.metrics is None:
        return
    address = settings.metrics.listen
    try:
        status = _asked(address)
    except PermissionError:
        yield warned("metrics", f"{address} is not for you", "run doctor as root")
    except (OSError, HTTPException) as error:
        yield warned("metrics", f"nobody answers at {address}: {error}", FIX)
    else:
        if status in (200, 503):
            yield passed("metrics", f"{address} answers")
        else:
            yield warned("metrics", f"something else answers at {address} ({status})", FIX)


def _asked(address: str) -> int:
    """What /healthz is answered with."""
    connection = HTTPConnection("localhost", timeout=ASK_SECONDS)
    connection.sock = _connected(address)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


def _connected(address: str) -> socket.socket:
    if not address.startswith("/"):
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), ASK_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ASK_SECONDS)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
