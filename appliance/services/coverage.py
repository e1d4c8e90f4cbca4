"""How much of the log is kept outside of it, and for how long some of it has not been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.core.events import AnchorPosted, Event, PostFailed, WakeHeld, WakeReleased
from appliance.core.model import Millis
from appliance.ports import Clock, Receipt

ASKS_FOR_NONE = (AnchorPosted, PostFailed, WakeHeld, WakeReleased)
"""What is recorded past `Activity`: no checkpoint is posted because of it."""


class Coverage:
    """An onlooker of the log (`services.observed`). Knows what has happened since the start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0  # the last record that is to be covered
        self._covered = 0
        self._uncovered_since: Millis | None = None
        self._sizes: dict[str, int] = {}
        self._times: dict[str, Millis] = {}

    def saw(self, events: Sequence[Event], receipt: Receipt) -> None:
        for event in events:
            if isinstance(event, AnchorPosted):
                self._anchored(event)
        if not all(isinstance(event, ASKS_FOR_NONE) for event in events):
            self._last = receipt.seq
            if self._uncovered_since is None:
                self._uncovered_since = self._clock.now()

    def uncovered_seconds(self) -> float:
        """For how long there have been records that no sink has, 0 when there are none."""
        since = self._uncovered_since
        return 0.0 if since is None else (self._clock.now() - since) / 1000

    def sizes(self) -> Mapping[str, int]:
        """How many records the newest checkpoint covers that each sink has confirmed."""
        return self._sizes

    def times(self) -> Mapping[str, Millis]:
        """When each sink confirmed that."""
        return self._times

    def _anchored(self, event: AnchorPosted) -> None:
        now = self._clock.now()
        self._sizes[event.sink], self._times[event.sink] = event.size, now
        self._covered = max(self._covered, event.size)
        if self._covered >= self._last:
            self._uncovered_since = None
        elif event.size == self._covered:
            self._uncovered_since = now  # what is left came after this checkpoint
