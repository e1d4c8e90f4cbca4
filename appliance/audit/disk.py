"""What the log needs of its disk: that it is local, and room to say that it is full.

On a full disk not even a DELETE succeeds, so the notice that nothing is recorded any more could
not be stored for its chat. The ballast is room that is given back at that moment.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.audit.keys import write_durably
from appliance.errors import AuditUnavailable

BALLAST_BYTES = 1 << 20

_REMOTE = frozenset(
    ("9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "ncpfs", "nfs", "nfs4", "smb3")
)
_MOUNTS = Path("/proc/self/mountinfo")


def require_local(directory: Path) -> None:
    """Raises AuditUnavailable where a lock or an fsync may mean nothing.

    Only systems that list their mounts in /proc can be asked; elsewhere nothing is known.
    """
    kind = _file_system(directory.resolve(), _MOUNTS) if _MOUNTS.exists() else ""
    if kind in _REMOTE:
        raise AuditUnavailable(
            f"the audit log cannot live in {directory}: {kind} is a network file system",
            hint="put the state directory on a local disk",
        )


def keep_ballast(directory: Path) -> None:
    """Take the room, unless it is taken. Raises OSError when there is none."""
    ballast = _ballast(directory)
    if not ballast.exists() or ballast.stat().st_size < BALLAST_BYTES:
        # random, because a file system that compresses would keep no room for zeros
        write_durably(ballast, os.urandom(BALLAST_BYTES), mode=0o600)


def drop_ballast(directory: Path) -> None:
    """Give the room back."""
    _ballast(directory).unlink(missing_ok=True)


def _ballast(directory: Path) -> Path:
    return directory / "ballast"


def _file_system(directory: Path, mounts: Path) -> str:
    """The type of the mount that holds the directory: of the deepest one, mounted last."""
    kind, deepest = "", -1
    for line in mounts.read_text(errors="surrogateescape").splitlines():
        mount, _, source = line.partition(" - ")
        point = Path(_unescape(mount.split(" ")[4]))
        if directory.is_relative_to(point) and len(point.parts) >= deepest:
            kind, deepest = source.split(" ")[0], len(point.parts)
    return kind


def _unescape(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
