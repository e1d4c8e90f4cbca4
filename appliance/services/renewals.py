"""Asking again for what nobody approved in time: no approval is made up in advance.

The job is drafted anew, or its agent is told to make the call again; then the question comes as
any other. It is recorded, happens once, and needs what starting the work would need.
"""

from __future__ import annotations

from appliance.core.approvals import ApprovalState
from appliance.core.events import ApprovalRenewed, Who
from appliance.core.model import Click, Reply
from appliance.core.replies import about_details
from appliance.core.words import say
from appliance.ports import Audit, State
from appliance.services.approvals import Approvals
from appliance.services.cases import Case
from appliance.services.outbox import Outbox


class Renewals:
    """Sees to it that each expired question is asked again at most once."""

    def __init__(self, state: State, audit: Audit, approvals: Approvals, outbox: Outbox) -> None:
        self._state = state
        self._audit = audit
        self._approvals = approvals
        self._outbox = outbox

    async def take(self, case: Case) -> Reply | None:
        """What is to be said instead, or None: this request is the one that asks again.

        It stays the one when it is handled once more after a crash. Raises AuditUnavailable.
        """
        if case.wish.renews is None:
            return None
        approval = self._state.approval(case.wish.renews)
        key = case.incoming.key
        if approval is not None and approval.renewed_by == key:
            return None
        is_expired = approval is not None and approval.state is ApprovalState.EXPIRED
        if approval is None or not is_expired or approval.renewed_by:
            return say(about_details.nothing_to_renew(approval))
        await self._audit.append(
            ApprovalRenewed(
                who=Who.user(case.actor),
                cause=(key, f"job:{approval.job}", f"approval:{approval.id}"),
                approval=approval.id,
                job=approval.job,
            )
        )
        with self._state.transaction():
            self._approvals.mark_renewed(approval, key)
            if isinstance(case.incoming, Click):
                self._outbox.toast(case.incoming.place, key, say(about_details.asking_again()))
        return None
