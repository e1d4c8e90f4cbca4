"""Pairing an account with a user: a code from the host, sent back by a phone.

A code is opened by somebody at the host whom the policy allows it. What phones send is stored
like every message, with the code as its hash, and tried here one after the other: of two phones
one is first. Strangers are heard for nothing else, and for this only where it can be a code.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from appliance.core import pairing as rules
from appliance.core.events import (
    AccountPaired,
    Event,
    PairingEnded,
    PairingOpened,
    PairingRefused,
    Who,
)
from appliance.core.hidden import shown
from appliance.core.model import Actor, Button, Incoming, Message, Millis, Reply, UserName
from appliance.core.pairing import Account, Pairing, PairingId, PairingState
from appliance.core.replies import about_pairing
from appliance.errors import ApplianceError, AuditUnavailable, StorageUnavailable
from appliance.ports import Audit, Clock, Ready, State
from appliance.services.outbox import Outbox
from appliance.services.people import People

log = logging.getLogger(__name__)

REMEMBERED_MS = 24 * 3600 * 1000
"""So long a code that is used or over is still known, so that trying it is recorded as that."""
TRIES = "pairing tries"
TRIES_PER_HOUR = 20
HOUR_MS = 3600 * 1000
STORAGE_PAUSE_SECONDS = 5.0
NOBODY = UserName("")
"""Whose message it is when a stranger sends a code."""

FirstTask = Callable[[Actor], Button]
"""What the newly paired may try with one tap."""


class CannotPair(ApplianceError):
    """Why no code is given out."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A code, known to nobody else: it is kept only as a hash."""

    pairing: Pairing
    code: str
    link: str


class Pairings:
    """`bot_name` asks Telegram what the bot is called; None: there is no bot."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        people: People,
        outbox: Outbox,
        bot_name: Callable[[], Awaitable[str]] | None,
        first_task: FirstTask,
        host: str,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._people = people
        self._outbox = outbox
        self._bot_name = bot_name
        self._first_task = first_task
        self._host = host
        self._clock = clock
        self._opened = asyncio.Event()
        self._changed = asyncio.Condition()

    # the host

    async def open(self, user: UserName, who: Who) -> Opened:
        """A new code for this user; one that was open for the same user ends.

        Raises CannotPair, ChatUnavailable or ChatRefused (Telegram does not say what the bot is
        called), AuditUnavailable or StorageUnavailable.
        """
        if user not in self._people.users:
            raise CannotPair(
                f'nobody called "{shown(user)}" can be paired',
                hint="people are declared as [users.NAME] in dispatch.toml; "
                "dispatchctl users list shows them",
            )
        if self._bot_name is None:
            raise CannotPair("there is no Telegram bot", hint="set one up: dispatchctl setup")
        bot = await self._bot_name()
        code, now = secrets.token_urlsafe(rules.CODE_BYTES), self._clock.now()
        pairing = Pairing(
            id=PairingId(secrets.token_hex(6)),
            user=user,
            opened_by=UserName(who.id),
            code_sha256=rules.digest(code),
            opened_at=now,
            expires_at=Millis(now + rules.LIFE_SECONDS * 1000),
        )
        replaced = [
            replace(p, state=PairingState.WITHDRAWN) for p in self._open() if p.user == user
        ]
        opened = PairingOpened(
            who=who, pairing=pairing.id, user=user, expires_at=pairing.expires_at
        )
        await self._audit.append(*(_ended(p, who) for p in replaced), opened)
        with self._state.transaction():
            for each in (*replaced, pairing):
                self._state.save_pairing(each)
            self._state.count(TRIES, "", Millis(0), now)  # all that were counted are forgotten
        self._opened.set()
        await self._tell()
        return Opened(pairing, code, rules.link(bot, code))

    async def outcome(self, pairing_id: str, seconds: float) -> Pairing | None:
        """How a pairing is as soon as it is settled, or after so many seconds; None: unknown."""
        with_limit = asyncio.timeout(seconds)
        try:
            async with with_limit, self._changed:
                await self._changed.wait_for(lambda: not self._is_open(pairing_id))
        except TimeoutError:
            log.debug("pairing %s is still open", pairing_id)
        found = self._state.pairing(PairingId(pairing_id))
        return rules.settled(found, self._clock.now()) if found else None

    async def withdraw(self, pairing_id: str, who: Who) -> None:
        """End a code that nobody has used. Raises AuditUnavailable."""
        found = self._state.pairing(PairingId(pairing_id))
        if found is not None and found.is_open(self._clock.now()):
            await self._end([replace(found, state=PairingState.WITHDRAWN)], who)

    async def run(self, ready: Ready) -> None:
        """Ends codes whose time is over."""
        ready()
        while True:
            self._opened.clear()
            try:
                if waits := await self._settle():
                    await self._clock.sleep(waits)
                    continue
            except (AuditUnavailable, StorageUnavailable) as error:
                log.error("an old code is not recorded as such: %s", error.message)
                await self._clock.sleep(STORAGE_PAUSE_SECONDS)
                continue
            await self._opened.wait()

    async def _settle(self) -> float:
        """The seconds until the next code is over; 0 when there is none."""
        now = self._clock.now()
        unsettled = [p for p in self._recent() if p.state is PairingState.OPEN]
        late = [p for p in unsettled if not p.is_open(now)]
        if late:
            await self._end([rules.settled(p, now) for p in late])
        ends = [p.expires_at for p in unsettled if p.is_open(now)]
        return max(0.001, (min(ends) - now) / 1000) if ends else 0.0

    # the phone

    def hears(self, incoming: Incoming) -> bool:
        """Whether a stranger's message may be a code: in private any, in a group only ours."""
        code = rules.code_in(incoming)
        if code is None:
            return False
        if not rules.is_private(incoming):
            return rules.with_code(self._open(), code) is not None
        return bool(self._recent()) and not self._is_used_up()

    def sealed(self, incoming: Incoming) -> Incoming:
        """The same message as it may be kept: with the hash of its code instead of the code."""
        code = rules.code_in(incoming)
        if code is None or not isinstance(incoming, Message):
            return incoming
        return replace(incoming, text=f"/start {rules.digest(code)}")

    def note_try(self, incoming: Incoming) -> None:
        """Count what a stranger was heard for."""
        now = self._clock.now()
        self._state.count(TRIES, incoming.key, now, Millis(now - HOUR_MS))

    async def take(self, incoming: Incoming) -> bool:
        """Try what was kept (`sealed`); False: it is no code, and not ours to handle.

        Somebody who is known and sends what was never a code of ours has only opened the chat.
        """
        sha256 = rules.code_in(incoming)
        if sha256 is None or not isinstance(incoming, Message):
            return False
        found = rules.with_digest(self._recent(), sha256)
        name = self._people.name_of(incoming.sender)
        if found is None and name is not None:
            return False
        try:
            if found is None:
                await self._wrong(incoming)
            else:
                await self._right(incoming, found, name)
        except AuditUnavailable as error:
            self._answer(incoming, about_pairing.not_recorded(error.message) if found else None)
        return True

    async def _wrong(self, message: Message) -> None:
        tried = [rules.after_wrong_try(p) for p in self._open()]
        over = [p for p in tried if p.state is not PairingState.OPEN]
        events = [_refused(message, "", "no such code"), *map(_ended, over)]
        await self._audit.append(*events)
        with self._state.transaction():
            for pairing in tried:
                self._state.save_pairing(pairing)
            self._answer(message, None)
        await self._tell()

    async def _right(self, message: Message, found: Pairing, name: UserName | None) -> None:
        pairing = rules.settled(found, self._clock.now())
        if not rules.is_private(message):
            return await self._exposed(message, pairing)
        if pairing.state is not PairingState.OPEN:
            return await self._refuse(message, pairing, about_pairing.code_is_over(pairing))
        if pairing.user not in self._people.users:
            return await self._refuse(message, pairing, about_pairing.user_is_gone(pairing))
        if name is not None and name != pairing.user:
            return await self._refuse(message, pairing, about_pairing.belongs_to(name))
        return await self._pair(message, pairing)

    async def _pair(self, message: Message, pairing: Pairing) -> None:
        actor = Actor(pairing.user, message.sender)
        called = rules.shown_name(message.called)
        now = self._clock.now()
        used = replace(pairing, state=PairingState.USED, account=str(message.sender), called=called)
        account = Account(message.sender, pairing.user, called, now, pairing.opened_by)
        await self._audit.append(
            AccountPaired(
                who=Who.user(actor),
                cause=(message.key,),
                account=str(message.sender),
                user=pairing.user,
                pairing=pairing.id,
                called=called,
            )
        )
        with self._state.transaction():
            self._state.save_pairing(used)
            if message.sender not in self._people.declared:
                self._state.save_account(account)
            button = self._first_task(actor)
            self._answer(message, about_pairing.paired(pairing.user, self._host, button))
        await self._tell()

    async def _exposed(self, message: Message, pairing: Pairing) -> None:
        """Others have read the code, so it must not work for whoever is quickest."""
        over = [replace(pairing, state=PairingState.EXPOSED)]
        over = over if pairing.state is PairingState.OPEN else []
        refused = _refused(message, pairing.id, "written in a group")
        await self._audit.append(refused, *map(_ended, over))
        with self._state.transaction():
            for each in over:
                self._state.save_pairing(each)
            self._answer(message, None)
        await self._tell()

    async def _refuse(self, message: Message, pairing: Pairing, reply: Reply) -> None:
        reason = about_pairing.text_of(reply)
        await self._audit.append(_refused(message, pairing.id, reason))
        self._answer(message, reply)

    def _answer(self, message: Message, reply: Reply | None) -> None:
        with self._state.transaction():
            self._state.mark_handled(message.key)
            if reply is not None:
                self._outbox.put_outside(message.place, reply)

    # what there is

    def _recent(self) -> tuple[Pairing, ...]:
        return self._state.pairings(Millis(self._clock.now() - REMEMBERED_MS))

    def _open(self) -> list[Pairing]:
        now = self._clock.now()
        return [pairing for pairing in self._recent() if pairing.is_open(now)]

    def _is_open(self, pairing_id: str) -> bool:
        found = self._state.pairing(PairingId(pairing_id))
        return found is not None and found.is_open(self._clock.now())

    def _is_used_up(self) -> bool:
        last = self._state.latest_count(TRIES, TRIES_PER_HOUR)
        return last is not None and last > self._clock.now() - HOUR_MS

    async def _end(self, over: list[Pairing], who: Who | None = None) -> None:
        await self._audit.append(*(_ended(pairing, who) for pairing in over))
        with self._state.transaction():
            for pairing in over:
                self._state.save_pairing(pairing)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _ended(pairing: Pairing, who: Who | None = None) -> Event:
    ended = PairingEnded(pairing=pairing.id, user=pairing.user, reason=pairing.state)
    return replace(ended, who=who) if who is not None else ended


def _refused(message: Message, pairing: str, reason: str) -> Event:
    return PairingRefused(
        cause=(message.key,), pairing=pairing, account=str(message.sender), reason=reason
    )
