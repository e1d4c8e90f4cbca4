"""What is told to a monitoring system, and where: nothing without [metrics].

The package `metrics` is imported only where it is set, because of what it brings.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.app.daemon import Part
from appliance.config import Settings
from appliance.policy.tools import act_of
from appliance.ports import Clock, Dial, State
from appliance.services.health import Health
from appliance.services.observed import Onlooker


class Meter:
    """`onlookers` count what is recorded, from the beginning; `parts` serves the numbers."""

    def __init__(self, settings: Settings, state: State, clock: Clock) -> None:
        self.onlookers: Sequence[Onlooker] = ()
        self._listen = settings.metrics.listen if settings.metrics else ""
        if self._listen:
            self._begin(settings, state, clock)

    def parts(self, dials: Sequence[Dial], health: Health) -> Sequence[Part]:
        if not self._listen:
            return ()
        from appliance.metrics.dials import DialCollector
        from appliance.metrics.site import MetricsSite

        self._registry.register(DialCollector(dials))
        return [Part("metrics", MetricsSite(self._listen, self._registry, health.ailment).run)]

    def _begin(self, settings: Settings, state: State, clock: Clock) -> None:
        from appliance.metrics.counters import Counters
        from appliance.metrics.registry import new_registry

        self._registry = new_registry()
        projects = tuple(settings.workplaces)
        counters = Counters(self._registry, projects, state.job, state.approval, act_of, clock)
        self.onlookers = (counters.saw,)
