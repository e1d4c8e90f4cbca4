"""`policy who-can`: everybody's verdict, and who may approve."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Policy = Callable[..., int]
Captured = pytest.CaptureFixture[str]


def test_everybody_is_told_whoever_may_first(policy: Policy, capsys: Captured) -> None:
    assert policy("who-can", "bash", "git push") == 0
    assert capsys.readouterr().out == (
        "approve  dan    dev: policies/rules.csv:9, 2 of ann, lea may approve\n"
        "approve  night  dev: policies/rules.csv:9, 2 of ann, lea may approve\n"
        "deny     ann    dev, lead, owner: policies/rules.csv:9\n"
        "deny     lea    dev, lead: policies/rules.csv:9\n"
        "deny     vic    no role: no rule allows it\n"
    )


@pytest.mark.parametrize(
    ("act", "given", "may"),
    [
        ("chat", "/git log", ["ann", "dan", "lea", "night"]),
        ("read", "src/a.py", ["ann", "dan", "lea", "night"]),
        ("admin", "pair telegram", ["ann"]),
    ],
)
def test_as_json_every_user_has_a_verdict(
    policy: Policy, capsys: Captured, act: str, given: str, may: list[str]
) -> None:
    assert policy("who-can", act, given, "--project", "demo", "--json") == 0
    found = json.loads(capsys.readouterr().out)["users"]
    assert [one["user"] for one in found] == ["ann", "dan", "lea", "night", "vic"]
    assert [one["user"] for one in found if one["verdict"] == "allow"] == may


@pytest.mark.parametrize("act", ["web", "mcp", "agent", "tool", "write"])
def test_what_nobody_may_is_status_1(policy: Policy, capsys: Captured, act: str) -> None:
    assert policy("who-can", act, "a/b") == 1
    assert capsys.readouterr().out.count("deny") == 5


def test_an_unknown_act_is_named_with_the_nearest(policy: Policy, capsys: Captured) -> None:
    assert policy("who-can", "bahs", "ls") == 1
    assert 'there is no act "bahs", did you mean "bash"?' in capsys.readouterr().err
