"""`dispatchctl policy proposals|accept|reject|grants` and `lockdown` at the running daemon.

The host is the second pair of eyes for what a phone proposes, and the only one that lifts a
lockdown. All of it is judged and recorded as an admin act of whoever is at the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.administration import CONFIRM, LIFT, LOCK_DOWN, LOOK_AT_GRANTS
from appliance.core.hidden import readable
from appliance.core.model import Json, Platform, UserName
from appliance.core.proposals import ProposalId, ProposalState
from appliance.errors import ApplianceError
from appliance.ports import State
from appliance.services.administration import Administration
from appliance.services.lockdowns import Lockdowns
from appliance.services.proposals import Answerer, Proposals

MAX_REASON = 200


class HostQueries:
    """Each method takes who asks and the words of the question; it may raise NotAllowed."""

    def __init__(
        self,
        state: State,
        administration: Administration,
        proposals: Proposals,
        lockdowns: Lockdowns,
    ) -> None:
        self._state = state
        self._administration = administration
        self._proposals = proposals
        self._lockdowns = lockdowns

    async def proposals(self, asker: UserName, _: Mapping[str, str]) -> dict[str, Json]:
        """Those that wait for an answer."""
        await self._administration.authorise(asker, LOOK_AT_GRANTS)
        return {"proposals": self._proposals.report()}

    async def accept(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """Confirm one, of somebody else or from somewhere else."""
        if (barred := self._lockdowns.refusal) is not None:
            raise ApplianceError(str(barred), hint="dispatchctl lockdown lift")
        return await self._answer(asker, words, is_accepted=True)

    async def reject(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        return await self._answer(asker, words, is_accepted=False)

    async def _answer(
        self, asker: UserName, words: Mapping[str, str], *, is_accepted: bool
    ) -> dict[str, Json]:
        who = await self._administration.authorise(asker, CONFIRM)
        proposal_id = ProposalId(words.get("id", ""))
        reply = await self._proposals.answer(
            proposal_id,
            Answerer(asker, Platform.TERMINAL, who),
            "",
            is_accepted=is_accepted,
            reason=readable(words.get("reason", ""))[:MAX_REASON],
        )
        after = self._state.proposal(proposal_id)
        wanted = ProposalState.APPLIED if is_accepted else ProposalState.REFUSED
        is_done = after is not None and after.state is wanted
        return {"said": reply.body.text, "is_done": is_done}

    async def grants(self, asker: UserName, _: Mapping[str, str]) -> dict[str, Json]:
        """What was granted so far."""
        await self._administration.authorise(asker, LOOK_AT_GRANTS)
        return {"lines": list(self._proposals.granted())}

    async def ungrant(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """Take one line out, and what is nothing without it."""
        who = await self._administration.authorise(asker, LOOK_AT_GRANTS)
        lines, line = self._proposals.granted(), words.get("line", "")
        if line not in lines:
            raise ApplianceError("there is no such line", hint="dispatchctl policy grants")
        await self._proposals.remove((line,), who)
        return {"lines": list(self._proposals.granted())}

    async def lockdown(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """Stop and refuse everything."""
        who = await self._administration.authorise(asker, LOCK_DOWN)
        was_held = self._lockdowns.refusal is not None
        await self._lockdowns.start(asker, who, readable(words.get("why", ""))[:MAX_REASON])
        return {"said": str(self._lockdowns.refusal), "was_held": was_held}

    async def lift(self, asker: UserName, _: Mapping[str, str]) -> dict[str, Json]:
        """Let things go on."""
        who = await self._administration.authorise(asker, LIFT)
        return {"was_held": await self._lockdowns.lift(asker, who)}
