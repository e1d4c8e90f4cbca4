"""Follows the log of another machine from afar: by its checkpoints, without its records.

Whoever has kept a signed checkpoint and is given a newer one needs a few hashes to know that the
log has only grown between them (`proof.growth_since`). Nothing of that machine is trusted here but
the public key of the log's identity, as it was kept when following began.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from appliance.audit.checkpoint import Note, PublicKey, parse_note
from appliance.core.merkle import roots_by_consistency
from appliance.errors import ApplianceError, AuditBroken


def followed(text: str, identity: PublicKey, kept: Note | None) -> Note:
    """The newer checkpoint of a proof of growth, when it follows the one that was `kept`.

    Raises AuditBroken: the log is another one, was cut off or rewritten, or the proof is none;
    ApplianceError when the proof is since another checkpoint.
    """
    try:
        old, hashes, note = _parsed(text)
    except ValueError as error:
        raise AuditBroken(f"this is no proof of growth: {error}") from error
    if not note.signed_by(identity):
        raise AuditBroken(
            "the checkpoint is not signed by the key that was kept for this log",
            hint="another log has begun there, or somebody made this one up: ask who keeps it",
        )
    if kept is not None and kept.checkpoint != note.checkpoint:
        _require_growth(old, hashes, note, kept)
    return note


def _require_growth(old: int, hashes: Sequence[bytes], note: Note, kept: Note) -> None:
    before, after = kept.checkpoint, note.checkpoint
    if after.size < before.size:
        raise AuditBroken(
            f"the log had {before.size:,} records and now has {after.size:,}: it was cut off, or "
            "restored from a copy"
        )
    if old != before.size:
        raise ApplianceError(
            f"this proves growth since {old:,} records, and {before.size:,} were kept",
            hint="give what was kept to: dispatchctl audit anchor show --since FILE",
        )
    try:
        roots = roots_by_consistency(before.size, after.size, before.root, hashes)
    except ValueError as error:
        raise AuditBroken(f"the proof since {old:,} records is no proof: {error}") from error
    if roots != (before.root, after.root):
        raise AuditBroken(
            f"the first {before.size:,} records are not those that were signed: the log was "
            "rewritten"
        )


def _parsed(text: str) -> tuple[int, Sequence[bytes], Note]:
    head, _, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    word, _, number = first.partition(" ")
    if word != "old" or not number.isdecimal():
        raise ValueError('it begins with "old" and a number of records')
    try:
        hashes = [base64.b64decode(line, validate=True) for line in lines]
    except binascii.Error as error:
        raise ValueError("a hash in it is not base64") from error
    return int(number), hashes, parse_note(note)
