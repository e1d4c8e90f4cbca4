"""What daemon and launcher say to each other: one line of JSON per message, version 1.

    daemon → launcher   TaskHeader, with the descriptors it needs (see `descriptors.py`)
    launcher → daemon   TaskStarted, then TaskExited; or TaskRefused alone

A line that is too long, of another version, with a field too many, too few or of the wrong type
is refused whole: `decode` raises `BadMessage`. Closing the daemon's half of the socket ends the
task; nothing else is ever sent that way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from appliance.core.model import Ceiling, Isolation

VERSION = 1
MAX_LINE = 64 * 1024
"""Longest message in bytes; what is longer than this is not a command anybody meant."""


LARGEST = 2**62
"""No limit of a task is higher; the kernel takes numbers up to this."""


class BadMessage(ValueError):
    """A line that is not one of our messages; the text says why."""


class Fault(StrEnum):
    """What a refusal is about."""

    SANDBOX = "sandbox"  # the host cannot build the wall that was asked for
    TASK = "task"  # the header asks for what there is not


class Exceeded(StrEnum):
    """A limit for which a task is stopped."""

    TIME = "time"
    MEMORY = "memory"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True)
class TaskHeader:
    """One task. `directory` is absolute and inside the project, "" for the project itself.

    `environment` may only name what `environment.FROM_HEADER` lists. `secret_variable` names the
    variable that tells the agent the number of the descriptor its key comes by, "" without one.
    `has_network`: a channel comes along, to somebody who takes the task's connections. `inbox`: the
    number of the job whose files it may read, 0 for none.
    """

    project: str
    directory: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    secret_variable: str
    timeout_seconds: int
    minimum_isolation: Isolation
    ceiling: Ceiling
    has_network: bool = False
    inbox: int = 0


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """The program runs behind a wall of this strength."""

    pid: int
    isolation: Isolation


@dataclass(frozen=True, slots=True)
class TaskExited:
    """The program is gone and everything it started too.

    `signal` is 0 when it exited by itself, `status` -1 when it did not. `exceeded`: which limit
    it was stopped for, None when it was not.
    """

    status: int
    signal: int
    exceeded: Exceeded | None = None

    @property
    def timed_out(self) -> bool:
        return self.exceeded is Exceeded.TIME


@dataclass(frozen=True, slots=True)
class TaskRefused:
    """Nothing was started; `reason` is one sentence for a person."""

    fault: Fault
    reason: str


Message = TaskHeader | TaskStarted | TaskExited | TaskRefused


def encode(message: Message) -> bytes:
    """One line, newline included. Raises BadMessage when it would be too long to be accepted."""
    fields_of_message = asdict(message)
    line = json.dumps({"v": VERSION, "kind": type(message).__name__, **fields_of_message})
    if len(line) >= MAX_LINE:
        raise BadMessage(f"the message is {len(line)} bytes long, more than {MAX_LINE}")
    return line.encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line. Raises BadMessage."""
    if len(line) > MAX_LINE:
        raise BadMessage(f"the message is longer than {MAX_LINE} bytes")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadMessage("the message is not JSON") from error
    if not isinstance(found, dict) or found.pop("v", None) != VERSION:
        raise BadMessage(f"the message is not of version {VERSION}")
    kind = found.pop("kind", None)
    made = _KINDS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise BadMessage(f"there is no message {kind!r}")
    return made(found)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
        raise BadMessage("expected a text without NUL characters")
    return value


def _is_unicode(text: str) -> bool:
    """Lone surrogates come through JSON and cannot be given to a program."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadMessage("expected a whole number")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadMessage("expected true or false")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise BadMessage("expected a list")
    return tuple(_text(item) for item in value)


def _table(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BadMessage("expected a table")
    return {_text(key): _text(item) for key, item in value.items()}


def _isolation(value: object) -> Isolation:
    if value not in list(Isolation):
        raise BadMessage(f"there is no isolation {value!r}")
    return Isolation(_text(value))


def _fault(value: object) -> Fault:
    if value not in list(Fault):
        raise BadMessage(f"there is no fault {value!r}")
    return Fault(_text(value))


def _exceeded(value: object) -> Exceeded:
    if value not in list(Exceeded):
        raise BadMessage(f"there is no limit {value!r}")
    return Exceeded(_text(value))


def _ceiling(value: object) -> Ceiling:
    if not isinstance(value, dict):
        raise BadMessage("expected a table")
    _expect(Ceiling, value)
    limits = {name: _whole(limit) for name, limit in value.items()}
    if not all(0 < limit <= LARGEST for limit in limits.values()):
        raise BadMessage(f"a limit is a whole number from 1 to {LARGEST}")
    return Ceiling(**limits)


def _header(found: dict[str, object]) -> TaskHeader:
    _expect(TaskHeader, found)
    header = TaskHeader(
        project=_text(found["project"]),
        directory=_text(found["directory"]),
        argv=_texts(found["argv"]),
        environment=_table(found["environment"]),
        secret_variable=_text(found["secret_variable"]),
        timeout_seconds=_whole(found["timeout_seconds"]),
        minimum_isolation=_isolation(found["minimum_isolation"]),
        ceiling=_ceiling(found["ceiling"]),
        has_network=_flag(found["has_network"]),
        inbox=_whole(found["inbox"]),
    )
    if not 0 <= header.inbox <= LARGEST:
        raise BadMessage("an inbox has the number of a job")
    if not header.argv or header.timeout_seconds <= 0:
        raise BadMessage("a task needs a program and some time")
    return header


def _started(found: dict[str, object]) -> TaskStarted:
    _expect(TaskStarted, found)
    return TaskStarted(_whole(found["pid"]), _isolation(found["isolation"]))


def _exited(found: dict[str, object]) -> TaskExited:
    _expect(TaskExited, found)
    exceeded = None if found["exceeded"] is None else _exceeded(found["exceeded"])
    return TaskExited(_whole(found["status"]), _whole(found["signal"]), exceeded)


def _refused(found: dict[str, object]) -> TaskRefused:
    _expect(TaskRefused, found)
    return TaskRefused(_fault(found["fault"]), _text(found["reason"]))


def _expect(kind: type[Message | Ceiling], found: dict[str, object]) -> None:
    wanted = {field.name for field in fields(kind)}
    if wanted != found.keys():
        odd = ", ".join(sorted(wanted ^ found.keys()))
        raise BadMessage(f"{kind.__name__} has other fields than expected: {odd}")


_KINDS: dict[str, Callable[[dict[str, object]], Message]] = {
    "TaskHeader": _header,
    "TaskStarted": _started,
    "TaskExited": _exited,
    "TaskRefused": _refused,
}
