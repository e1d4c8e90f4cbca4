"""`dispatchctl audit show`: the whole story of a job, or all there is of one record."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from appliance.app.audit_commands.screen import progress, screen_of
from appliance.app.audit_commands.shared import JSON_FORMAT, add_database, database_of
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.app.audit_commands.page import Page
    from appliance.audit.reader import Log, Redactions
    from appliance.audit.search import Entry
    from appliance.core.model import Json

_WHAT = re.compile(r"(job:)?([0-9]{1,15})", re.ASCII)


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    show = actions.add_parser("show", help="the whole story of a job, or all of one record")
    show.set_defaults(run=run_show)
    show.add_argument("what", metavar="SEQ|job:N", help="12 is record 12, job:12 is job 12")
    add_database(show)
    show.add_argument("--full", action="store_true", help="texts as long as they are")
    show.add_argument("--json", action="store_true", help="one JSON object")


def run_show(arguments: argparse.Namespace, out: TextIO | None = None) -> int:
    """Raises ApplianceError when there is no such job or record, and what `opened` raises."""
    from appliance.audit.reader import opened
    from appliance.host.clock import SystemClock

    out = out or sys.stdout
    is_job, number = _what(arguments.what)
    with (
        progress("reading", SystemClock().monotonic) as report,
        opened(database_of(arguments), report) as log,
    ):
        view = _View(log, arguments, out)
        text = view.job(number) if is_job else view.record(number)
        damaged = list(log.damaged.values())
    out.write(text + "\n")
    for error in damaged:
        raise error
    return 0


def _what(text: str) -> tuple[bool, int]:
    if not (match := _WHAT.fullmatch(text)):
        raise ApplianceError(f"{text} is neither a record nor a job", hint="say 12, or job:12")
    return bool(match[1]), int(match[2])


class _View:
    """How it was asked for: as a page for the screen, or as JSON."""

    def __init__(self, log: Log, arguments: argparse.Namespace, out: TextIO) -> None:
        self._log = log
        self._is_json: bool = arguments.json
        self._is_full: bool = arguments.full
        self._out = out

    def job(self, number: int) -> str:
        from appliance.app.audit_commands.job_page import tell_job
        from appliance.app.audit_commands.show_json import job_as_json
        from appliance.audit.story import story_in

        story = story_in(self._log, number)
        redactions = self._redactions(story.records)
        if self._is_json:
            return _dumped(job_as_json(story, redactions))
        page = self._page(redactions)
        tell_job(page, story)
        return str(page)

    def record(self, seq: int) -> str:
        from appliance.app.audit_commands.record_page import tell_pruned, tell_record
        from appliance.app.audit_commands.show_json import pruned_as_json, record_as_json

        leaf, entry = self._log.leaf(seq), self._log.entry(seq)
        if leaf is None:
            raise ApplianceError(
                f"there is no record {seq}", hint=f"the last one is {self._log.size}"
            )
        if entry is None:
            pruning = self._log.pruned()
            if self._is_json:
                return _dumped(pruned_as_json(seq, leaf, pruning))
            page = self._page({})
            tell_pruned(page, seq, leaf, pruning)
            return str(page)
        redactions = self._redactions([entry])
        if self._is_json:
            return _dumped(record_as_json(self._log, entry, leaf, redactions))
        page = self._page(redactions)
        tell_record(page, self._log, entry, leaf)
        return str(page)

    def _page(self, redactions: Redactions) -> Page:
        from appliance.app.audit_commands.page import Page

        return Page(screen_of(self._out), redactions, is_full=self._is_full)

    def _redactions(self, entries: Sequence[Entry]) -> Redactions:
        """Looked for only where something is gone."""
        return self._log.redactions() if any(entry.gone for entry in entries) else {}


def _dumped(told: dict[str, Json]) -> str:
    return json.dumps({"format": JSON_FORMAT, **told})
