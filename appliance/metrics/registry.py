"""Where the metrics are put together."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics


def new_registry() -> CollectorRegistry:
    """One of our own. It tells of this process by itself, where there is a /proc.

    Without a second series for each counter that says when it began: that is known from
    process_start_time_seconds.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
