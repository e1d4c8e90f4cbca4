"""Logs for tests: made in a moment, and the events to fill them with."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from appliance.audit.database import DATABASE
from appliance.audit.reader import opened
from appliance.audit.search import Entry, Filter
from appliance.audit.writer import Writer, prepare
from appliance.core.events import ActorType, Event, JobQueued, RequestAllowed, RequestDenied, Who
from tests.fakes import FakeClock

BOOT = "boot-1"
EVERYTHING = Filter()
ANNA = Who(ActorType.USER, "anna", "telegram:4711")


def allowed(number: int = 1) -> RequestAllowed:
    """An event with a private field."""
    return RequestAllowed(
        who=ANNA,
        cause=(f"telegram:1:{number}",),
        act="bash",
        object=f"git log -{number}",
        project="web",
        rule="policies/default.csv:14",
        input=f'{{"command":"git log -{number}"}}',
    )


def denied(number: int = 1) -> RequestDenied:
    return RequestDenied(
        who=Who.agent(number),
        act="bash",
        object="rm -rf /",
        project="web",
        rule="policies/default.csv:20",
        reason="never",
    )


def queued(number: int = 1) -> JobQueued:
    return JobQueued(who=ANNA, job=number, project="web", kind="prompt")


def write(directory: Path, commits: Sequence[Sequence[Event]], clock: FakeClock) -> Path:
    """Open the log, commit each group, close it; the path of the database."""
    writer = Writer(directory, clock, BOOT)
    for events in commits:
        clock.advance(1)
        writer.commit([[prepare(event) for event in events]])
    writer.close()
    return directory / DATABASE


def entries(path: Path, wanted: Filter = EVERYTHING, limit: int | None = None) -> list[Entry]:
    """The newest records that fit, oldest first, none of which may be damaged."""
    with opened(path, use_index=False) as log:
        found = log.newest(wanted, limit)
        assert not log.damaged
        return found


def sample(directory: Path) -> Path:
    """Two runs and a few commits of one, two and three records: records 1 to 14."""
    clock = FakeClock()
    write(directory, [[allowed(1)], [queued(1), denied(1)], [allowed(2)] * 3], clock)
    return write(directory, [[allowed(3)], [denied(2), allowed(4)]], clock)


class FailingConnection(sqlite3.Connection):
    """Commits fail as SQLite tells it of a disk that fails, while `broken` is a message."""

    broken = ""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql == "COMMIT" and FailingConnection.broken:
            raise sqlite3.OperationalError(FailingConnection.broken)
        return super().execute(sql, parameters)
