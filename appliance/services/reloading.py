"""Takes over edits of the policy: whole, recorded, told; or keeps the last good one and says why.

A new snapshot is built and tried out off to the side, in a thread. Files are read only once two
looks at them, a second apart, have found the same, and what was read counts only if they are
still the same afterwards: a file that is being written is not loaded. The new policy is in the
log before it holds; when the log cannot take it the old one stays, and it is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from appliance.core.events import SYSTEM, PolicyChanged, PolicyLoaded, PolicyRejected, Who
from appliance.core.model import Millis, Reply
from appliance.core.replies import about_policy
from appliance.core.words import duration
from appliance.errors import AuditUnavailable, PolicyError
from appliance.ports import Audit, Clock, LivePolicy, PolicyFiles, Ready
from appliance.services.policy_holder import PolicyHolder

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
MAX_RECORDED_CHARACTERS = 8_000
MAX_RECORDED_LINES = 200

Tell = Callable[[Reply], None]
"""Says something to whoever looks after this appliance."""


class Outcome(StrEnum):
    """What a reload came to."""

    TAKEN = "taken"
    SAME = "same"
    REJECTED = "rejected"
    UNSETTLED = "unsettled"  # a file was being written; it is looked at again
    UNRECORDED = "unrecorded"  # the log could not take it; it is tried again


class Reloading:
    """Watches the files of the policy in `holder`."""

    def __init__(
        self, files: PolicyFiles, holder: PolicyHolder, audit: Audit, tell: Tell, clock: Clock
    ) -> None:
        self._files = files
        self._holder = holder
        self._audit = audit
        self._tell = tell
        self._clock = clock
        self._since = clock.now()
        self._judged = ""  # the version of the files that was last taken over or rejected
        self._mistakes = ""
        self._one_at_a_time = asyncio.Lock()
        self._asked = asyncio.Event()

    @property
    def mistakes(self) -> str:
        """Why the files as they are now are not the policy that holds, "" when they are."""
        return self._mistakes

    @property
    def since(self) -> Millis:
        """When the policy that holds was taken over."""
        return self._since

    def line(self) -> str:
        """For /status: which policy holds, since when."""
        policy = self._holder.current
        age = duration(self._clock.now() - self._since)
        return f"{policy.sha256[:8]}, {policy.rules} rules, for {age}"

    def trouble(self) -> str:
        """For /status and doctor: what is wrong with the last edit, "" when nothing is."""
        first, *more = self._mistakes.splitlines() or [""]
        return f"{first} (and {len(more)} more)" if more else first

    def ask(self) -> None:
        """Look at the files now, as after SIGHUP."""
        self._asked.set()

    async def run(self, ready: Ready) -> None:
        """Take edits over until cancelled."""
        ready()
        seen = ""
        while True:
            version = await asyncio.to_thread(self._files.version)
            is_asked = self._asked.is_set()
            self._asked.clear()
            if is_asked or (version == seen and version != self._judged):
                await self.reload()
            seen = version
            await self._pause()

    async def _pause(self) -> None:
        async with asyncio.TaskGroup() as either:
            asked = either.create_task(self._asked.wait())
            pause = either.create_task(self._clock.sleep(LOOK_EVERY_SECONDS))
            asked.add_done_callback(lambda _: pause.cancel())
            pause.add_done_callback(lambda _: asked.cancel())

    async def reload(self, who: Who = SYSTEM) -> Outcome:
        """Take over what the files say now, because `who` wants it or they have changed."""
        async with self._one_at_a_time:
            version = await asyncio.to_thread(self._files.version)
            fresh, mistakes = None, ""
            try:
                fresh = await asyncio.to_thread(self._files.load)
            except PolicyError as error:
                mistakes = error.message
            if version != await asyncio.to_thread(self._files.version):
                return Outcome.UNSETTLED
            try:
                outcome = await (
                    self._take(fresh, who) if fresh is not None else self._reject(mistakes, who)
                )
            except AuditUnavailable as error:
                log.error("the policy stays as it was: %s", error.message)
                return Outcome.UNRECORDED
            self._judged = version
            return outcome

    async def _take(self, fresh: LivePolicy, who: Who) -> Outcome:
        before = self._holder.current
        if fresh.sha256 == before.sha256:
            if self._mistakes:
                self._mistakes = ""
                self._tell(about_policy.policy_as_before(before.sha256))
            return Outcome.SAME
        changes = await asyncio.to_thread(self._files.difference, before, fresh)
        await self._audit.append(
            PolicyLoaded(who=who, path=self._files.path, sha256=fresh.sha256, rules=fresh.rules),
            PolicyChanged(
                who=who,
                sha256=fresh.sha256,
                before_sha256=before.sha256,
                changes=_recordable(changes),
            ),
        )
        self._holder.swap(fresh)
        self._since, self._mistakes = Millis(self._clock.now()), ""
        log.info("policy %s holds, %d rules", fresh.sha256[:8], fresh.rules)
        self._tell(about_policy.policy_changed(fresh.sha256, fresh.rules, changes))
        return Outcome.TAKEN

    async def _reject(self, mistakes: str, who: Who) -> Outcome:
        if mistakes == self._mistakes:
            return Outcome.REJECTED  # told and recorded before
        log.error("the edited policy is not taken over:\n%s", mistakes)
        self._mistakes = mistakes
        self._tell(about_policy.policy_rejected(mistakes.splitlines(), self._holder.current.sha256))
        with suppress(AuditUnavailable):  # it is refused all the same
            await self._audit.append(
                PolicyRejected(
                    who=who, path=self._files.path, reason=mistakes[:MAX_RECORDED_CHARACTERS]
                )
            )
        return Outcome.REJECTED


def _recordable(changes: tuple[str, ...]) -> tuple[str, ...]:
    """What fits into one record; the rest is counted."""
    kept: list[str] = []
    room = MAX_RECORDED_CHARACTERS
    for change in changes[:MAX_RECORDED_LINES]:
        room -= len(change)
        if room < 0:
            break
        kept.append(change)
    left = len(changes) - len(kept)
    return (*kept, f"and {left} more") if left else tuple(kept)
