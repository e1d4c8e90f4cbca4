"""The connection to a host: to one of the checked addresses, and to nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence

from appliance.egress.addresses import is_public
from appliance.egress.replies import Refused
from appliance.egress.target import Address, Target

CONNECT_SECONDS = 15.0
ONE_ADDRESS_SECONDS = 5.0


async def connect(target: Target, addresses: Sequence[Address]) -> tuple[socket.socket, Address]:
    """A connection to the first address that answers, and that address. Raises Refused."""
    reason = "nobody answered"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            for address in addresses:
                _refuse_ourselves(target, address)
                try:
                    return await _connected(address, target.port), address
                except TimeoutError:
                    reason = f"no answer within {ONE_ADDRESS_SECONDS:g} s"
                except OSError as error:
                    # asyncio words it for programmers
                    reason = os.strerror(error.errno) if error.errno else str(error)
    except TimeoutError:
        pass  # said below: of what it tried last
    raise Refused(502, f"cannot connect to {target}: {reason}")


async def _connected(address: Address, port: int) -> socket.socket:
    sock = socket.socket(_family(address), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(ONE_ADDRESS_SECONDS):
            await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


def _refuse_ourselves(target: Target, address: Address) -> None:
    """A public address of this machine leads past its firewall to services meant for nobody."""
    if is_public(address) and _is_ours(address):
        raise Refused(403, f"{target} is this machine itself")


def _is_ours(address: Address) -> bool:
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))  # sends nothing; the kernel only chooses a route
        except OSError:
            return False
        return str(probe.getsockname()[0]) == str(address)


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6
