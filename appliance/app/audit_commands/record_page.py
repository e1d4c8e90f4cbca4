"""One record on a page: its fields, what led to it, its private values, its place in the log."""

from __future__ import annotations

from appliance.app.audit_commands.page import (
    Page,
    in_words,
    known,
    moment_of,
    tell_protection,
    why_gone,
)
from appliance.app.audit_commands.screen import OUTCOMES, Ink
from appliance.app.audit_commands.shared import local
from appliance.audit.reader import Log
from appliance.audit.search import Entry, job_of
from appliance.audit.story import causes, protection
from appliance.core.events import FieldValue

_MOMENT = "%A, %Y-%m-%d %H:%M:%S %Z"


def tell_record(page: Page, log: Log, entry: Entry, leaf: bytes) -> None:
    """Put all there is of a record on a page."""
    record = entry.record
    page.text(f"Record {record.seq}: {record.kind}", Ink.BOLD)
    page.text(str(record.outcome), OUTCOMES.get(record.outcome))
    page.gap()
    page.field("at", moment_of(entry, _MOMENT))
    page.field("who", f"{known(record.actor)}, {record.actor.type}")
    for name, value in record.data.items():
        page.field(name, _shown(name, value))
    if record.session:
        page.field("session", record.session)
    _tell_causes(page, log, entry)
    for name, digest in record.commitments.items():
        page.gap()
        page.field(name, digest.hex(), Ink.DIM)  # a salted hash of the value below
        page.quote(entry, name)
    page.gap()
    page.field("log", record.log)
    page.field("hash", leaf.hex())
    page.field("before it", record.previous.hex())
    page.field("boot", f"{record.boot}, {record.mono / 1000:.3f} s after its start")
    page.gap()
    tell_protection(page, protection(log, record.seq))


def tell_pruned(page: Page, seq: int, leaf: bytes, pruning: Entry | None) -> None:
    """Put on a page what is left of a record that was pruned."""
    page.text(f"Record {seq} is not kept", Ink.BOLD)
    page.text(why_gone("it", pruning, verb="pruned"), None if pruning else Ink.BAD)
    page.field("hash", leaf.hex())


def _tell_causes(page: Page, log: Log, entry: Entry) -> None:
    for name, first in causes(log, entry).items():
        page.field("because of", name)
        if first:
            who = known(first.record.actor)
            page.field("", f"[{first.record.seq}] {first.record.kind} by {who}")
    if job := job_of(entry.record):
        page.field("part of", f"job {job}: dispatchctl audit show job:{job}")


def _shown(name: str, value: FieldValue) -> str:
    if isinstance(value, int) and name.endswith("_at"):
        return local(value, _MOMENT)
    return in_words(value)
