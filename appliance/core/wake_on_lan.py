"""What wakes another machine: six bytes of ones, then its hardware address sixteen times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

HostName = NewType("HostName", str)  # a name declared in dispatch.toml, no name of a network


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that can be woken. `mac` is six bytes in hexadecimal, with colons between them.

    `broadcast` is the IPv4 address at which its network is reached.
    """

    name: HostName
    mac: str
    broadcast: str


def packet(mac: str) -> bytes:
    """The 102 bytes that its network card waits for."""
    return b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) * 16
