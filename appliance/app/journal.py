"""What our programs write to the journal: one line per message, and no secrets.

Where stderr is journald's, its native protocol is spoken, so that a line has fields:

    journalctl -u dispatchd JOB=12          all that is said about a job, by all of our programs
    journalctl EVENT=request.denied         what the policy refused; ACTOR=, RULE= and PROJECT= too

A line gets them by `extra={"job": 12}`. What happens is told there as well, a line for each record
of the audit log (`tell_events`): that something happened, to which job, by whom and by which
rule. What was asked for, said or run is in the log alone, because many read a journal.

Elsewhere, as in a terminal, nothing has fields and only messages are shown.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import journald
from appliance.core.redact import redact

if TYPE_CHECKING:  # dispatch-egress is smaller without
    from appliance.core.events import Event
    from appliance.ports import Receipt

FIELDS = ("event", "job", "actor", "rule", "project")
"""What a log line may say of itself, by `extra`; journald calls them so in capitals."""

_QUIET = ("aiohttp", "aiogram", "asyncio", "casbin")
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7
_STDERR = 2

_events = logging.getLogger("appliance.events")


def start_logging(program: str) -> None:
    """From now on what is logged goes to journald, or to stderr where that is not journald's."""
    has_fields = _is_journald(_STDERR)
    handler = JournalHandler(program, journald.SOCKET) if has_fields else _to_stderr()
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if not has_fields:
        _events.setLevel(logging.WARNING)


def tell_events(events: Sequence[Event], _receipt: Receipt) -> None:
    """A line for each of what was just recorded; see the module."""
    for event in events:
        fields = fields_of(event)
        said = " ".join(f"{name}={value}" for name, value in fields.items() if name != "event")
        _events.info("%s %s", event.name, said, extra=fields)


def fields_of(event: Event) -> dict[str, str | int]:
    """Nothing of it that somebody has written."""
    found: dict[str, str | int] = {"event": event.name, "actor": event.who.id}
    if job := _job_of(event):
        found["job"] = job
    for name in ("rule", "project"):
        if value := getattr(event, name, ""):
            found[name] = value
    return found


def _job_of(event: Event) -> int:
    """The job it is about, 0 for none: its own field, or what led to it."""
    if job := getattr(event, "job", 0):
        return int(job)
    jobs = [cause.removeprefix("job:") for cause in event.cause if cause.startswith("job:")]
    return int(jobs[0]) if len(jobs) == 1 and jobs[0].isdecimal() else 0


class JournalHandler(logging.Handler):
    """Lines as entries of journald; to stderr when it takes none, which it reads as well."""

    def __init__(self, program: str, socket: Path) -> None:
        super().__init__()
        self._program = program
        self._socket = socket
        self._otherwise = _to_stderr()
        self.setFormatter(self._otherwise.formatter)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            journald.send(self._socket, dict(self._entry(record)))
        except OSError:
            self._otherwise.emit(record)

    def _entry(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        yield "MESSAGE", self.format(record)
        yield "PRIORITY", str(_priority(record.levelno))
        yield "SYSLOG_IDENTIFIER", self._program
        yield "LOGGER", record.name
        said: Mapping[str, object] = record.__dict__
        for name in FIELDS:
            if name in said:
                yield name.upper(), redact(str(said[name]))


class _Redacting(logging.Formatter):
    """The journal gets no secrets and, at most, one line per message."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _to_stderr() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(name)s: %(levelname)s: %(message)s"))
    return handler


def _priority(level: int) -> int:
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG_PRIORITY)


def _is_journald(descriptor: int) -> bool:
    """Whether this is the stream that systemd has connected to journald (systemd.exec(5))."""
    stream = os.environ.get("JOURNAL_STREAM")  # noqa: TID251 - systemd.exec(5)
    if not stream or not journald.SOCKET.is_socket():
        return False
    status = os.fstat(descriptor)
    return stream == f"{status.st_dev}:{status.st_ino}"
