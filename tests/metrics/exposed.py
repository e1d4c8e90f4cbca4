"""What a registry exposes, as the official parser of Prometheus reads it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[str, float]


def exposed(registry: CollectorRegistry) -> Samples:
    return samples(generate_latest(registry).decode())


def samples(text: str) -> Samples:
    """Each sample by its name and labels, such as "dispatch_jobs project=demo state=queued"."""
    return {
        " ".join([sample.name, *sorted(f"{k}={v}" for k, v in sample.labels.items())]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
