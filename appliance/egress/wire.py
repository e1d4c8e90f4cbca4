"""The lines of a session between dispatchd and dispatch-egress: one JSON object each, version 1.

    dispatchd → egress   Open, with the descriptor of the task's channel; an Answer to each Ask
    egress → dispatchd   Serving once; Ask, Opened and Closed for each connection; NotServed at
                         the end, when there is a reason

A line that is too long, of another version, with a field too many, too few or of the wrong type
is refused whole: `decode` raises `BadLine`, and who reads it hangs up. Closing the socket, on
either side, ends the session and every connection of the task.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, get_type_hints

VERSION = 1
MAX_LINE = 8192
MAX_TEXT = 512
_NUMBERS = range(2**53)


class BadLine(ValueError):
    """A line that is not one of our messages; the text says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a task may do with the network: so many connections at a time, opened in bursts and so
    many per second in the long run; for each of them bytes, seconds, and seconds without bytes.
    """

    connections: int = 64
    burst: int = 256
    per_second: int = 8
    max_bytes: int = 4 << 30
    max_seconds: int = 4 * 3600
    idle_seconds: int = 600

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 1:
            raise ValueError("every limit is at least 1")


@dataclass(frozen=True, slots=True)
class Open:
    """The first line of a session: it is for this job."""

    job: int
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether connection `id` may be made; `reason` is for the agent."""

    id: int
    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Serving:
    """The session is open: what comes over the channel is taken."""


@dataclass(frozen=True, slots=True)
class NotServed:
    """The session is not served, or no more; `reason` is one sentence for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Connection `id` wants to `host`, a name or an address. It waits for the Answer."""

    id: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Opened:
    """Connection `id`, which was allowed, is connected to this address."""

    id: int
    address: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Connection `id` is over; it may not have been answered or opened. `reason` is "" when both
    sides had ended."""

    id: int
    sent: int
    received: int
    milliseconds: int
    reason: str


Message = Open | Answer | Serving | NotServed | Ask | Opened | Closed

_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (Open, Answer, Serving, NotServed, Ask, Opened, Closed)
}


def encode(message: Message) -> bytes:
    """One line, newline included; long texts are cut."""
    found = {"v": VERSION, "kind": type(message).__name__, **asdict(message)}
    return json.dumps({name: _cut(value) for name, value in found.items()}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line. Raises BadLine."""
    if len(line) > MAX_LINE or not line.endswith(b"\n"):
        raise BadLine(f"a line ends with a newline and has at most {MAX_LINE} bytes")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine("the line is not JSON") from error
    version = found.pop("v", None) if isinstance(found, dict) else None
    if type(version) is not int or version != VERSION:
        raise BadLine(f"only version {VERSION} of this protocol is spoken here")
    kind = _KINDS.get(str(found.pop("kind", "")))
    if kind is None:
        raise BadLine("the kind of the line is not known here")
    message: Message = _made(kind, found)
    return message


def _cut(value: object) -> object:
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _made(kind: Any, found: object) -> Any:
    hints = _hints(kind)
    if not isinstance(found, dict) or found.keys() != hints.keys():
        raise BadLine(f"{kind.__name__} has exactly the fields: {', '.join(sorted(hints))}")
    try:
        return kind(**{name: _value(hints[name], found[name], name) for name in hints})
    except ValueError as error:
        raise BadLine(f"{kind.__name__}: {error}") from error


def _value(hint: Any, value: object, name: str) -> Any:
    if is_dataclass(hint):
        return _made(hint, value)
    if type(value) is not hint:
        raise ValueError(f"{name} is not of type {hint.__name__}")
    if isinstance(value, int) and value not in _NUMBERS:
        raise ValueError(f"{name} is not a whole number below 2^53")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"{name} is longer than {MAX_TEXT} characters")
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}
