"""The last refusal of each place, kept to be explained by /why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from appliance.core.model import Denied, Place, Reply, Request
from appliance.core.replies import about_requests
from appliance.ports import Clock, Policy, Refusal, State

Advice = Callable[[Request], Sequence[str]]
"""What would have allowed a request, one line for each part of it that is not allowed."""


class Refusals:
    """`note` what was refused, `explain` it later by the policy of that moment."""

    def __init__(self, state: State, policy: Policy, advice: Advice, clock: Clock) -> None:
        self._state = state
        self._policy = policy
        self._advice = advice
        self._clock = clock

    def note(self, place: Place, request: Request, denied: Denied) -> None:
        """Inside the transaction that tells the place so."""
        self._state.save_refusal(place, Refusal(self._clock.now(), request, denied))

    def explain(self, place: Place) -> Reply:
        """What was refused here last, by which rule, and what would have allowed it."""
        refusal = self._state.refusal(place)
        if refusal is None:
            return about_requests.nothing_refused()
        now = self._clock.now()
        age, today = now - refusal.at, replace(refusal.request, at=now)
        is_refused = isinstance(self._policy.decide(today), Denied)
        advice = self._advice(today) if is_refused else ()
        return about_requests.explained(
            refusal.request, refusal.denied, age, advice, is_refused_now=is_refused
        )
