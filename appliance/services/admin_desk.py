"""What people ask who look after the appliance from a phone, once it is allowed."""

from __future__ import annotations

from typing import assert_never

from appliance.core.administration import (
    Administer,
    AnswerProposal,
    LockDown,
    Propose,
    ShowAudit,
    ShowUsers,
)
from appliance.core.model import Reply
from appliance.ports import State
from appliance.services.cases import Case, answer, turn_page
from appliance.services.lockdowns import Lockdowns
from appliance.services.outbox import Outbox
from appliance.services.overview import Overview
from appliance.services.proposals import Answerer, Proposals


class AdminDesk:
    """Every way through `act` marks the message handled."""

    def __init__(
        self,
        state: State,
        overview: Overview,
        proposals: Proposals,
        lockdowns: Lockdowns,
        outbox: Outbox,
    ) -> None:
        self._state = state
        self._overview = overview
        self._proposals = proposals
        self._lockdowns = lockdowns
        self._outbox = outbox

    async def act(self, case: Case, command: Administer) -> None:
        """Raises AuditUnavailable: it was not done."""
        reply = await self._done(case, command)
        if reply is None:
            return
        say = turn_page if isinstance(command, ShowAudit) else answer
        say(case, reply, self._state, self._outbox)

    async def _done(self, case: Case, command: Administer) -> Reply | None:
        key, place = case.incoming.key, case.incoming.place
        match command:
            case ShowUsers():
                return self._overview.users()
            case ShowAudit():
                return await self._overview.audit(command)
            case Propose(wish=wish):
                return await self._proposals.propose(wish, case.actor, place, key)
            case AnswerProposal(proposal=proposal, is_accepted=is_accepted, reason=reason):
                return await self._proposals.answer(
                    proposal,
                    Answerer.of(case.actor),
                    key,
                    is_accepted=is_accepted,
                    reason=reason,
                )
            case LockDown():
                return await self._lockdowns.ask_or_start(command, case.actor, key)
            case _:
                assert_never(command)
