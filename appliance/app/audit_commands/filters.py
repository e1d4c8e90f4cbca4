"""The options by which audit commands choose records; one definition for all of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from appliance.app.audit_commands.shared import moment
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.audit.search import Filter
    from appliance.core.model import Millis


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Hang in an option for each field of `search.Filter`."""
    parser.add_argument("--who", help="a user, or how it was known: telegram:4711, job:12")
    parser.add_argument("--project", help="records of a project and of its jobs")
    parser.add_argument("--job", type=int, help="records of one job")
    parser.add_argument("--tool", help="calls of a tool, such as Bash, and questions about them")
    parser.add_argument("--rule", help="decided by a rule: default.csv:14, or a whole file")
    parser.add_argument("--kind", help='an event such as "request.denied", or its first word')
    parser.add_argument("--outcome", help="allowed, asked, denied, succeeded, failed, cancelled, …")
    add_span(parser)
    parser.add_argument("--text", help="text anywhere in a record or its private values")


def add_span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", help="2h, 3d, 2030-01-31 or 2030-01-31T14:00 (local time)")
    parser.add_argument("--until", help="like --since; that moment itself is left out")


def filter_of(arguments: argparse.Namespace, now: Millis) -> Filter:
    """The filter that was asked for. Raises ApplianceError."""
    from appliance.audit.search import Filter
    from appliance.core.records import Outcome

    if arguments.outcome not in (None, *Outcome):
        raise ApplianceError(
            f"there is no outcome called {arguments.outcome}", hint=f"it is {', '.join(Outcome)}"
        )
    return Filter(
        who=arguments.who,
        project=arguments.project,
        job=arguments.job,
        tool=arguments.tool,
        rule=arguments.rule,
        kind=arguments.kind,
        outcome=arguments.outcome and Outcome(arguments.outcome),
        since=moment("--since", arguments.since, now),
        until=moment("--until", arguments.until, now),
        text=arguments.text,
    )
