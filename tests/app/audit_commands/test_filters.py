from __future__ import annotations

import argparse
from dataclasses import fields

import pytest

from appliance.app.audit_commands.filters import add_filters, filter_of
from appliance.audit.search import Filter
from appliance.core.model import Millis
from appliance.core.records import Outcome
from appliance.errors import ApplianceError

NOW = Millis(1_800_000_000_000)


def parsed(*arguments: str) -> Filter:
    parser = argparse.ArgumentParser()
    add_filters(parser)
    return filter_of(parser.parse_args(arguments), NOW)


def test_nothing_given_is_no_filter() -> None:
    assert parsed() == Filter()


def test_every_option_is_a_field_of_the_filter() -> None:
    found = parsed(
        *("--who", "anna", "--project", "web", "--job", "12", "--tool", "Bash"),
        *("--rule", "default.csv:14", "--kind", "request", "--outcome", "denied"),
        *("--since", "1d", "--until", "1h", "--text", "rm"),
    )
    assert found == Filter(
        who="anna",
        project="web",
        job=12,
        tool="Bash",
        rule="default.csv:14",
        kind="request",
        outcome=Outcome.DENIED,
        since=Millis(NOW - 86_400_000),
        until=Millis(NOW - 3_600_000),
        text="rm",
    )


def test_every_field_that_people_ask_for_has_an_option() -> None:
    parser = argparse.ArgumentParser()
    add_filters(parser)
    inner = {"message"}  # keys of messages are for the story of a job
    assert {f.name for f in fields(Filter)} - inner == parser.parse_args([]).__dict__.keys()


def test_an_unknown_outcome_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ApplianceError, match="no outcome called fine") as caught:
        parsed("--outcome", "fine")
    assert "denied" in str(caught.value.hint)
