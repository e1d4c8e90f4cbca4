"""Tells whether a log is what was signed, to anybody, without any secret.

Everything is recomputed, nothing is believed because the database says so: each record's hash,
number and predecessor, the tree, the signatures, the hand-over of keys from the first one on,
each record's canonical form, every private value, and every checkpoint kept in the log or handed
in. How much of that is a matter of `Depth`.

What it cannot know it says: without the first public key from elsewhere the whole log may have
been replaced, and records younger than the newest checkpoint kept elsewhere (an anchor) are
protected by the current key only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from appliance.audit.checkpoint import Note, PublicKey
from appliance.audit.database import ERRORS, reading
from appliance.audit.examination import Examination
from appliance.audit.verdict import Depth, Reporter, Verdict, Verification

__all__ = ["Depth", "Reporter", "Verdict", "Verification", "verify"]


def verify(
    path: Path,
    *,
    public_key: PublicKey | None = None,
    anchors: Sequence[Note] = (),
    depth: Depth = Depth.USUAL,
    report: Reporter | None = None,
) -> Verification:
    """Verify the log in a database file, which may be in use.

    `public_key` is the log's first key or its identity, `anchors` are checkpoints of it; both
    were kept elsewhere. Never raises for what is in the file: damage is a verdict too.
    """
    try:
        with reading(path) as connection:
            connection.text_factory = bytes  # damaged text must not stop us from saying where
            return Examination(connection, public_key, anchors, depth, report).verification()
    except sqlite3.OperationalError as error:
        reason = f"{path} cannot be read as an audit log: {error}"
        return Verification(Verdict.INCOMPLETE, depth, reason)
    except ERRORS as error:
        reason = f"the database file {path} is damaged: {error}"
        return Verification(Verdict.TAMPERED, depth, reason)
