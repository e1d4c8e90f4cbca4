"""Which addresses are the public internet, and not this machine, its neighbours or a test range.

Our own table instead of `ipaddress.is_global`, whose answers differ between Python versions: the
special-purpose registries of IANA (RFC 6890 and what came after). In IPv6 only 2000::/3 is given
out at all, so everything else is refused without being listed.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from appliance.egress.target import Address, plain_address

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # behind a carrier's NAT
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local; 169.254.169.254 gives a cloud machine's keys away
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_GIVEN_OUT_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_CARRIES_4 = ((IPv6Network("64:ff9b::/96"), 0), (IPv6Network("2002::/16"), 80))
"""NAT64 and 6to4: an IPv4 address inside, so many bits from the right."""

_NEVER = tuple(map(IPv4Network, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")))


def is_public(address: Address) -> bool:
    """Whether it can only be a host on the internet."""
    plain = plain_address(address)
    if isinstance(plain, IPv4Address):
        return not any(plain in network for network in _NOT_PUBLIC_4)
    for network, shift in _CARRIES_4:
        if plain in network:
            return is_public(IPv4Address(int(plain) >> shift & 0xFFFFFFFF))
    return plain in _GIVEN_OUT_6 and not any(plain in network for network in _NOT_PUBLIC_6)


def is_one_host(address: Address) -> bool:
    """Whether it names a single host at all: not "any" (0.0.0.0, ::), multicast or broadcast."""
    plain = plain_address(address)
    if isinstance(plain, IPv6Address):
        return not (plain.is_unspecified or plain.is_multicast)
    return not any(plain in network for network in _NEVER)
