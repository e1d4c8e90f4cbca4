"""The only way on for a log that cannot go on: another one, whose first record cites both heads.

A log that has lost records, or was changed, is evidence. It is kept as it is, under another name
and without its keys, so that nobody can add to it; what is recorded from now on goes into a new
log with new keys, whose public key has to be pinned anew. Its first record says what was kept,
what is known to be lost, who decided so and why.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from appliance.audit import keys, takeover
from appliance.audit.checkpoint import (
    Checkpoint,
    Note,
    PublicKey,
    decode_key,
    parse_note,
    parse_public_key,
)
from appliance.audit.database import DATABASE, ERRORS, PUBLIC_KEY, SIDE_FILES, reading
from appliance.audit.lock import LOCK, WriterLock
from appliance.audit.verify import verify
from appliance.audit.writer import Writer
from appliance.core.events import AuditForked, Who
from appliance.core.records import decode
from appliance.errors import AuditUnavailable
from appliance.ports import Clock


def fork(
    directory: Path, clock: Clock, boot: str, *, reason: str, who: Who, anchors: Sequence[Note] = ()
) -> Path:
    """Begin a new log in place of the one in `directory`; where the old one is kept.

    `anchors` are checkpoints of the old log that were kept elsewhere: the largest that its
    identity has signed is cited as what is lost. After a crash either nothing has happened, or
    whoever opens the log finishes it.

    Raises AuditUnavailable when another process writes the log, when there is none, or when the
    disk cannot hold both.
    """
    try:
        lock = WriterLock(directory / LOCK)
        try:
            return _fork(directory, clock, boot, reason, who, anchors)
        finally:
            lock.release()
    except OSError as error:
        raise AuditUnavailable(
            f"cannot begin another audit log in {directory}: {error}",
            hint="free space or repair the disk, then try again",
        ) from error


def _fork(
    directory: Path, clock: Clock, boot: str, reason: str, who: Who, anchors: Sequence[Note]
) -> Path:
    takeover.complete(directory)
    if not (directory / DATABASE).exists() and not (directory / PUBLIC_KEY).exists():
        raise AuditUnavailable(f"there is no audit log in {directory} to be followed by another")
    unfinished = directory / takeover.UNFINISHED
    begin_after(directory, unfinished, clock, boot, reason=reason, who=who, anchors=anchors)
    link_old(directory, unfinished / takeover.FORMER)
    keys.sync_directory(unfinished)
    unfinished.rename(directory / takeover.STAGED)
    keys.sync_directory(directory)
    place = takeover.next_place(directory)
    takeover.complete(directory)
    return place


def begin_after(
    former: Path,
    place: Path,
    clock: Clock,
    boot: str,
    *,
    reason: str,
    who: Who,
    anchors: Sequence[Note],
) -> None:
    """Make a log in `place` whose first record cites the one in `former`; see `fork`."""
    kept, lost = _heads(former, anchors)

    def genesis(origin: str, public_key: str, identity_key: str) -> AuditForked:
        return AuditForked(
            who=who,
            origin=origin,
            reason=reason,
            public_key=public_key,
            identity_key=identity_key,
            previous_origin=kept.origin,
            kept_size=kept.size,
            kept_root=kept.root.hex(),
            lost_size=lost.size,
            lost_root=lost.root.hex(),
        )

    Writer(place, clock, boot, genesis=genesis).close()


def link_old(directory: Path, place: Path) -> None:
    """Give the log in a directory a second name; nothing of it is changed."""
    place.mkdir(mode=0o700)
    for name in (DATABASE, *SIDE_FILES, PUBLIC_KEY):
        with suppress(FileNotFoundError):
            os.link(directory / name, place / name)
    keys.sync_directory(place)


# --- what is known of the old log


def _heads(directory: Path, anchors: Sequence[Note]) -> tuple[Checkpoint, Checkpoint]:
    """The last state of the old log that verifies, and the largest that is known of it."""
    found = verify(directory / DATABASE)
    kept = Checkpoint(_origin(directory, found.public_key), found.size, found.root)
    identity = PublicKey(kept.origin, _identity(directory))
    notes = (*anchors, *stored_notes(directory))
    known = [note.checkpoint for note in notes if note.signed_by(identity)]
    return kept, max([kept, *known], key=lambda head: head.size)


def _origin(directory: Path, found: str) -> str:
    """The old log's name: by the key that was published for it, else as it says itself."""
    for text in (_text(directory / PUBLIC_KEY), found):
        with suppress(ValueError):
            return parse_public_key(text).name
    return ""


def _identity(directory: Path) -> bytes:
    """The old log's identity, by its first record or its key; nobody's when both are gone."""
    with suppress(*ERRORS, ValueError, TypeError), reading(directory / DATABASE) as connection:
        (first,) = connection.execute("SELECT rec FROM leaf WHERE seq=1").fetchone()
        return decode_key(str(decode(first).data.get("identity_key")))
    with suppress(OSError, ValueError):
        return keys.load_identity(directory).public
    return bytes(32)


def stored_notes(directory: Path) -> Iterator[Note]:
    """The checkpoints that a log keeps, its own and those that came back; unverified."""
    with suppress(*ERRORS), reading(directory / DATABASE) as connection:
        rows = connection.execute("SELECT note FROM ckpt UNION ALL SELECT receipt FROM anchor")
        for (text,) in rows:
            with suppress(ValueError, TypeError):
                yield parse_note(text)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
