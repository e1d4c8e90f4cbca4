"""A host and a port, written in one way: what is judged, recorded and connected to is the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

MAX_NAME = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]{1,5}))?")


class BadTarget(ValueError):
    """Not a host and a port; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """`host` is a name in lower case, or an address without brackets in its shortest form."""

    host: str
    port: int

    @property
    def address(self) -> Address | None:
        """The address, when the host is one and not a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_target(authority: str, default_port: int | None = None) -> Target:
    """`host:port` as in RFC 9112, section 3.2.3. Raises BadTarget.

    One address has many spellings; those of C libraries (127.1, 0x7f000001, 017700000001) are
    refused, and an IPv4 address inside an IPv6 one becomes the IPv4 address that it means.
    """
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise BadTarget("the target is not host:port")
    host, port = found[1], int(found[2]) if found[2] else default_port
    if port is None:
        raise BadTarget("the target names no port")
    if not 1 <= port <= 65535:
        raise BadTarget(f"there is no port {port}")
    return Target(_bracketed(host) if host.startswith("[") else _plain(host), port)


def plain_address(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped one means; any other as it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _bracketed(host: str) -> str:
    try:
        address = IPv6Address(host[1:-1])
    except ValueError as error:
        raise BadTarget("between brackets there is no IPv6 address") from error
    if address.scope_id is not None:
        raise BadTarget("an address with a zone is of this machine only")
    return str(plain_address(address))


def _plain(host: str) -> str:
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise BadTarget("the host is neither a name nor an address")
    if not _NUMBER.fullmatch(labels[-1]):
        return name
    try:
        return str(IPv4Address(host))
    except ValueError as error:
        raise BadTarget("the host is not an address in its usual form") from error
