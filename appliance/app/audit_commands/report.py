"""`dispatchctl audit report`: a job, or a span of time, as one page for people."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.filters import add_span
from appliance.app.audit_commands.pins import add_pins, pins_of
from appliance.app.audit_commands.screen import progress
from appliance.app.audit_commands.shared import add_database, database_of, moment, written
from appliance.app.audit_commands.verify import STATUSES
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.report.gather import Span
    from appliance.core.model import Millis

_JOB = re.compile(r"(?:job:)?([0-9]{1,15})", re.ASCII)


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    report = actions.add_parser("report", help="a job or a span of time as one page for people")
    report.set_defaults(run=run_report)
    report.add_argument("job", nargs="?", metavar="JOB", help="the number of a job, as in 12")
    add_database(report)
    add_span(report)
    report.add_argument(
        "-o", "--out", type=Path, required=True, help="the page, such as report.html"
    )
    add_pins(report)


def run_report(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Write the page; the status is that of `audit verify`, as the verdict is on the page.

    Raises what `gather` raises, and ApplianceError when the page cannot be written.
    """
    from appliance.audit.report.gather import gather
    from appliance.audit.report.page import page
    from appliance.host.clock import SystemClock

    clock = SystemClock()
    subject = _subject(arguments, clock.now())
    public_key, anchors = pins_of(arguments)
    with (
        progress("reading", clock.monotonic) as reading,
        progress("verifying", clock.monotonic) as verifying,
    ):
        report = gather(
            database_of(arguments),
            subject,
            clock.now(),
            public_key=public_key,
            anchors=anchors,
            reading=reading,
            verifying=verifying,
        )
    with written(arguments.out, out or sys.stdout) as target:
        target.write(page(report))
    return STATUSES[report.verification.verdict]


def _subject(arguments: argparse.Namespace, now: Millis) -> int | Span:
    """The job or the span that was asked for."""
    from appliance.audit.report.gather import Span

    if arguments.job is not None and not _JOB.fullmatch(arguments.job):
        # a word that is no job, where no other follows, is the log
        arguments.job, arguments.database = None, arguments.database or Path(arguments.job)
    span = Span(moment("--since", arguments.since, now), moment("--until", arguments.until, now))
    if (arguments.job is None) == (span == Span()):
        raise ApplianceError(
            "a report is about one job, or about a span of time",
            hint="name a job, or give --since, --until or both",
        )
    found = _JOB.fullmatch(arguments.job) if arguments.job else None
    return int(found[1]) if found else span
