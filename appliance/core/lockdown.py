"""Everything stopped and everything refused, until somebody at the host lifts it.

    asked → held → lifted

It is asked first, because a phone in a pocket presses what it finds; the question is good for some
minutes. What holds is a row in the database, so no restart ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NewType

from appliance.core.model import Millis, Phrase, TimeOfDay, UserName, Value
from appliance.core.words import phrase

LockdownId = NewType("LockdownId", str)
QUESTION_SECONDS = 10 * 60


@dataclass(frozen=True, slots=True)
class Lockdown:
    """`since` None: only asked about. `lifted_at` None: not over."""

    id: LockdownId
    by: UserName
    why: str
    asked_at: Millis
    since: Millis | None = None
    lifted_at: Millis | None = None
    lifted_by: str = ""

    @property
    def is_held(self) -> bool:
        return self.since is not None and self.lifted_at is None

    def is_open(self, now: Millis) -> bool:
        """Whether the question may still be answered with yes."""
        return self.since is None and now < self.asked_at + QUESTION_SECONDS * 1000

    @property
    def refusal(self) -> Phrase:
        """Why everything is refused, in one sentence."""
        assert self.since is not None, "asked of one that holds"
        values: dict[str, Value] = {"user": self.by, "time": TimeOfDay(self.since)}
        if self.why:
            return phrase(
                "Locked down by {user} at {time} ({why}): nothing is done until the host lifts it.",
                why=self.why,
                **values,
            )
        return phrase(
            "Locked down by {user} at {time}: nothing is done until the host lifts it.", **values
        )


def held(lockdown: Lockdown, now: Millis) -> Lockdown:
    return replace(lockdown, since=now)


def lifted(lockdown: Lockdown, by: UserName, now: Millis) -> Lockdown:
    return replace(lockdown, lifted_at=now, lifted_by=by)
