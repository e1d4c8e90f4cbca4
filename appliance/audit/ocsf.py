"""The log as OCSF events, which SIEMs read: class API Activity (6003), one JSON object per line.

Version 1.7.0 of the Open Cybersecurity Schema Framework, https://schema.ocsf.io/1.7.0: class
`api_activity` with the profile `security_control` where somebody allowed or denied something.
Attributes, captions and enum values are those of its `events/application/api_activity.json`,
`events/base_event.json`, `profiles/security_control.json` and `objects/`.

Each event carries its record, byte for byte as it was signed, as `raw_data`, and an enrichment of
type "record integrity" that names the record's leaf hash in the RFC 6962 tree and the first
signed head that covers it. So what a SIEM holds can be checked against the log, one event at a
time. The profile `record_integrity` of OCSF 1.9 is not claimed: its fingerprint is of the OCSF
event, and what was signed here is the record from which the event was made.

Pruned records have left nothing to tell and are left out; the record of the pruning is there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TextIO

from appliance import __version__
from appliance.audit.rows import Row
from appliance.core.events import ActorType, FieldValue, Who
from appliance.core.model import Json
from appliance.core.records import VERSION as RECORD_VERSION
from appliance.core.records import Outcome, Record

OCSF_VERSION = "1.7.0"
CATEGORY_UID = 6
CLASS_UID = 6003

_PRODUCT = "dispatch-appliance"
_INTEGRITY = "record integrity"

Enum = tuple[int, str]
"""An OCSF enum value and its caption: what stands in `x_id` and in its sibling `x`."""

_CREATE, _READ, _UPDATE, _DELETE = (1, "Create"), (2, "Read"), (3, "Update"), (4, "Delete")
_OTHER = 99
_SHA_256 = (3, "SHA-256")


@dataclass(frozen=True, slots=True)
class _Control:
    """What a security control did: `action_id` and `disposition_id` with their captions."""

    action: Enum
    disposition: Enum


_ALLOWED, _DENIED, _UNDECIDED = (1, "Allowed"), (2, "Denied"), (0, "Unknown")

_CONTROLS = {
    "request.allowed": _Control(_ALLOWED, (1, "Allowed")),
    "request.denied": _Control(_DENIED, (2, "Blocked")),
    "approval.asked": _Control(_UNDECIDED, (14, "Delayed")),
    "approval.given": _Control(_ALLOWED, (8, "Approved")),
    "approval.refused": _Control(_DENIED, (25, "Rejected")),
    "approval.expired": _Control(_DENIED, (2, "Blocked")),
    "message.ignored": _Control(_DENIED, (2, "Blocked")),
    "sandbox.refused": _Control(_DENIED, (2, "Blocked")),
}

# by the last word of a kind; what is missing here is no create, read, update or delete
_ACTIVITIES = {
    "received": _CREATE,
    "asked": _CREATE,
    "queued": _CREATE,
    "posted": _CREATE,
    "loaded": _READ,
    "given": _UPDATE,
    "refused": _UPDATE,
    "expired": _UPDATE,
    "steered": _UPDATE,
    "cancelled": _UPDATE,
    "rotated": _UPDATE,
    "redacted": _DELETE,
    "pruned": _DELETE,
}
# of requests, by what was asked for: the kinds of our policy and the tools of the agent
_ACT_ACTIVITIES = {
    **dict.fromkeys(("read", "web", "Read", "Glob", "Grep", "LS", "WebFetch", "WebSearch"), _READ),
    **dict.fromkeys(("write", "Edit", "MultiEdit", "NotebookEdit"), _UPDATE),
    "Write": _CREATE,
}

_STATUSES = {
    Outcome.ALLOWED: (1, "Success"),
    Outcome.SUCCEEDED: (1, "Success"),
    Outcome.NOTED: (1, "Success"),
    Outcome.DENIED: (2, "Failure"),
    Outcome.FAILED: (2, "Failure"),
    Outcome.ASKED: (_OTHER, "asked"),
    Outcome.CANCELLED: (_OTHER, "cancelled"),
    Outcome.UNKNOWN: (0, "Unknown"),
}

_INFORMATIONAL, _LOW, _MEDIUM, _HIGH = (
    (1, "Informational"),
    (2, "Low"),
    (3, "Medium"),
    (4, "High"),
)
_SEVERITIES = {
    Outcome.FAILED: _LOW,
    Outcome.UNKNOWN: _MEDIUM,
    Outcome.DENIED: _MEDIUM,
}
# something left the log: rare, and always worth a look
_KIND_SEVERITIES = dict.fromkeys(("record.redacted", "log.pruned", "audit.forked"), _HIGH)

_USER_TYPES = {
    ActorType.USER: (1, "User"),
    ActorType.AGENT: (_OTHER, "Agent"),
    ActorType.SYSTEM: (3, "System"),
}

_MAPPED = frozenset(("act", "object", "project", "job", "rule", "reason", "request", "duration_ms"))
"""Fields of records that have an OCSF attribute; the others become `unmapped`."""


def write_ocsf(rows: Iterable[Row], out: TextIO) -> None:
    """One OCSF event per record that is still there."""
    for row in rows:
        if row.record is not None:
            out.write(json.dumps(event(row, row.record)) + "\n")


def event(row: Row, record: Record) -> dict[str, Json]:
    """The OCSF event of one record."""
    activity = _activity(record)
    control = _CONTROLS.get(record.kind)
    found: dict[str, Json] = {
        "category_uid": CATEGORY_UID,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        **_pair("activity", activity, name="activity_name"),
        "type_uid": CLASS_UID * 100 + activity[0],
        "type_name": f"API Activity: {'Other' if activity[0] == _OTHER else activity[1]}",
        "time": record.time,
        **_pair("severity", _severity(record)),
        **_pair("status", _STATUSES[record.outcome]),
        "status_code": record.outcome,
        "message": _message(record),
        "metadata": _metadata(record, control),
        "actor": _actor(record, control),
        "src_endpoint": _source(record.actor),
        "api": _api(record),
        "resources": _resources(record),
        "enrichments": [_integrity(row, record)],
        "unmapped": _unmapped(row, record),
        **_raw(row.encoded or b""),
    }
    if control is not None:
        found |= _pair("action", control.action) | _pair("disposition", control.disposition)
        found["policy"] = _policy(record)
    if reason := record.data.get("reason"):
        found["status_detail"] = str(reason)
    if isinstance(duration := record.data.get("duration_ms"), int):
        found["duration"] = duration
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _pair(attribute: str, value: Enum, *, name: str = "") -> dict[str, Json]:
    return {f"{attribute}_id": value[0], name or attribute: value[1]}


def _activity(record: Record) -> Enum:
    """What was done, as create, read, update or delete where it is one of these."""
    if (act := record.data.get("act")) and isinstance(act, str):
        return _ACT_ACTIVITIES.get(act, (_OTHER, act))
    return _ACTIVITIES.get(record.kind.partition(".")[2], (_OTHER, record.kind))


def _severity(record: Record) -> Enum:
    return _KIND_SEVERITIES.get(record.kind, _SEVERITIES.get(record.outcome, _INFORMATIONAL))


def _message(record: Record) -> str:
    """One line: who, what, how it ended."""
    what = " ".join(str(record.data[name]) for name in ("act", "object") if name in record.data)
    return f"{record.actor.id}: {record.kind} {what}".rstrip()


def _metadata(record: Record, control: _Control | None) -> dict[str, Json]:
    found: dict[str, Json] = {
        "version": OCSF_VERSION,
        "product": {"name": _PRODUCT, "vendor_name": _PRODUCT, "version": __version__},
        "uid": f"{record.log}#{record.seq}",
        "original_event_uid": str(record.seq),
        "sequence": record.seq,
        "event_code": record.kind,
        "log_name": record.log,
        "log_provider": "dispatch-audit",
        "log_version": str(RECORD_VERSION),
        "logged_time": record.time,
    }
    if control is not None:
        found["profiles"] = ["security_control"]
    if job := record.data.get("job"):
        found["correlation_uid"] = f"job:{job}"
    elif record.actor.type is ActorType.AGENT:
        found["correlation_uid"] = record.actor.auth
    return found


def _actor(record: Record, control: _Control | None) -> dict[str, Json]:
    who = record.actor
    user: dict[str, Json] = {"name": who.id, **_pair("type", _USER_TYPES[who.type])}
    if who.auth:
        user["uid"] = who.auth
    found: dict[str, Json] = {"user": user}
    if record.session:
        found["session"] = {"uid": record.session}
    if control is not None:
        decision: dict[str, Json] = {"decision": control.disposition[1]}
        if policy := _policy(record):
            decision["policy"] = policy
        found["authorizations"] = [decision]
    return found


def _source(who: Who) -> dict[str, Json]:
    """Where it came from: the chat platform, the job's sandbox, or this program."""
    service, separator, _ = who.auth.partition(":")
    return {"svc_name": service, "uid": who.auth} if separator else {"svc_name": who.id}


def _api(record: Record) -> dict[str, Json]:
    data = record.data
    found: dict[str, Json] = {
        "operation": str(data.get("act") or data.get("tool") or record.kind),
        "service": {"name": _PRODUCT, "version": __version__},
    }
    if request := data.get("request") or data.get("key"):
        found["request"] = {"uid": str(request)}
    if record.outcome in (Outcome.DENIED, Outcome.FAILED) and (reason := data.get("reason")):
        found["response"] = {"error": record.outcome, "error_message": str(reason)}
    return found


def _policy(record: Record) -> dict[str, Json]:
    """The rule that decided, by file and line."""
    rule = record.data.get("rule")
    if not isinstance(rule, str) or not rule:
        return {}
    return {"uid": rule, "name": rule.rpartition(":")[0] or rule, "is_applied": True}


def _resources(record: Record) -> list[Json]:
    data = record.data
    found: list[Json] = []
    if project := data.get("project"):
        found.append({"type": "project", "name": str(project)})
    if job := data.get("job"):
        found.append({"type": "job", "uid": str(job)})
    if thing := data.get("object"):
        found.append({"type": str(data.get("act", "object")), "name": str(thing)})
    return found


def _integrity(row: Row, record: Record) -> dict[str, Json]:
    """What ties the event to the log: recompute the leaf from `raw_data`, then prove it."""
    found: dict[str, Json] = {
        "log": record.log,
        "seq": row.seq,
        "tree": "RFC 6962, SHA-256",
        "leaf_hash": row.leaf.hex(),
        "previous_leaf_hash": record.previous.hex(),
    }
    if row.head is not None:
        found["head"] = {
            "size": row.head.size,
            "root_hash": row.head.root.hex(),
            "signature": base64.b64encode(row.head.signature).decode(),
        }
    return {
        "name": "metadata.sequence",
        "value": str(row.seq),
        "type": _INTEGRITY,
        "provider": _PRODUCT,
        "desc": "leaf hash of raw_data and the first signed head of the log that covers it",
        "data": found,
    }


def _raw(encoded: bytes) -> dict[str, Json]:
    algorithm, caption = _SHA_256
    return {
        "raw_data": encoded.decode(),
        "raw_data_size": len(encoded),
        "raw_data_hash": {
            "algorithm_id": algorithm,
            "algorithm": caption,
            "value": sha256(encoded).hexdigest(),
        },
    }


def _unmapped(row: Row, record: Record) -> dict[str, Json]:
    found: dict[str, Json] = {
        name: _json(value) for name, value in record.data.items() if name not in _MAPPED
    }
    found["cause"] = list(record.cause)
    found["values"] = dict(row.values)
    found["gone"] = dict(row.gone)
    return {name: value for name, value in found.items() if value not in ("", [], {})}


def _json(value: FieldValue) -> Json:
    return list(value) if isinstance(value, tuple) else value
