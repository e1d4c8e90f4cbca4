"""A log from a backup goes on as one that lost records does: as another log, which cites it.

The keys of a log are in no backup, and the newest records need not be either. So what was
restored is kept as it is, under another name, and a new log begins beside it: its first record
tells where it was restored from, what was kept, and what is known to be lost from checkpoints
that were kept elsewhere. If there was a log here already, that one is kept as well.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.audit import keys, takeover
from appliance.audit.checkpoint import Note, PublicKey
from appliance.audit.database import DATABASE, PUBLIC_KEY
from appliance.audit.fork import begin_after, link_old, stored_notes
from appliance.audit.lock import LOCK, WriterLock
from appliance.audit.verdict import Depth, Reporter, Verdict, Verification
from appliance.audit.verify import verify
from appliance.core.events import Who
from appliance.errors import AuditBroken
from appliance.ports import Clock

PREPARED = "restored"
"""In the directory of the log: a new log with the restored one, complete, not yet in its place."""

_UNFINISHED = f"{PREPARED}.new"


@dataclass(frozen=True, slots=True)
class Examined:
    """A log that was found intact, and the checkpoints that know of more records than it has."""

    found: Verification
    beyond: tuple[Note, ...]


def examine(
    former: Path, public_key: PublicKey | None, anchors: Sequence[Note], report: Reporter
) -> Examined:
    """Verify the log from a backup against what was kept elsewhere.

    Checkpoints of more records than it has do not speak against it: they tell what is lost since
    the backup. Raises AuditBroken with the reason when it is not what was signed.
    """
    database = former / DATABASE
    size = verify(database, public_key=public_key, depth=Depth.QUICK).size
    within = [note for note in anchors if note.checkpoint.size <= size]
    found = verify(database, public_key=public_key, anchors=within, report=report)
    if found.verdict is not Verdict.INTACT:
        where = f" at record {found.seq}" if found.seq else ""
        raise AuditBroken(
            f"the log in the backup is {found.verdict}{where}: {found.reason}",
            hint="take an older backup; if there is none, restore with --accept-loss",
        )
    published = (former / PUBLIC_KEY).read_text(errors="replace").strip()
    if published != found.public_key:
        raise AuditBroken("the public key in the backup is not the one that its log begins with")
    beyond = tuple(note for note in anchors if note.checkpoint.size > size)
    return Examined(found, beyond)


def prepare(
    former: Path,
    directory: Path,
    clock: Clock,
    boot: str,
    *,
    reason: str,
    who: Who,
    anchors: Sequence[Note],
) -> str:
    """Make what `finish` puts in place, from the log in `former`; the new log's public key.

    A log that is in `directory` goes on meanwhile. Raises AuditUnavailable and OSError.
    """
    discard(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    here = [*stored_notes(directory)]  # of the same log they may know of more than the backup
    place = directory / _UNFINISHED
    begin_after(former, place, clock, boot, reason=reason, who=who, anchors=[*anchors, *here])
    kept = place / takeover.FORMER
    kept.mkdir(mode=0o700)
    for name in (DATABASE, PUBLIC_KEY):
        _copy(former / name, kept / name)
    keys.sync_directory(kept)
    keys.sync_directory(place)
    place.rename(directory / PREPARED)
    keys.sync_directory(directory)
    return (directory / PREPARED / PUBLIC_KEY).read_text().strip()


def discard(directory: Path) -> None:
    """Remove what was prepared and is not wanted, or only half."""
    for name in (_UNFINISHED, PREPARED):
        shutil.rmtree(directory / name, ignore_errors=True)


def finish(directory: Path) -> None:
    """Put what was prepared in place. May be called again, until it has returned.

    Raises AuditUnavailable when another process writes the log, and OSError.
    """
    lock = WriterLock(directory / LOCK)
    try:
        takeover.complete(directory)
        prepared = directory / PREPARED
        if not prepared.is_dir():
            return
        replaced = prepared / takeover.REPLACED
        shutil.rmtree(replaced, ignore_errors=True)  # half of it, from before a crash
        if (directory / DATABASE).exists():
            link_old(directory, replaced)
        keys.sync_directory(prepared)
        prepared.rename(directory / takeover.STAGED)
        keys.sync_directory(directory)
        takeover.complete(directory)
    finally:
        lock.release()


def require_nobody_writes(directory: Path) -> None:
    """Raises AuditUnavailable while a program writes the log there."""
    if directory.is_dir():
        WriterLock(directory / LOCK).release()


def is_empty(directory: Path) -> bool:
    """Whether there is no log in a directory."""
    return not any((directory / name).exists() for name in (DATABASE, PUBLIC_KEY))


def _copy(source: Path, place: Path) -> None:
    with source.open("rb") as content, place.open("xb") as out:
        shutil.copyfileobj(content, out)
        out.flush()
        os.fsync(out.fileno())
