"""The first record of a log: which keys it names, and which log it took the place of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.audit.checkpoint import Checkpoint, Note, PublicKey, decode_key, origin_of
from appliance.audit.structure import Fault, Row
from appliance.core.events import AuditForked, AuditSealed, FieldValue, name_of
from appliance.core.records import Record, decode

_KINDS = (name_of(AuditSealed), name_of(AuditForked))


@dataclass(frozen=True, slots=True)
class Beginning:
    """The keys of a log; the name of the one before it, or ""; and what is worth remarking."""

    genesis: PublicKey
    identity: PublicKey
    previous: str = ""
    remarks: tuple[str, ...] = ()


def beginning(row: Row, pinned: PublicKey | None, anchors: Sequence[Note]) -> Beginning:
    """How the log begins, as its first row tells.

    Raises Fault when it names no keys, the log's name is not that of its first key, or what was
    kept elsewhere is of another log.
    """
    record = record_in(row, "the keys of the log")
    if record.kind not in _KINDS:
        raise Fault(1, f"the log begins with {record.kind}, not with {_KINDS[0]}")
    public = named_key(record, "public_key")
    origin = origin_of(public)
    if record.log != origin:
        raise Fault(1, "the name of the log is not derived from its first public key")
    genesis = PublicKey(origin, public)
    identity = PublicKey(origin, named_key(record, "identity_key"))
    if pinned is not None and pinned not in (genesis, identity):
        raise Fault(1, f"the log begins with the key {genesis}, not {pinned}")
    found = _forked(record, genesis, identity, anchors)
    for anchor in anchors:
        if anchor.checkpoint.origin not in (origin, found.previous):
            raise Fault(1, f"the anchor is of the log {anchor.checkpoint.origin}, not of this one")
    return found


def record_in(row: Row, what: str) -> Record:
    """The record of a row, decoded. Raises Fault; `what` is what cannot be known without it."""
    seq, encoded = row[0], row[1]
    if encoded is None:
        raise Fault(seq, f"the record that names {what} was removed")
    try:
        record = decode(encoded)
    except ValueError as error:
        raise Fault(seq, f"the record cannot be read: {error}") from error
    if record.seq != seq:
        raise Fault(seq, f"the record in this place is number {record.seq}")
    return record


def named_key(record: Record, field: str) -> bytes:
    """The public key in a field of a record. Raises Fault."""
    try:
        return decode_key(str(record.data.get(field)))
    except ValueError as error:
        raise Fault(record.seq, f"the record names no public key: {error}") from error


def _forked(
    record: Record, genesis: PublicKey, identity: PublicKey, anchors: Sequence[Note]
) -> Beginning:
    if record.kind != name_of(AuditForked):
        return Beginning(genesis, identity)
    data = record.data
    previous, kept, lost = (data.get(n) for n in ("previous_origin", "kept_size", "lost_size"))
    return Beginning(
        genesis,
        identity,
        str(previous),
        (
            f"this log took the place of {previous}, of which {kept} records were kept and "
            f"{lost} were known: {data.get('reason')}",
            *(
                _of_previous(anchor.checkpoint, data)
                for anchor in anchors
                if anchor.checkpoint.origin == previous
            ),
        ),
    )


def _of_previous(anchor: Checkpoint, fork: Mapping[str, FieldValue]) -> str:
    """What an anchor of the log that was left says of what its successor tells about it."""
    about = f"the anchor for {anchor.size} records is of the log before this one"
    kept = fork.get("kept_size")
    if isinstance(kept, int) and anchor.size > kept:
        return f"{about}: {anchor.size - kept} of its records were lost"
    if anchor.size == kept and anchor.root.hex() != fork.get("kept_root"):
        return f"{about}, and tells of other records than those that were kept"
    return f"{about}: verify that one with it"
