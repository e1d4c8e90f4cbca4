from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit.search import (
    Entry,
    Filter,
    Projects,
    facets_of,
    folded,
    job_of,
    message_key,
    text_of,
    tool_of,
)
from appliance.core.approvals import JOB_ITSELF
from appliance.core.events import (
    ApprovalAsked,
    Event,
    JobInterrupted,
    MessageReceived,
    RequestDenied,
    ToolStarted,
    Who,
)
from appliance.core.model import Millis
from appliance.core.records import NO_PREVIOUS, SALT_BYTES, Record, chain, decode, draft
from tests.audit.lives import life
from tests.audit.logs import ANNA, allowed, denied, queued

AGENT = Who.agent(7)


def recorded(event: Event) -> Record:
    item = draft(event, lambda: bytes(SALT_BYTES))
    ((_, encoded, _),) = chain([item], "log", "boot", Millis(1_000), 1, 1, NO_PREVIOUS)
    return decode(encoded)


def asked(request: str) -> ApprovalAsked:
    return ApprovalAsked(
        who=AGENT,
        cause=("k", "job:7"),
        approval="A",
        job=7,
        request=request,
        object="Bash",
        project="web",
        directory="/",
        rule="",
        input_sha256="",
        expires_at=0,
    )


FOREIGN = RequestDenied(
    who=ANNA, cause=("job:7",), act="approve", object="A", project="", rule="", reason="no"
)


@pytest.mark.parametrize(
    ("event", "job", "tool", "key"),
    [
        (queued(7), 7, "", ""),
        (allowed(3), 0, "bash", "telegram:1:3"),
        (denied(7), 7, "bash", ""),
        (ToolStarted(who=AGENT, job=7, request="t", tool="Read"), 7, "Read", ""),
        (asked("t"), 7, "Bash", "k"),
        (asked(JOB_ITSELF), 7, "", "k"),
        (FOREIGN, 7, "", ""),
        (MessageReceived(who=ANNA, key="k", place="p"), 0, "", "k"),
        (JobInterrupted(cause=("k",), job=7, reason=""), 7, "", "k"),
        (JobInterrupted(cause=("job:x", "job:", "approval:A"), job=0, reason=""), 0, "", ""),
    ],
)
def test_a_record_knows_its_job_its_tool_and_its_message(
    event: Event, job: int, tool: str, key: str
) -> None:
    record = recorded(event)
    assert (job_of(record), tool_of(record), message_key(record)) == (job, tool, key)


def test_a_rule_is_found_by_its_place_and_by_its_file() -> None:
    facets = facets_of(recorded(allowed()))
    for rule in (
        "policies/default.csv:14",
        "default.csv:14",
        "policies/default.csv",
        "default.csv",
    ):
        assert f"rule:{rule}" in facets
    assert "rule:policies" not in facets


def test_a_project_is_that_of_the_job_as_it_was_at_that_time() -> None:
    projects = Projects(lambda job: "earlier")
    call = recorded(ToolStarted(who=AGENT, job=7, request="", tool=""))
    assert "project:earlier" in projects.facets(call)
    assert "project:web" in projects.facets(recorded(queued(7)))
    assert "project:web" in projects.facets(call)
    assert not any(facet.startswith("project:") for facet in facets_of(call))


def test_a_filter_wants_all_that_is_given() -> None:
    entry = Entry(recorded(allowed()), {"input": "Git LOG -1"})
    facets = facets_of(entry.record)
    for wanted, fits in (
        (Filter(), True),
        (Filter(who="anna", tool="BASH", text="git log -1"), True),
        (Filter(who="anna", tool="read"), False),
        (Filter(since=Millis(1_000), until=Millis(1_001)), True),
        (Filter(until=Millis(1_000)), False),
        (Filter(text="nowhere"), False),
    ):
        assert wanted.fits(entry, facets) == fits


def test_text_is_everything_that_people_wrote_or_saw() -> None:
    event = life(12)[2]
    text = text_of(Entry(recorded(event), event.secrets()))
    for words in ("telegram:bot:9012", "kq7m12", "operator", "/srv/web", "tests are green"):
        assert words in text


@given(st.text())
def test_folded_text_can_be_stored_and_folding_twice_changes_nothing(text: str) -> None:
    once = folded(text)
    assert "\0" not in once.encode().decode()
    assert folded(once) == once
