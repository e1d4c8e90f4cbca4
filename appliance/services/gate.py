"""The only way in: authenticate → decide → record → act, for text, buttons, web and terminal.

What was accepted is handled in order, one at a time, and marked handled in the transaction that
holds its effects. After a crash the unhandled rest is handled; a record may then stand twice in
the log (same message key), an effect never does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from appliance.core.administration import LockDown
from appliance.core.commands import CallRecipe, ExplainRefusal, Mistake, PairGroup
from appliance.core.events import Event, MessageReceived, RequestAllowed, RequestDenied, Who
from appliance.core.hidden import shown
from appliance.core.jobs import Barred
from appliance.core.jobs import State as JobState
from appliance.core.model import (
    Actor,
    AdminRequest,
    Allowed,
    Asks,
    Click,
    CommandRequest,
    Decision,
    Denied,
    Edited,
    Incoming,
    Message,
    Reply,
)
from appliance.core.replies import about_pairing, about_requests
from appliance.core.requests import admin_words
from appliance.core.words import say
from appliance.errors import AuditUnavailable, StorageUnavailable
from appliance.ports import Audit, Clock, Policy, Ready, State
from appliance.services.admission import STARTS_JOB, Admission
from appliance.services.allowance import Allowance, Use
from appliance.services.cases import Case
from appliance.services.desk import Desk
from appliance.services.edits import Edits
from appliance.services.job_moves import moved
from appliance.services.lockdowns import Lockdowns
from appliance.services.outbox import Outbox
from appliance.services.pairing import Pairings
from appliance.services.people import People
from appliance.services.refusals import Refusals
from appliance.services.understanding import Understanding
from appliance.services.wishes import Wish

log = logging.getLogger(__name__)

STORAGE_PAUSE_SECONDS = 2.0


class Gate:
    """Takes what the intake stored through the whole way in."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        allowance: Allowance,
        refusals: Refusals,
        people: People,
        pairing: Pairings,
        lockdowns: Lockdowns,
        understanding: Understanding,
        admission: Admission,
        desk: Desk,
        edits: Edits,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._allowance = allowance
        self._refusals = refusals
        self._people = people
        self._pairing = pairing
        self._lockdowns = lockdowns
        self._understanding = understanding
        self._admission = admission
        self._desk = desk
        self._edits = edits
        self._outbox = outbox
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self, ready: Ready) -> None:
        ready()
        while True:
            self._wake.clear()
            try:
                await self._let_all_in()
            except StorageUnavailable as error:
                # what was accepted stays accepted; it is handled when the disk takes it
                log.error("requests wait: %s", error.message)
                await self._clock.sleep(STORAGE_PAUSE_SECONDS)
                self._wake.set()
            await self._wake.wait()

    async def _let_all_in(self) -> None:
        while waiting := self._state.waiting():
            for incoming, actor in waiting:
                await self._let_in(incoming, actor)
                if self._wake.is_set():  # something has come in, and may be urgent
                    self._wake.clear()
                    break

    async def _let_in(self, incoming: Incoming, actor: Actor) -> None:
        """Who has been unpaired since is not heard any more; what a stranger says may be a code."""
        if self._lockdowns.refusal is not None and not actor.name:
            return self._forget(incoming)
        if await self._pairing.take(incoming):
            return None
        if self._people.name_of(incoming.sender) == actor.name:
            return await self._handle(incoming, actor)
        return self._forget(incoming)

    def _forget(self, incoming: Incoming) -> None:
        log.warning("%s is nobody's account any more: %s", incoming.sender, incoming.key)
        with self._state.transaction():
            self._state.mark_handled(incoming.key)
            self._bar_job(incoming, "nobody is paired there")

    async def _handle(self, incoming: Incoming, actor: Actor) -> None:
        # without waiting in between: recipes, decision and limits are of one policy
        wish = self._wish(incoming, actor)
        try:
            if isinstance(incoming, Edited) and not self._edits.is_in_time(wish.about):
                return await self._edits.answer_late(incoming, actor, wish.about)
            case = Case(incoming, actor, wish, self._decide(wish, actor, incoming))
            job = self._admission.queues_at_once(case)
            events = self._records(case)
            if job is not None:
                await self._admission.queue(case, job, *events)
            else:
                await self._record(case, events)
                await self._act(case)
        except AuditUnavailable as error:
            self._refuse(
                incoming, about_requests.audit_is_broken(error.message), "audit unavailable"
            )
        return None

    async def _record(self, case: Case, events: Sequence[Event]) -> None:
        """What cannot be recorded is not done, but for the one act that only ever refuses."""
        try:
            await self._audit.append(*events)
        except AuditUnavailable as error:
            if not (isinstance(case.command, LockDown) and isinstance(case.decision, Allowed)):
                raise
            log.error("a lockdown begins without a record: %s", error.message)

    def _wish(self, incoming: Incoming, actor: Actor) -> Wish:
        wish = self._understanding.of(incoming, actor)
        if isinstance(wish.command, PairGroup) or self._people.works_in(incoming.place):
            return wish
        return replace(wish, command=Mistake(about_pairing.not_paired_here()))

    def _decide(self, wish: Wish, actor: Actor, incoming: Incoming) -> Decision:
        if isinstance(wish.command, Mistake):
            return Denied(None, str(wish.command.sentence))
        via = incoming.sender.platform
        if (barred := self._lockdowns.why_not(wish.command, actor.name, via)) is not None:
            return Denied(None, str(barred))
        requests = (self._request(wish, words, actor, incoming) for words in wish.words)
        decision = _strictest([self._policy.decide(request) for request in requests])
        is_work = isinstance(wish.command, STARTS_JOB)
        is_change = isinstance(incoming, Edited) and wish.about is not None
        use = Use(
            user=actor.name,
            project=wish.project,
            key=wish.about.key if is_change and wish.about else incoming.key,
            is_work=is_work,
            is_agents=is_work and not isinstance(wish.command, CallRecipe),
        )
        return self._allowance.admit(decision, use)

    def _request(
        self, wish: Wish, words: str, actor: Actor, incoming: Incoming
    ) -> CommandRequest | AdminRequest:
        via, now = incoming.sender.platform, self._clock.now()
        if admin := admin_words(wish.command, incoming.place):
            return AdminRequest(actor.name, admin, via, now)
        return CommandRequest(actor.name, wish.project, words, via, now)

    async def _act(self, case: Case) -> None:
        if isinstance(case.incoming, Edited):
            return await self._change(case)
        match case.command, case.decision:
            case Mistake(sentence), _:
                self._refuse(case.incoming, say(sentence), str(sentence))
            case command, Denied() as denied:
                barred = self._lockdowns.why_not(
                    command, case.actor.name, case.incoming.sender.platform
                )
                if barred is not None and denied.reason == str(barred):
                    self._refuse(case.incoming, say(barred), denied.reason)
                else:
                    self._deny(case, denied)
            case _, Allowed() | Asks():
                await self._desk.act(case)
        return None

    async def _change(self, case: Case) -> None:
        match case.command, case.decision:
            case Mistake(sentence), _:
                await self._edits.take_back(case, say(sentence))
            case _, Denied() as denied:
                await self._edits.take_back(case, about_requests.denied(denied))
            case _, Allowed() | Asks():
                await self._edits.apply(case)

    def _deny(self, case: Case, denied: Denied) -> None:
        with self._state.transaction():
            if not isinstance(case.command, ExplainRefusal):
                words = case.wish.words[-1]
                request = self._request(case.wish, words, case.actor, case.incoming)
                self._refusals.note(case.incoming.place, request, denied)
            self._refuse(case.incoming, about_requests.denied(denied), denied.reason)

    def _refuse(self, incoming: Incoming, reply: Reply, reason: str) -> None:
        reply = replace(reply, silent=True)  # who has just asked is looking
        with self._state.transaction():
            self._state.mark_handled(incoming.key)
            self._bar_job(incoming, reason)
            if isinstance(incoming, Click):
                self._outbox.toast(incoming.place, incoming.key, reply)
            elif self._people.works_in(incoming.place):
                self._outbox.put(incoming.place, reply)
            else:
                self._outbox.put_outside(incoming.place, reply)

    def _bar_job(self, incoming: Incoming, reason: str) -> None:
        key = incoming.key
        if isinstance(incoming, Edited):
            said = self._state.said(incoming.place, incoming.message_id)
            key = said[0].key if said else key
        job = self._state.job_of(key)
        if job is not None and job.state is JobState.RECEIVED:
            moved(job, Barred(reason), self._state)

    def _records(self, case: Case) -> list[Event]:
        incoming, actor = case.incoming, case.actor
        if isinstance(incoming, Edited):
            return _recorded(case, self._edits.event(incoming, actor, case.wish.about))
        key, place, text = incoming.key, str(incoming.place), _said(incoming)
        received = MessageReceived(who=Who.user(actor), key=key, place=place, text=text)
        return _recorded(case, received)


def _strictest(decisions: Sequence[Decision]) -> Decision:
    for kind in (Denied, Asks):
        for decision in decisions:
            if isinstance(decision, kind):
                return decision
    return decisions[-1]


def _said(incoming: Message | Click) -> str:
    match incoming:
        case Message(text=text):
            return text
        case Click(token=token):
            return f"[button] {shown(token)}"


def _recorded(case: Case, received: Event) -> list[Event]:
    """What came in, and what was decided about it."""
    incoming, who, decision = case.incoming, received.who, case.decision
    admin = admin_words(case.command, incoming.place)
    words, where = case.wish.words[-1], case.project or ""
    act, words, where = ("admin", admin, "") if admin else ("chat", words, where)
    cause = (incoming.key,)
    match decision:
        case Denied(rule=rule, reason=reason):
            return [
                received,
                RequestDenied(
                    who=who,
                    cause=cause,
                    act=act,
                    object=words,
                    project=where,
                    rule=str(rule or ""),
                    reason=reason,
                ),
            ]
        case Allowed(rule=rule) | Asks(rule=rule):
            return [
                received,
                RequestAllowed(
                    who=who, cause=cause, act=act, object=words, project=where, rule=str(rule)
                ),
            ]
