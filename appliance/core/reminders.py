"""When people are reminded of a question that is still open: twice at most."""

from __future__ import annotations

from appliance.core.approvals import Approval
from appliance.core.model import Millis

LAST_CALL_MS = 10 * 60 * 1000
"""Before its end; of what lives shorter, the last tenth."""
SHORTEST_MS = 30 * 1000
"""Somebody who is called must have that long to answer."""


def moments(approval: Approval) -> tuple[Millis, ...]:
    """Half-way, and near its end; only the first where the end would be too near."""
    life = approval.expires_at - approval.asked_at
    half = Millis(approval.asked_at + life // 2)
    left = min(LAST_CALL_MS, life // 10)
    if left >= SHORTEST_MS:
        return half, Millis(approval.expires_at - left)
    return (half,) if life // 2 >= SHORTEST_MS else ()
