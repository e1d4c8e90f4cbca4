"""Changes of the policy that people propose from their phones, and another one lets happen.

A proposal is a record and a row before it is shown, and its answer a record before it counts. What
was confirmed is written into the daemon's own file of grants, by which the policy is loaded anew;
a policy that does not hold with it stays as it was. A crash between the record and the file is
made good at the next start: doing it twice is doing it once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from appliance.core.administration import CONFIRM, PROPOSE
from appliance.core.events import (
    SYSTEM,
    Event,
    GrantsRemoved,
    ProposalAccepted,
    ProposalLapsed,
    ProposalMade,
    ProposalRefused,
    Who,
)
from appliance.core.model import (
    KEEPING_CHATS,
    Actor,
    AdminRequest,
    Allowed,
    Json,
    Millis,
    Place,
    Platform,
    Reply,
    UserName,
)
from appliance.core.proposals import (
    TTL_SECONDS,
    Draft,
    Proposal,
    ProposalId,
    ProposalState,
    Wish,
    is_second,
    settle,
)
from appliance.core.replies import about_administration as words
from appliance.errors import AuditUnavailable, PolicyError, StorageUnavailable
from appliance.ports import Audit, Clock, Ready, State
from appliance.services.deadlines import due_or_changed
from appliance.services.granting import Granting
from appliance.services.outbox import Outbox
from appliance.services.policy_holder import PolicyHolder
from appliance.services.random_ids import random_id

log = logging.getLogger(__name__)

MAX_OPEN = 20
"""So many wait at most: a phone that was lost must not bury the ones that count."""


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers a proposal, and from where."""

    user: UserName
    via: Platform
    who: Who

    @staticmethod
    def of(actor: Actor) -> Answerer:
        return Answerer(actor.name, actor.sender.platform, Who.user(actor))


class Proposals:
    """Proposals that are open, their answers, and what was granted by them."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: PolicyHolder,
        granting: Granting,
        outbox: Outbox,
        users: Collection[UserName],
        automations: Collection[UserName],
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._granting = granting
        self._outbox = outbox
        self._people = sorted(set(users) - set(automations))
        self._clock = clock
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    # proposing

    async def propose(self, wish: Wish, actor: Actor, place: Place, key: str) -> Reply | None:
        """Record it and show it to who may answer; a reply instead when it cannot be.

        Raises AuditUnavailable: nothing was proposed.
        """
        if actor.name not in self._people:
            return words.no_automations()
        if len(self._state.open_proposals()) >= MAX_OPEN:
            return words.too_many_proposals(MAX_OPEN)
        try:
            draft = await self._granting.draft(wish)
        except PolicyError as error:
            return words.not_proposed(error.message)
        await self._make(wish, draft, Answerer.of(actor), place, key)
        return None

    async def _make(
        self, wish: Wish, draft: Draft, by: Answerer, place: Place | None, key: str
    ) -> Proposal:
        proposal = self._proposal(wish, draft, by)
        await self._audit.append(_made(proposal, by.who, key))
        with self._state.transaction():
            self._state.save_proposal(proposal)
            if key:
                self._state.mark_handled(key)
            self._show(proposal, place)
        self._changed.set()
        return proposal

    def _proposal(self, wish: Wish, draft: Draft, by: Answerer) -> Proposal:
        now = self._clock.now()
        return Proposal(
            id=ProposalId(f"p-{random_id()}"),
            proposer=by.user,
            via=by.via,
            wish=wish,
            draft=draft,
            digest=draft.digest,
            asked_at=now,
            expires_at=Millis(now + TTL_SECONDS * 1000),
        )

    def _show(self, proposal: Proposal, place: Place | None) -> None:
        others = [user for user in self._people if self._may_answer(proposal, user)]
        shown = {place: words.proposed(proposal, others)} if place else {}
        for user in others:
            where = self._state.place_of(user, KEEPING_CHATS)
            if where is not None:
                shown.setdefault(where, words.asked_to_confirm(proposal))
        for where, reply in shown.items():
            self._outbox.put(where, reply, label=_label(proposal))

    def _may_answer(self, proposal: Proposal, user: UserName) -> bool:
        """Whether this person may confirm it from a phone."""
        return is_second(proposal, user, Platform.TELEGRAM) and self._is_allowed(
            user, CONFIRM, Platform.TELEGRAM
        )

    def _is_allowed(self, user: UserName, act: str, via: Platform) -> bool:
        request = AdminRequest(user, act, via, self._clock.now())
        return user in self._people and isinstance(self._policy.decide(request), Allowed)

    # answering

    async def answer(
        self, proposal_id: ProposalId, by: Answerer, key: str, *, is_accepted: bool, reason: str
    ) -> Reply:
        """Take somebody's answer; the caller has judged that they may answer proposals at all.

        Raises AuditUnavailable: it does not count.
        """
        async with self._one_at_a_time:
            proposal = self._state.proposal(proposal_id)
            if proposal is None:
                return words.no_such_proposal()
            if proposal.state is not ProposalState.PENDING:
                return words.proposal_settled(proposal)
            if by.user not in self._people or (
                is_accepted and not is_second(proposal, by.user, by.via)
            ):
                return words.not_the_second(proposal)
            if not proposal.is_as_shown:
                await self._lose(proposal, "its lines are not those that were recorded")
                return words.proposal_changed()
            settled = settle(
                proposal, is_accepted=is_accepted, by=by.user, at=self._clock.now(), reason=reason
            )
            if settled.state is ProposalState.LAPSED:
                return await self._lapse(proposal)
            if settled.state is ProposalState.REFUSED:
                return await self._refuse(settled, by, key)
            return await self._accept(settled, by, key)

    async def _refuse(self, proposal: Proposal, by: Answerer, key: str) -> Reply:
        await self._audit.append(
            ProposalRefused(
                who=by.who,
                cause=_cause(key),
                proposal=proposal.id,
                digest=proposal.digest,
                reason=proposal.reason,
            )
        )
        self._store(proposal)
        return words.proposal_settled(proposal)

    async def _accept(self, proposal: Proposal, by: Answerer, key: str) -> Reply:
        if not await self._granting.policy_holds():
            return words.policy_is_broken()
        if self._policy.current.sha256 != proposal.draft.policy_sha256:
            return await self._ask_again(proposal)
        await self._audit.append(
            ProposalAccepted(
                who=by.who,
                cause=_cause(key),
                proposal=proposal.id,
                digest=proposal.digest,
                proposer=proposal.proposer,
                added=proposal.draft.added,
                removed=proposal.draft.removed,
            )
        )
        with self._state.transaction():
            self._state.save_proposal(proposal)
        return await self._apply(proposal, by.who)

    async def _ask_again(self, old: Proposal) -> Reply:
        """The policy is another one: what was shown means something else now, or nothing."""
        await self._lose(old, "the policy was changed meanwhile", ProposalState.OUTDATED)
        if not self._is_allowed(old.proposer, PROPOSE, old.via):
            return words.not_proposed(f"{old.proposer} may not propose it any more.")
        try:
            draft = await self._granting.draft(old.wish)
        except PolicyError as error:
            return words.not_proposed(error.message)
        by = Answerer(old.proposer, old.via, SYSTEM)
        place = self._state.place_of(old.proposer, KEEPING_CHATS)
        await self._make(old.wish, draft, by, place, "")
        return words.asked_again()

    # doing it

    async def _apply(self, proposal: Proposal, who: Who) -> Reply:
        draft = proposal.draft
        try:
            comment = _because(proposal, self._clock)
            problem = await self._granting.change(draft.added, draft.removed, comment, who)
        except (PolicyError, StorageUnavailable) as error:
            problem = error.message
        state = ProposalState.FAILED if problem else ProposalState.APPLIED
        done = replace(proposal, state=state, reason=problem)
        self._store(done)
        return words.proposal_settled(done)

    # what was granted, for the host

    def granted(self) -> tuple[str, ...]:
        """The lines of the file. Raises PolicyError."""
        return self._granting.lines()

    async def remove(self, lines: Collection[str], who: Who) -> None:
        """Take lines out of the file. Raises AuditUnavailable, StorageUnavailable, PolicyError."""
        async with self._one_at_a_time:
            await self._audit.append(GrantsRemoved(who=who, removed=tuple(lines)))
            if problem := await self._granting.change((), tuple(lines), "", who):
                raise PolicyError(problem)

    def report(self) -> list[Json]:
        """The open ones, for `dispatchctl policy proposals`."""
        return [
            {
                "id": one.id,
                "proposer": one.proposer,
                "via": one.via,
                "wish": str(one.wish),
                "added": list(one.draft.added),
                "removed": list(one.draft.removed),
                "meaning": list(one.draft.meaning),
                "warnings": list(one.draft.warnings),
                "digest": one.digest,
                "expires_at": one.expires_at,
            }
            for one in self._state.open_proposals()
            if one.state is ProposalState.PENDING
        ]

    # lapsing

    async def run(self, ready: Ready) -> None:
        """Finish what a crash cut off, then let proposals lapse at their time."""
        ready()
        await self._finish()
        while True:
            self._changed.clear()
            for proposal in self._pending():
                if proposal.expires_at <= self._clock.now():
                    async with self._one_at_a_time:
                        await self._lapse(proposal)
            coming = min((each.expires_at for each in self._pending()), default=None)
            await due_or_changed(coming, self._changed, self._clock)

    async def _finish(self) -> None:
        async with self._one_at_a_time:
            for proposal in self._state.open_proposals():
                if proposal.state is ProposalState.ACCEPTED:
                    log.info("%s was confirmed before the restart", proposal.id)
                    await self._make_good(proposal)

    async def _make_good(self, proposal: Proposal) -> None:
        draft, lines = proposal.draft, set(self._granting.lines())
        if lines.issuperset(draft.added) and lines.isdisjoint(draft.removed):
            self._store(replace(proposal, state=ProposalState.APPLIED))
        elif draft.policy_sha256 == self._policy.current.sha256:
            await self._apply(proposal, SYSTEM)
        else:
            reason = "the policy was changed before it could be written"
            self._store(replace(proposal, state=ProposalState.FAILED, reason=reason))

    def _pending(self) -> list[Proposal]:
        found = self._state.open_proposals()
        return [proposal for proposal in found if proposal.state is ProposalState.PENDING]

    async def _lapse(self, proposal: Proposal) -> Reply:
        await self._lose(proposal, "nobody confirmed it in time", ProposalState.LAPSED)
        return words.proposal_settled(replace(proposal, state=ProposalState.LAPSED))

    async def _lose(
        self, proposal: Proposal, reason: str, state: ProposalState = ProposalState.FAILED
    ) -> None:
        """It will not happen, which needs no record to be safe."""
        event = ProposalLapsed(proposal=proposal.id, digest=proposal.digest, reason=reason)
        try:
            await self._audit.append(event)
        except AuditUnavailable as error:
            log.error("%s not recorded: %s", event.name, error.message)
        current = self._state.proposal(proposal.id)
        if current is not None and current.state is ProposalState.PENDING:
            self._store(replace(current, state=state, reason=reason))

    def _store(self, proposal: Proposal) -> None:
        with self._state.transaction():
            self._state.save_proposal(proposal)
            self._outbox.edit_labelled(_label(proposal), words.proposal_ended(proposal))
            self._tell_proposer(proposal)

    def _tell_proposer(self, proposal: Proposal) -> None:
        """An edit alone rings no phone."""
        place = self._state.place_of(proposal.proposer, KEEPING_CHATS)
        if place is not None and proposal.answered_by != proposal.proposer:
            self._outbox.put(place, words.proposal_settled(proposal))


def _label(proposal: Proposal) -> str:
    return f"proposal:{proposal.id}"


def _cause(key: str) -> tuple[str, ...]:
    return (key,) if key else ()


def _because(proposal: Proposal, clock: Clock) -> str:
    """The comment of a granted line; all of it our own words, or names of the settings."""
    day = datetime.fromtimestamp(clock.now() / 1000, UTC).date()
    return f"{proposal.proposer}, with {proposal.answered_by}, {day}, {proposal.id}"


def _made(proposal: Proposal, who: Who, key: str) -> Event:
    return ProposalMade(
        who=who,
        cause=_cause(key),
        proposal=proposal.id,
        object=str(proposal.wish),
        digest=proposal.digest,
        policy_sha256=proposal.draft.policy_sha256,
        added=proposal.draft.added,
        removed=proposal.draft.removed,
        expires_at=proposal.expires_at,
    )
