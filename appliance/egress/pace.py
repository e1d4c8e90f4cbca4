"""How fast a task may open connections: each is judged and recorded, and the log is on a disk."""

from __future__ import annotations

import math


class Pace:
    """So many at once, then so many per second (the generic cell rate algorithm)."""

    def __init__(self, burst: int, per_second: int) -> None:
        self._interval = 1 / per_second
        self._slack = burst * self._interval
        self._free_at = -math.inf

    def wait_seconds(self, now: float) -> float:
        """How long the next one has to wait; it counts as let through then."""
        self._free_at = max(self._free_at, now - self._slack) + self._interval
        return max(0.0, self._free_at - now)
