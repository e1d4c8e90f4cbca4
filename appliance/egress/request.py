"""The head of a request to the proxy: where to, and what the host is sent first.

Two forms are known (RFC 9112, section 3.2): `CONNECT host:port` for a tunnel, and a plain HTTP
request that names `http://host:port/path`, as Claude Code, pip and git send for addresses without
TLS. Anything else is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.egress.replies import Refused
from appliance.egress.target import BadTarget, Target, read_target

MAX_HEAD = 8192
END = b"\r\n\r\n"

_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) (HTTP/1\.[01])")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_ADDRESS = re.compile(r"(?i:http)://([^/?#@]*)((?:[/?][^#]*)?)")
_HTTP_PORT = 80
_OF_THIS_HOP = frozenset(
    {
        "connection",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "upgrade",
    }
)
"""Fields that are between the agent and us, or that we write ourselves."""


@dataclass(frozen=True, slots=True)
class Request:
    """`is_tunnel`: the agent waits for our word. Otherwise `head` is what the host gets first."""

    target: Target
    is_tunnel: bool
    head: bytes = b""


Fields = list[tuple[str, str]]


def read_request(head: bytes) -> Request:
    """The request of a head, which ends with an empty line. Raises Refused."""
    first, *lines = head.removesuffix(END).decode("latin-1").split("\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        raise Refused(400, "this proxy was sent something that is not an HTTP/1.1 request")
    fields = [_field(text) for text in lines]
    method, target, version = line.groups()
    try:
        if method == "CONNECT":
            return Request(read_target(target), is_tunnel=True)
        return _plain(method, target, version, fields)
    except BadTarget as error:
        raise Refused(400, f"{error}") from error


def _field(text: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise Refused(400, "a header field of the request is malformed")
    return found[1], found[2]


def _plain(method: str, address: str, version: str, fields: Fields) -> Request:
    """One request, after which the connection closes: the next one may be to another host."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise Refused(400, "this proxy takes CONNECT host:port and http:// addresses only")
    target = read_target(found[1], _HTTP_PORT)
    path = found[2] if found[2].startswith("/") else f"/{found[2]}"
    named = {
        option.strip().lower()
        for name, value in fields
        if name.lower() == "connection"
        for option in value.split(",")
    }
    kept = [field for field in fields if field[0].lower() not in _OF_THIS_HOP | named]
    lines = (
        f"{method} {path} {version}",
        # what was judged, not what the agent claims (RFC 9112, section 3.2.2)
        f"Host: {_host(target)}",
        *(f"{name}: {value}" for name, value in kept),
        "Connection: close",
    )
    return Request(target, is_tunnel=False, head="\r\n".join(lines).encode("latin-1") + END)


def _host(target: Target) -> str:
    return str(target).removesuffix(f":{_HTTP_PORT}") if target.port == _HTTP_PORT else str(target)
