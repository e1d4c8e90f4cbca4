"""Stops everything and refuses everything, from a phone or at the host; only the host lifts it.

It holds once its row is in the database, before anything is said and before the log has it: to
refuse without a record is safe, and a log that is slow or full must not keep a panic waiting.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection

from appliance.core import lockdown as rules
from appliance.core.administration import LOCK_DOWN, LockDown, ShowAudit
from appliance.core.commands import Command, ShowStatus
from appliance.core.events import Event, LockdownLifted, LockdownStarted, Who
from appliance.core.lockdown import Lockdown, LockdownId
from appliance.core.model import (
    KEEPING_CHATS,
    Actor,
    AdminRequest,
    Allowed,
    Phrase,
    Place,
    Platform,
    Reply,
    UserName,
)
from appliance.core.replies import about_administration as words
from appliance.errors import AuditUnavailable
from appliance.ports import Audit, Clock, Policy, State
from appliance.services.outbox import Outbox

log = logging.getLogger(__name__)

RECORD_SECONDS = 3.0
WhyBarred = Callable[[], Phrase | None]
"""Why nothing may be done now, None while all may."""

Halt = Callable[[Phrase], Awaitable[None]]
"""Ends every running job, for a reason; returns once nothing of them runs."""


class Lockdowns:
    """`halt` is the worker's; `users` are all there are."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        outbox: Outbox,
        users: Collection[UserName],
        halt: Halt,
        wake: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._outbox = outbox
        self._users = users
        self._halt = halt
        self._wake = wake
        self._clock = clock
        self._held = state.held_lockdown()

    @property
    def refusal(self) -> Phrase | None:
        """Why nothing may be done, None while all may."""
        return self._held.refusal if self._held else None

    def why_not(self, command: Command, user: UserName, via: Platform) -> Phrase | None:
        """Why this is not even judged; None: it is. Owners may still look."""
        if self._held is None:
            return None
        if isinstance(command, ShowStatus | ShowAudit) and self._may(user, via):
            return None
        return self._held.refusal

    def _may(self, user: UserName, via: Platform) -> bool:
        request = AdminRequest(user, LOCK_DOWN, via, self._clock.now())
        return isinstance(self._policy.decide(request), Allowed)

    # starting

    async def ask_or_start(self, command: LockDown, actor: Actor, key: str) -> Reply:
        """What /lockdown and its button do."""
        if command.question:
            question = self._state.lockdown(command.question)
            if question is None or not question.is_open(self._clock.now()):
                return words.lockdown_question_is_old()
            return await self._start(question, Who.user(actor), key)
        lockdown = self._fresh(actor.name, command.why)
        if command.is_sure:
            return await self._start(lockdown, Who.user(actor), key)
        with self._state.transaction():
            self._state.save_lockdown(lockdown)
        return words.really_lock_down(lockdown)

    async def start(self, user: UserName, who: Who, why: str) -> Lockdown:
        """At the host, without a question."""
        lockdown = self._fresh(user, why)
        await self._start(lockdown, who, "")
        return lockdown

    def _fresh(self, user: UserName, why: str) -> Lockdown:
        return Lockdown(LockdownId(secrets.token_hex(6)), user, why, self._clock.now())

    async def _start(self, asked: Lockdown, who: Who, key: str) -> Reply:
        if self._held is not None:
            return words.locked_down(self._held)
        lockdown = rules.held(asked, self._clock.now())
        with self._state.transaction():
            self._state.save_lockdown(lockdown)
            self._tell(words.locked_down(lockdown))
        self._held = lockdown
        cause = (key,) if key else ()
        await self._record(
            LockdownStarted(who=who, cause=cause, lockdown=lockdown.id, reason=lockdown.why)
        )
        await self._halt(lockdown.refusal)
        return words.all_is_stopped()

    async def _record(self, event: Event) -> None:
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                await self._audit.append(event)
        except (AuditUnavailable, TimeoutError) as error:
            log.error("%s not recorded: %s", event.name, error)

    # lifting

    async def lift(self, user: UserName, who: Who) -> bool:
        """End it, at the host; False: there is none. Raises AuditUnavailable: it goes on."""
        held = self._held
        if held is None:
            return False
        assert held.since is not None, "what is held has begun"
        await self._audit.append(LockdownLifted(who=who, lockdown=held.id, since=held.since))
        over = rules.lifted(held, user, self._clock.now())
        with self._state.transaction():
            self._state.save_lockdown(over)
            self._tell(words.lockdown_lifted(over))
        self._held = None
        self._wake()
        return True

    def _tell(self, reply: Reply) -> None:
        """To everybody who could have done it, where they wrote last."""
        for place in self._places():
            self._outbox.put(place, reply)

    def _places(self) -> list[Place]:
        found = list[Place]()
        for user in sorted(self._users):
            place = self._state.place_of(user, KEEPING_CHATS)
            if place is not None and place not in found and self._may(user, place.platform):
                found.append(place)
        return found
