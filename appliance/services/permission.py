"""Whether the policy lets somebody say something: asked of it without doing anything."""

from __future__ import annotations

from appliance.core.model import Actor, CommandRequest, Denied, ProjectName
from appliance.ports import Clock, Policy


def may_say(
    words: str, actor: Actor, project: ProjectName | None, policy: Policy, clock: Clock
) -> bool:
    """Also what would have to be approved then."""
    via = actor.sender.platform
    request = CommandRequest(actor.name, project, words, via, clock.now())
    return not isinstance(policy.decide(request), Denied)
