"""What can be read at any time, as Prometheus takes it: read when it asks, not before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.errors import StorageUnavailable
from appliance.metrics.counters import PREFIX
from appliance.ports import Dial


class DialCollector(Collector):
    """A dial that cannot be read now is left out: no number is better than a wrong one."""

    def __init__(self, dials: Sequence[Dial]) -> None:
        self._dials = dials

    def collect(self) -> Iterator[Metric]:
        for dial in self._dials:
            family = _family(dial)
            try:
                for values, number in dial.read().items():
                    family.add_metric(values, number)
            except StorageUnavailable:
                continue
            yield family

    def describe(self) -> Iterator[Metric]:
        """Their names, so that none is there twice; nothing is read for it."""
        return map(_family, self._dials)


def _family(dial: Dial) -> GaugeMetricFamily | CounterMetricFamily:
    kind = CounterMetricFamily if dial.only_grows else GaugeMetricFamily
    return kind(PREFIX + dial.name, dial.summary, labels=dial.labels)
