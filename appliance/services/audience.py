"""Where people are asked something about a job, and who may answer there."""

from __future__ import annotations

from appliance.core.jobs import Job
from appliance.core.model import Actor, Asks, Phrase, Place, Platform, UserName
from appliance.core.replies import about_approvals
from appliance.ports import Policy, State


def places_to_ask(job: Job, asks: Asks, policy: Policy, state: State) -> list[Place]:
    """The job's own place, and where those were heard last who may answer if its requester may not.

    The job's place comes first: it is told in any case.
    """
    places = [job.place]
    if policy.may_approve(job.requester, job.requester, asks):
        return places
    platforms = asks.via or tuple(Platform)
    for user in policy.approvers(job.requester, asks):
        place = state.place_of(user, platforms)
        if place is not None and place not in places:
            places.append(place)
    return places


def why_not_theirs(actor: Actor, requester: UserName, asks: Asks, policy: Policy) -> Phrase | None:
    """Why somebody may not answer what was asked for `requester`; None: they may, from there."""
    if not policy.may_approve(actor.name, requester, asks):
        return about_approvals.not_yours_to_answer(policy.approvers(requester, asks))
    if asks.via and actor.sender.platform not in asks.via:
        return about_approvals.not_from_here(asks.via)
    return None
