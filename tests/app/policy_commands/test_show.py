"""`policy show`: every rule about a user."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Policy = Callable[..., int]
Captured = pytest.CaptureFixture[str]


def test_the_rules_of_a_user_are_shown_by_act(policy: Policy, capsys: Captured) -> None:
    assert policy("show", "--as", "night") == 0
    out = capsys.readouterr().out
    assert out.startswith("night (an automation; roles: dev)\n\nchat\n  allow    /git ** in demo")
    assert "  approve  git push ** in demo (by=lead*2 ttl=10m)" in out
    assert "  deny     git push --force **" in out
    assert out.endswith(
        "\nNo rule speaks of write, web, net, mcp, agent, tool, admin: all of that is\ndenied.\n"
    )
    assert all(len(line) <= 80 for line in out.splitlines())


def test_as_json_every_rule_says_where_it_stands(policy: Policy, capsys: Captured) -> None:
    assert policy("show", "--as", "vic", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["roles"], found["automation"]) == ([], False)
    assert [(rule["at"], rule["effect"]) for rule in found["rules"]] == [
        ("policies/rules.csv:10", "deny")
    ]


def test_what_a_user_may_use_up_is_shown(policy: Policy, settings: Path, capsys: Captured) -> None:
    with (settings.parent / "policies/rules.csv").open("a") as rules:
        rules.write("q, dev, demo, commands=100/h cost=5.00/day\nq, *, *, cost=20/day\n")
        rules.write("q, owner, *, commands=1/h\n")
    assert policy("show", "--as", "dan") == 0
    shown = capsys.readouterr().out.partition("\nquotas\n")[2].splitlines()
    assert [line.split(" policies/")[0].split() for line in shown[:2]] == [
        ["cost=20/day"],
        ["commands=100/h", "cost=5.00/day", "in", "demo"],
    ]
    assert policy("show", "--as", "dan", "--json") == 0
    found = json.loads(capsys.readouterr().out)["quotas"]
    assert [(q["measure"], q["limit"], q["seconds"], q["project"]) for q in found] == [
        ("cost", 20_000_000, 86400, None),
        ("commands", 100, 3600, "demo"),
        ("cost", 5_000_000, 86400, "demo"),
    ]
    assert {quota["at"] for quota in found} == {"policies/rules.csv:16", "policies/rules.csv:15"}


def test_somebody_unknown_is_named_with_the_nearest(policy: Policy, capsys: Captured) -> None:
    assert policy("show", "--as", "nigth") == 1
    assert 'no user is called "nigth", did you mean "night"?' in capsys.readouterr().err
