"""`why`: every part, its rules, and advice that works; the self-test of denials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.model import Allowed, Asks, Denied, Platform, Request, ToolCall
from appliance.errors import PolicyError
from appliance.policy.explain import selftest, why
from tests.policy import policies_on_disk as disk

OWNER = "g, me, owner"
OTHER = "p, owner, *, chat, /help, allow"


@pytest.mark.parametrize("kind", ["bash", "options", "outside", "protected", "chat", "web", "mcp"])
def test_the_advised_line_allows_the_part(tmp_path: Path, kind: str) -> None:
    requests: dict[str, Request] = {
        "bash": disk.bash(tmp_path, "make test"),
        "options": disk.bash(tmp_path, "git log --output=x"),
        "outside": disk.tool(tmp_path, "Read", file_path="/etc/hosts"),
        "protected": disk.tool(tmp_path, "Write", file_path=".git/config", content=""),
        "chat": disk.chat("/deploy prod"),
        "web": disk.tool(tmp_path, "WebFetch", url="https://docs.python.org/"),
        "mcp": disk.tool(tmp_path, "mcp__github__get_issue"),
    }
    explanation = why(disk.policy(tmp_path, OWNER, OTHER), requests[kind])
    (part,) = explanation.parts
    assert (part.verdict, part.advice) == ("deny", f"add the line  {part.line}")
    after = disk.policy(tmp_path, OWNER, OTHER, part.line).decide(requests[kind])
    assert isinstance(after, Allowed)


def test_a_strict_rule_is_named_as_the_one_to_narrow(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, bash, **, deny")
    (part,) = why(policy, disk.bash(tmp_path, "ls")).parts
    assert part.advice == "narrow or remove policies/rules.csv:2: the strictest rule wins"


def test_an_approval_that_is_closed_says_when_it_can_be_asked_for(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, OWNER, "g, lea, lead", "p, lead, *, chat, /help, allow",
        "p, owner, *, bash, git push **, approve, by=lead hours=09:00-17:00 days=mon-fri",
        "p, owner, *, bash, git push **, approve, by=lead via=web",
        "p, owner, *, bash, git **, allow", "p, owner, *, bash, **, approve, fallback",
        users=("me", "lea"),
    )  # fmt: skip
    request = disk.bash(tmp_path, "git push")
    explanation = why(policy, request)
    (part,) = explanation.parts
    assert isinstance(explanation.decision, Denied)
    assert "rule policies/rules.csv:4 asks for approval, but only 09:00-17:00 on mon-fri" in (
        explanation.decision.reason
    )
    assert explanation.decided == part
    assert [rule.rule.line for rule in part.rules] == [4, 5]
    assert part.silent == ()
    assert part.advice.startswith(
        "it can be asked for only 09:00-17:00 on mon-fri or from web (policies/rules.csv:4, "
    )
    assert isinstance(why(policy, replace(request, via=Platform.WEB)).decision, Asks)


def test_it_is_told_about_what_would_run(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, OTHER)
    (tmp_path / "demo" / "src").mkdir()
    request = disk.bash(tmp_path, "cd src; ls *.py")
    parts = [part.text for part in why(policy, request).parts]
    call = ToolCall("1", "Bash", request.input, request.cwd)
    as_run = replace(request, input=policy.as_run(call).input)
    assert "ls './*.py'" in parts
    assert why(policy, as_run) == why(policy, request)


def test_what_is_not_understood_cannot_be_advised(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, OTHER)
    (part,) = why(policy, disk.bash(tmp_path, "eval ls")).parts
    assert "not understood" in part.advice
    (part,) = why(policy, disk.bash(tmp_path, "make 'a b'")).parts
    assert "no rule can name this exactly" in part.advice


def test_somebody_without_a_role_is_told_so(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, OTHER, users=("me", "bob"))
    (part,) = why(policy, disk.bash(tmp_path, "ls", user="bob")).parts
    assert part.advice == "bob has no role: add a line  g, bob, ROLE"


def test_every_deny_rule_is_fired_once(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, OWNER, "p, owner, *, bash, **, allow",
        "p, *, *, bash, rm|dd -* **, deny", "p, owner, demo, write, infra/**/*.tf, deny",
        "p, owner, *, web, *.example, deny", "p, owner, *, chat, /deploy **, deny",
        "p, owner, *, mcp, github/*, deny",
    )  # fmt: skip
    assert selftest(policy) == 5
    assert selftest(disk.shipped(tmp_path)) == 0


def test_a_denial_that_holds_at_certain_times_only_is_fired_too(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, OWNER, "p, owner, *, bash, **, allow",
        "p, *, *, bash, git push **, deny, hours=22:00-06:00 days=sat,sun via=web",
        "p, *, *, bash, make **, deny, until=2001-01-31",
    )  # fmt: skip
    assert selftest(policy) == 2


def test_a_denial_that_refuses_nothing_stops_the_start(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, bash, make **, deny")
    policy.engine._index.clear()
    with pytest.raises(PolicyError, match=r"rules.csv:2: this rule does not deny what it names"):
        selftest(policy)
