"""What `audit show --json` says: numbers of records for the parts of a story, and the records."""

from __future__ import annotations

import json

from appliance.audit.reader import Log, Redactions
from appliance.audit.search import Entry, job_of
from appliance.audit.story import Approval, Call, Protection, Story, causes, protection
from appliance.core.model import Json
from appliance.core.records import encode


def job_as_json(story: Story, redactions: Redactions) -> dict[str, Json]:
    """A story; None where there is no record."""
    who = story.requester
    return {
        "job": story.job,
        "project": story.project,
        "requester": {"type": who.type, "id": who.id, "auth": who.auth} if who else None,
        "message": _seq(story.message),
        "decision": _seq(story.decision),
        "approvals": [_approval(approval) for approval in story.approvals],
        "queued": _seq(story.queued),
        "started": _seq(story.started),
        "calls": [_call(call) for call in story.calls],
        "ending": _seq(story.ending),
        "milliseconds": story.milliseconds,
        "earlier": list(story.earlier),
        "protection": _protection(story.protection),
        "records": [entry_as_json(entry, redactions) for entry in story.records],
    }


def record_as_json(log: Log, entry: Entry, leaf: bytes, redactions: Redactions) -> dict[str, Json]:
    """One record with what it belongs to."""
    led_by = causes(log, entry)
    return {
        **entry_as_json(entry, redactions),
        "pruned": False,
        "leaf": leaf.hex(),
        "job": job_of(entry.record) or None,
        "causes": {name: _seq(first) for name, first in led_by.items()},
        "protection": _protection(protection(log, entry.record.seq)),
    }


def pruned_as_json(seq: int, leaf: bytes, pruning: Entry | None) -> dict[str, Json]:
    """A record that is not kept; `told_by` is the record of its pruning."""
    return {"seq": seq, "pruned": True, "leaf": leaf.hex(), "told_by": _seq(pruning)}


def entry_as_json(entry: Entry, redactions: Redactions) -> dict[str, Json]:
    """A record as it was signed, its private values, and by which records others are gone."""
    record = entry.record
    gone: dict[str, Json] = {name: _seq(redactions.get((record.seq, name))) for name in entry.gone}
    return {
        "seq": record.seq,
        "record": json.loads(encode(record)),
        "values": dict(entry.values),
        "gone": gone,
    }


def _approval(approval: Approval) -> Json:
    return {
        "id": approval.id,
        "asked": _seq(approval.asked),
        "answer": _seq(approval.answer),
        "strangers": [entry.record.seq for entry in approval.strangers],
        "milliseconds": approval.milliseconds,
    }


def _call(call: Call) -> Json:
    return {
        "id": call.id,
        "tool": call.tool,
        "approvals": [_approval(approval) for approval in call.approvals],
        "decision": _seq(call.decision),
        "started": _seq(call.started),
        "finished": _seq(call.finished),
        "milliseconds": call.milliseconds,
    }


def _protection(found: Protection) -> Json:
    anchors: list[Json] = [{"sink": sink, "size": size} for sink, size in found.anchors]
    return {"epoch": found.epoch, "signed_at": found.signed_at, "anchors": anchors}


def _seq(entry: Entry | None) -> int | None:
    return entry.record.seq if entry else None
