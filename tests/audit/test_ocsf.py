"""Events fit the definition of OCSF 1.7.0, of which `tests/data/ocsf` holds what we use."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.ocsf import OCSF_VERSION, event, write_ocsf
from appliance.audit.rows import rows
from appliance.core.events import Event, JobFinished, MessageReceived, Who
from appliance.core.records import leaf_hash
from tests.attacks.audit.intruder import run
from tests.audit.every_event import every_event
from tests.audit.json_schema import mistakes
from tests.audit.lives import life
from tests.audit.logs import ANNA, allowed, denied, sample, write
from tests.fakes import FakeClock

SCHEMA = json.loads(
    (Path(__file__).parents[1] / f"data/ocsf/api_activity-{OCSF_VERSION}.schema.json").read_text()
)


def exported(path: Path) -> list[dict[str, Any]]:
    out = io.StringIO()
    write_ocsf(rows(path), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def of(directory: Path, *events: Event) -> list[dict[str, Any]]:
    """The OCSF events of these events, without those of the log itself."""
    return exported(write(directory, [events], FakeClock()))[1:-1]


def test_every_kind_of_event_fits_the_definition(tmp_path: Path) -> None:
    found = exported(write(tmp_path, [every_event(), life(1)], FakeClock()))
    assert [problem for one in found for problem in mistakes(one, SCHEMA)] == []


def test_every_id_has_its_caption_and_types_are_class_and_activity(tmp_path: Path) -> None:
    for found in exported(write(tmp_path, [every_event()], FakeClock())):
        assert found["type_uid"] == 600300 + found["activity_id"]
        for name in ("status", "severity", "action", "disposition"):
            assert (name in found) == (f"{name}_id" in found)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"class_uid": 6004}, "$.class_uid: 6004 is not 6003"),
        ({"status_id": 7}, "$.status_id: 7 is none of [0, 1, 2, 99]"),
        ({"who": "me"}, "$: there is no attribute who"),
        ({"actor": {}}, "$.actor: none of"),
        ({"time": "now"}, "$.time: 'now' is no integer"),
    ],
)
def test_the_definition_finds_mistakes(
    changes: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    found = of(tmp_path, allowed(1))[0]
    assert problem in " ".join(mistakes(found | changes, SCHEMA))


def test_a_denial_says_who_what_under_which_rule_and_why(tmp_path: Path) -> None:
    found = of(tmp_path, denied(3))[0]
    assert found["actor"]["user"] == {
        "name": "agent",
        "type_id": 99,
        "type": "Agent",
        "uid": "job:3",
    }
    assert (found["action"], found["disposition"], found["status"]) == (
        "Denied",
        "Blocked",
        "Failure",
    )
    assert found["policy"]["uid"] == "policies/default.csv:20"
    assert found["actor"]["authorizations"][0]["policy"] == found["policy"]
    assert found["api"]["operation"] == "bash"
    assert found["api"]["response"]["error_message"] == "never"
    assert {"type": "bash", "name": "rm -rf /"} in found["resources"]
    assert found["metadata"]["correlation_uid"] == "job:3"


def test_the_platform_of_a_person_is_the_source(tmp_path: Path) -> None:
    found = of(tmp_path, MessageReceived(who=ANNA, key="telegram:1:1", place="p", text="hello"))[0]
    assert found["src_endpoint"] == {"svc_name": "telegram", "uid": "telegram:4711"}
    assert found["api"]["request"] == {"uid": "telegram:1:1"}
    assert found["unmapped"]["values"] == {"text": "hello"}


def test_a_job_has_its_duration_and_its_costs(tmp_path: Path) -> None:
    found = of(
        tmp_path,
        JobFinished(
            who=Who.agent(7),
            job=7,
            cost_microdollars=5,
            input_tokens=1,
            output_tokens=2,
            duration_ms=4_000,
            answer_sha256="",
            session="s-1",
        ),
    )[0]
    assert found["duration"] == 4_000
    assert found["unmapped"]["cost_microdollars"] == 5
    assert found["actor"]["session"] == {"uid": "s-1"}


def test_an_event_can_be_checked_against_the_log(tmp_path: Path) -> None:
    path = sample(tmp_path)
    leaves = {row.seq: row.leaf for row in rows(path)}
    for found in exported(path):
        raw = found["raw_data"].encode()
        integrity = found["enrichments"][0]["data"]
        assert sha256(raw).hexdigest() == found["raw_data_hash"]["value"]
        assert leaf_hash(raw).hex() == integrity["leaf_hash"]
        assert leaves[integrity["seq"]].hex() == integrity["leaf_hash"]
        assert integrity["head"]["size"] >= integrity["seq"]


def test_what_was_redacted_or_pruned_is_not_made_up(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "UPDATE leaf SET rec=NULL WHERE seq=2", "DELETE FROM payload")
    found = exported(path)
    assert [one["metadata"]["sequence"] for one in found[:2]] == [1, 3]
    assert {"input": "missing"} in [one.get("unmapped", {}).get("gone") for one in found]


def test_an_event_without_a_head_says_nothing_of_one(tmp_path: Path) -> None:
    path = sample(tmp_path)
    run(path, "UPDATE leaf SET root=NULL, sig=NULL")
    row = next(rows(path))
    assert row.record is not None
    assert '"head"' not in json.dumps(event(row, row.record)["enrichments"])
