"""Who may do what to the log: decided by the user id that the kernel vouches for.

The daemon may add to the log and read the newest records in a few words, for /audit, so that who
takes it over cannot destroy what was recorded. Administrators may destroy private values and old
records, which is itself recorded, and copy the whole log, but cannot add records in the daemon's
name.
"""

from __future__ import annotations

import pwd
from dataclasses import dataclass

from appliance.audit import wire
from appliance.core.events import ActorType, Who

ROOT = 0

_EVERYBODY: frozenset[type] = frozenset(
    (
        wire.TakeCheckpoint,
        wire.RecordAnchor,
        wire.AskStanding,
        wire.AskPublicKey,
        wire.ProveGrowth,
    )
)
_WRITER = _EVERYBODY | {wire.Append, wire.ReadLog}
_ADMINISTRATOR = _EVERYBODY | {
    wire.ReadLog,
    wire.ReadRows,
    wire.Redact,
    wire.Prune,
    wire.Rotate,
}


@dataclass(frozen=True, slots=True)
class Rights:
    """User ids. Who is in neither set may nothing, not even ask."""

    writers: frozenset[int]
    administrators: frozenset[int]

    def of(self, uid: int) -> frozenset[type]:
        """The questions that this user may ask."""
        return (_WRITER if uid in self.writers else frozenset()) | (
            _ADMINISTRATOR if uid in self.administrators else frozenset()
        )


def administrator(uid: int) -> Who:
    """How an administrative act is signed in the log."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Who(ActorType.USER, name, f"unix:{uid}")
