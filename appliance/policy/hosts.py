"""An address to the host that it names, which is what rules for the web speak of.

Where that host sends the fetcher next is beyond this: WebFetch tells the agent of another host,
and the agent's next call is judged again; programs that follow by themselves are held by the
egress list.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from appliance.core.model import Act
from appliance.policy.atoms import Atom, Care, Unclear

MAX_HOST_CHARACTERS = 253

_PORTS = {"https": 443, "http": 80}
_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"


def atom(url: str, schemes: tuple[str, ...] = ("https",)) -> Atom:
    """Fetching from the host.

    A port that is not that of https belongs to the host. Raises Unclear for an address that two
    readers could understand in two ways, and for one of another scheme.
    """
    host, note = _host(url, schemes)
    if not note:
        return Atom(Act.WEB, host, host)
    instead = f"fetch from another host, or ask for a rule that names {host}"
    return Atom(Act.WEB, host, host, Care.EXACT, note, instead)


def connection(host: str, port: int) -> Atom:
    """A connection of whatever program. Raises Unclear for what is no host or no port."""
    note = _why_exact(host.lower())
    if not 0 < port < 65_536:
        raise Unclear(f"port {port}, which there is not", "connect to a port from 1 to 65535")
    name = f"{host.lower()}:{port}"
    if not note:
        return Atom(Act.NET, name, name)
    care = Care.PROTECTED if _is_of_this_network(host) else Care.EXACT
    return Atom(Act.NET, name, name, care, note, f"ask for a rule that names {name}")


def _is_of_this_network(host: str) -> bool:
    """Whether it is an address behind the house's door, where much trusts whoever is inside."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False


def _host(url: str, schemes: tuple[str, ...]) -> tuple[str, str]:
    """The host, and why it takes a rule that names it; "" when any rule for it will do."""
    instead = "give a plain address such as https://docs.python.org/3/"
    if not re.fullmatch(r"[!-~]{1,2000}", url) or "\\" in url:
        raise Unclear("an address with odd characters", instead)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unclear("an address that is none", instead) from error
    host = (parts.hostname or "").lower()
    if parts.scheme not in schemes or "@" in parts.netloc or parts.netloc.endswith(":"):
        raise Unclear(f"an address that is not plain {' or '.join(schemes)}", instead)
    note = _why_exact(host)
    port = _PORTS[parts.scheme] if port is None else port
    if port != _PORTS["https"]:
        return f"{host}:{port}", note or f"port {port} is not that of https"
    return host, note


def _why_exact(host: str) -> str:
    """Why a wildcard is not enough for this host. Raises Unclear for what is no host name."""
    if len(host) > MAX_HOST_CHARACTERS or not re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", host):
        raise Unclear("a host that is no plain name", "give the host's name, as in example.org")
    labels = host.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        if not re.fullmatch(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})", host):
            raise Unclear("an IP address in an odd form", "give the host's name")
        return "an IP address has no name that a wildcard could mean"
    if len(labels) == 1:
        return "a host of this network"
    if any(label.startswith("xn--") for label in labels):
        return "it is shown in other letters and may look like another host"
    return ""
