"""Sends the packet that wakes another machine of the network."""

from __future__ import annotations

import socket

from appliance.core.wake_on_lan import Host, packet
from appliance.errors import WakeUnavailable

PORT = 9  # discard: nobody listens; a sleeping network card looks for the bytes alone
TIMES = 3  # nothing acknowledges it, and one packet is easily lost


async def wake(host: Host) -> None:
    """See `appliance.ports.Wake`."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            for _ in range(TIMES):
                sender.sendto(packet(host.mac), (host.broadcast, PORT))
    except OSError as error:
        raise WakeUnavailable(
            f"nothing can be sent to {host.broadcast}: {error.strerror}",
            hint=f"set broadcast in [hosts.{host.name}] to that of its network",
        ) from error
