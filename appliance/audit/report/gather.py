"""Reads what a report is about and verifies the log that it was read from."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from appliance.audit.checkpoint import Note, PublicKey
from appliance.audit.reader import Log, Redactions, opened
from appliance.audit.search import Entry, Filter, job_of, message_key
from appliance.audit.story import Story, story_in
from appliance.audit.verify import Verification, verify
from appliance.core.model import Millis
from appliance.errors import ApplianceError

MAX_RECORDS = 20_000
"""Of one report: a page with more is opened by no browser and read by nobody."""

Progress = Callable[[int, int], None]
"""Called now and then with how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on, before `until`; None: from the beginning, to the end."""

    since: Millis | None = None
    until: Millis | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page tells. `others` are records of the span that belong to no job.

    `unreadable` are the records that made no sense.
    """

    subject: int | Span
    path: Path
    made_at: Millis
    verification: Verification
    stories: tuple[Story, ...]
    others: tuple[Entry, ...]
    redactions: Redactions
    unreadable: tuple[int, ...]


def gather(
    path: Path,
    subject: int | Span,
    now: Millis,
    *,
    public_key: PublicKey | None = None,
    anchors: Sequence[Note] = (),
    reading: Progress,
    verifying: Progress,
) -> Report:
    """What happened in a job, or in a span of time, and whether the log can be believed.

    The log is verified after it was read, so that the verdict covers what was read. Raises
    ApplianceError when there is no such job or too much to tell, and what `opened` raises.
    """
    with opened(path, reading) as log:
        stories, others = _of_job(log, subject) if isinstance(subject, int) else _of(log, subject)
        redactions = log.redactions()
        unreadable = tuple(sorted(log.damaged))
    found = verify(path, public_key=public_key, anchors=anchors, report=verifying)
    return Report(subject, path, now, found, stories, others, redactions, unreadable)


def _of_job(log: Log, job: int) -> tuple[tuple[Story, ...], tuple[Entry, ...]]:
    found = story_in(log, job)
    _require_readable(len(found.records))
    return (found,), ()


def _of(log: Log, span: Span) -> tuple[tuple[Story, ...], tuple[Entry, ...]]:
    found = log.newest(Filter(since=span.since, until=span.until))
    _require_readable(len(found))
    jobs = sorted({job for entry in found if (job := job_of(entry.record))})
    records = log if log.is_indexed else _Read.once(log, frozenset(jobs))
    stories = tuple(story_in(records, job) for job in jobs)
    told = {entry.record.seq for story in stories for entry in story.records}
    _require_readable(len(told))
    return stories, tuple(entry for entry in found if entry.record.seq not in told)


@dataclass(frozen=True, slots=True)
class _Read:
    """What is about some jobs: read together, because without an index each search reads all."""

    connection: sqlite3.Connection
    jobs: Mapping[int, Sequence[Entry]]
    messages: Mapping[str, Sequence[Entry]]

    @classmethod
    def once(cls, log: Log, wanted: Set[int]) -> _Read:
        jobs: dict[int, list[Entry]] = {job: [] for job in wanted}
        for entry in log.after(0, Filter()):
            if (job := job_of(entry.record)) in jobs:
                jobs[job].append(entry)
        keys = {message_key(entry.record) for entries in jobs.values() for entry in entries}
        messages: dict[str, list[Entry]] = {key: [] for key in keys if key}
        for entry in log.after(0, Filter()):
            if (key := message_key(entry.record)) in messages and not job_of(entry.record):
                messages[key].append(entry)
        return cls(log.connection, jobs, messages)

    def of_job(self, job: int) -> Sequence[Entry]:
        return self.jobs.get(job, ())

    def of_message(self, key: str) -> Sequence[Entry]:
        return self.messages.get(key, ())


def _require_readable(records: int) -> None:
    if records > MAX_RECORDS:
        raise ApplianceError(
            f"a report tells of at most {MAX_RECORDS:,} records, and this would be {records:,}",
            hint="choose a shorter time, or take: dispatchctl audit export",
        )
