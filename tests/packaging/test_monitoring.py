"""The dashboard and the alerts ask for numbers that a real daemon tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.app.journal import FIELDS
from appliance.app.room import WARNED_BYTES
from tests.journeys.house import House
from tests.journeys.test_metrics import METRICS, get

PACKAGING = Path(__file__).parents[2] / "packaging"
DASHBOARD = json.loads((PACKAGING / "grafana/dispatch-appliance.json").read_text())
ALERTS = (PACKAGING / "prometheus/alerts.yml").read_text()
OF_PROMETHEUS = {"up", "instance", "job"}  # each target has them
NAME = re.compile(r"\b(?:dispatch|process)_[a-z_]+\b")
LABELS = re.compile(r"\{([^{}$]*)\}|\b(?:by|on) \(([^()]*)\)")


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"].replace('instance=~"$instance"', 'instance=""')
    # the expressions of YAML, folded ones included, end where the next key begins
    yield from re.findall(r"expr: (.*?)\n +(?:for|labels):", ALERTS, re.DOTALL)


def names(expression: str) -> set[str]:
    without_labels = LABELS.sub("", re.sub(r'"[^"]*"', '""', expression))
    return set(NAME.findall(without_labels))


def labels(expression: str) -> set[str]:
    found: set[str] = set()
    for selector, grouping in LABELS.findall(expression):
        found |= set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        found |= set(re.findall(r"\w+", grouping))
    return found


async def test_all_that_is_asked_for_exists(tmp_path: Path) -> None:
    async with House(tmp_path, None, sections=METRICS) as house:
        _, text = await get(house, "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    known = set(families)
    for family in families.values():
        if family.type == "counter":
            known |= {f"{family.name}_total"}
        if family.type == "histogram":
            known |= {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
    asked = set().union(*map(names, expressions()))
    assert asked - known == set()
    shown = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in asked}
    ours = {name for name in families if name.startswith("dispatch_")}
    assert ours - shown == set(), "a number that nobody looks at"
    assert labels_asked_for() <= set(labels_of_samples(text)) | OF_PROMETHEUS | {"le"}


def labels_asked_for() -> set[str]:
    return set().union(*map(labels, expressions()))


def labels_of_samples(text: str) -> Iterator[str]:
    """Of counters without a value yet, too: those are told by what counts them."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield from sample.labels
    yield from ("act", "effect", "sink", "result", "direction", "platform")


def test_every_panel_has_a_number_and_a_place() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(panel["title"] and panel["targets"] for panel in panels())
    squares = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(squares)) == len(squares), "two panels lie on each other"
    assert max(x for x, _ in squares) < 24


def test_no_panel_is_tied_to_one_installation() -> None:
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}
    every = [target["expr"] for panel in panels() for target in panel["targets"]]
    assert all('instance=~"$instance"' in expression for expression in every)


@pytest.mark.parametrize(
    "what", ["AuditNotWritable", "AnchorOld", "QueueStuck", "DiskLow", "SleepsAlthoughThereIsWork"]
)
def test_what_must_wake_somebody_does(what: str) -> None:
    assert f"alert: Dispatch{what}\n" in ALERTS


def test_alerts_say_what_they_mean_and_what_to_do() -> None:
    alerts = ALERTS.split("- alert: ")[1:]
    assert alerts
    for alert in alerts:
        for line in ("expr: ", "labels: {severity: ", 'summary: "', 'description: "'):
            assert line in alert, alert


def test_the_disk_is_low_when_the_doctor_says_so() -> None:
    assert f"dispatch_disk_free_bytes < {WARNED_BYTES // 10**6}e6" in ALERTS


def test_the_fields_of_the_journal_are_those_of_the_man_page() -> None:
    page = (PACKAGING / "man/dispatchd.8").read_text()
    asked = set(re.findall(r"\b([A-Z]+)=", page))
    assert {name.upper() for name in FIELDS} == asked
