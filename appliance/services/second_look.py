"""Judges a job again whose turn has come.

While it waited in line, its sender may have been unpaired, the policy changed, and money spent.
"""

from __future__ import annotations

from appliance.core.approvals import what_asks
from appliance.core.commands import CallRecipe, Command
from appliance.core.jobs import Job
from appliance.core.model import Allowed, CommandRequest, Denied, Program
from appliance.core.parsing import parse
from appliance.ports import Clock, Policy
from appliance.services.allowance import Allowance
from appliance.services.approvals import Approvals
from appliance.services.drafts import program_of
from appliance.services.people import People
from appliance.services.refusals import Refusals


class SecondLook:
    """Asks of a job what was asked when it was let in. It was counted then, and is not again."""

    def __init__(
        self,
        policy: Policy,
        people: People,
        approvals: Approvals,
        allowance: Allowance,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._people = people
        self._approvals = approvals
        self._allowance = allowance
        self._refusals = refusals
        self._clock = clock

    def why_not(self, job: Job) -> Denied | None:
        """Why it may not start any more; None: it may."""
        if self._people.name_of(job.sender) != job.requester:
            return Denied(None, f"{job.sender} is no account of {job.requester} any more")
        decision = self._policy.decide(self._request(job))
        command = parse(job.words, self._policy.recipes())
        if isinstance(job.work, Program) and not _is_for(command, job.work):
            return Denied(None, f"{job.words} is not what it was when you sent it; send it again")
        if isinstance(decision, Allowed):
            decision = what_asks(decision, command) or decision
        given = self._approvals.given_for(job.id)
        denied = self._approvals.why_not_any_more(decision, given)
        if denied is not None or isinstance(job.work, Program):
            return denied
        return self._allowance.over_cost(job.requester, job.project)

    def note_refusal(self, job: Job, denied: Denied) -> None:
        """So that /why explains it. Inside the transaction that tells the place so."""
        self._refusals.note(job.place, self._request(job), denied)

    def _request(self, job: Job) -> CommandRequest:
        return CommandRequest(
            job.requester, job.project, job.words, job.sender.platform, self._clock.now()
        )


def _is_for(command: Command, work: Program) -> bool:
    """Whether the words still call the same recipe, and it still runs the same."""
    return isinstance(command, CallRecipe) and program_of(command) == work
