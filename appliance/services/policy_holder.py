"""The policy as it is now: one reference to an immutable snapshot, replaced as a whole.

Whoever asks more than one question about one thing takes `current` once and asks that.
"""

from __future__ import annotations

from appliance.core.model import (
    Asks,
    Decision,
    ProjectName,
    Quota,
    Recipe,
    Request,
    ToolCall,
    UserName,
)
from appliance.ports import LivePolicy


class PolicyHolder:
    """Port `Policy`, by the newest snapshot."""

    def __init__(self, policy: LivePolicy) -> None:
        self._current = policy

    @property
    def current(self) -> LivePolicy:
        """The snapshot that holds now; it never changes."""
        return self._current

    def swap(self, policy: LivePolicy) -> None:
        """From now on this one holds."""
        self._current = policy

    def decide(self, request: Request) -> Decision:
        return self._current.decide(request)

    def as_run(self, call: ToolCall) -> ToolCall:
        return self._current.as_run(call)

    def may_approve(self, user: UserName, requester: UserName, asks: Asks) -> bool:
        return self._current.may_approve(user, requester, asks)

    def approvers(self, requester: UserName, asks: Asks) -> tuple[UserName, ...]:
        return self._current.approvers(requester, asks)

    def recipes(self) -> tuple[Recipe, ...]:
        return self._current.recipes()

    def quotas(self, user: UserName, project: ProjectName | None) -> tuple[Quota, ...]:
        return self._current.quotas(user, project)
