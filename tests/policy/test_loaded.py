"""Decisions and approvals of whole policies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.core.model import (
    AdminRequest,
    Allowed,
    Asks,
    Decision,
    Denied,
    Platform,
    Rate,
    Rule,
    UserName,
)
from appliance.policy.loader import load
from tests.policy import policies_on_disk as disk

OWNER = "g, me, owner"


def _line(decision: Decision) -> int:
    assert decision.rule is not None
    return decision.rule.line


def test_the_strictest_matching_rule_wins_wherever_it_stands(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path,
        OWNER,
        "p, owner, *, bash, git **, allow",
        "p, owner, *, bash, git push **, approve",
        "p, *, *, bash, git push --force **, deny",
        "p, owner, *, bash, **, approve, fallback",
    )
    decisions = {
        line: policy.decide(disk.bash(tmp_path, line))
        for line in ("git log", "git push", "git push --force x", "make", "git log && git push")
    }
    assert isinstance(decisions["git log"], Allowed)
    assert _line(decisions["git log"]) == 2
    assert decisions["git push"] == Asks(
        Rule("policies/rules.csv", 3, "p, owner, *, bash, git push **, approve"), reason="git push"
    )
    denied = decisions["git push --force x"]
    assert isinstance(denied, Denied)
    assert _line(denied) == 4
    assert _line(decisions["make"]) == 5
    assert _line(decisions["git log && git push"]) == 3


def test_a_fallback_is_silent_where_another_rule_speaks(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path,
        OWNER,
        "p, owner, *, bash, ls **, allow",
        "p, owner, *, bash, **, approve, fallback",
    )
    assert isinstance(policy.decide(disk.bash(tmp_path, "ls")), Allowed | Denied)
    assert isinstance(policy.decide(disk.bash(tmp_path, "ls --odd")), Asks)


def test_a_rule_that_denies_is_named_before_what_nothing_allows(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, bash, git push **, deny")
    decision = policy.decide(disk.bash(tmp_path, "make && git push"))
    assert isinstance(decision, Denied)
    assert _line(decision) == 2


def test_an_approval_that_cannot_be_asked_for_now_refuses_and_says_when(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path,
        OWNER,
        "p, owner, *, bash, git push **, approve, via=web",
        "p, owner, *, bash, git **, allow",
        "p, owner, *, bash, **, approve, fallback",
        "p, owner, *, bash, rm **, deny",
    )
    request = disk.bash(tmp_path, "git push")
    decision = policy.decide(request)
    assert isinstance(decision, Denied)
    assert _line(decision) == 2
    assert decision.reason == (
        'running "git push" is refused (rule policies/rules.csv:2 asks for approval, but only '
        "from web); go on without it, or say in your answer that it is needed"
    )
    assert isinstance(policy.decide(replace(request, via=Platform.WEB)), Asks)
    assert _line(policy.decide(disk.bash(tmp_path, "git push && rm x"))) == 5


def test_one_part_that_nothing_allows_denies_the_whole_line(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, bash, echo|pwd **, allow")
    assert isinstance(policy.decide(disk.bash(tmp_path, "echo a && pwd")), Allowed)
    decision = policy.decide(disk.bash(tmp_path, "echo a && make"))
    assert isinstance(decision, Denied)
    assert decision.rule is None
    assert decision.reason == (
        'running "make" is refused (no rule allows it); '
        "go on without it, or say in your answer that it is needed"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cat /etc/passwd", 'reading "/etc/passwd" is refused (it is outside the project'),
        ("echo a > b", 'writing "'),
        ("git log --output=x", 'the option "--output=x" of git log is not reviewed'),
        ("rm x", "rule policies/rules.csv:5 denies it"),
    ],
)
def test_a_refusal_says_what_why_and_how_instead_in_one_sentence(
    tmp_path: Path, line: str, said: str
) -> None:
    policy = disk.policy(
        tmp_path,
        OWNER,
        "p, owner, *, read, **, allow",
        "p, owner, *, bash, cat|echo **, allow",
        "p, owner, *, bash, git log **, allow",
        "p, owner, *, bash, rm **, deny",
    )
    decision = policy.decide(disk.bash(tmp_path, line))
    assert isinstance(decision, Denied)
    assert said in decision.reason
    assert "; " in decision.reason
    assert "\n" not in decision.reason


def test_protected_and_outside_files_need_a_rule_that_names_them(tmp_path: Path) -> None:
    lines = [OWNER, "p, owner, *, write, **, allow", "p, owner, *, write, /**, approve"]
    call: dict[str, Any] = {"file_path": ".claude/settings.json", "content": ""}
    outside: dict[str, Any] = {"file_path": "/etc/motd", "content": ""}
    policy = disk.policy(tmp_path, *lines)
    assert isinstance(policy.decide(disk.tool(tmp_path, "Write", **call)), Denied)
    assert isinstance(policy.decide(disk.tool(tmp_path, "Write", **outside)), Asks)
    named = disk.policy(tmp_path, OWNER, "p, owner, demo, write, .claude/settings.json, allow")
    assert isinstance(named.decide(disk.tool(tmp_path, "Write", **call)), Allowed)
    assert isinstance(named.decide(disk.tool(tmp_path, "Write", **outside)), Denied)


def test_the_policy_itself_is_out_of_reach(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, write, /**, allow")
    target = str(tmp_path / "policies" / "rules.csv")
    decision = policy.decide(disk.tool(tmp_path, "Write", file_path=target, content=""))
    assert isinstance(decision, Denied)


def test_a_rule_for_one_project_says_nothing_about_another(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, OWNER, "p, owner, demo, chat, /test, allow", names=("demo", "other")
    )
    assert isinstance(policy.decide(disk.chat("/test")), Allowed)
    assert isinstance(policy.decide(disk.chat("/test", project="other")), Denied)
    assert isinstance(policy.decide(disk.chat("/test", project=None)), Denied)
    assert isinstance(policy.decide(disk.chat("/test", project="none")), Denied)


@pytest.mark.parametrize(
    "words", ["/git status\n/deploy prod", "/git  status", "git status", "", "/git\u200b status"]
)
def test_a_command_is_one_plain_line(tmp_path: Path, words: str) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, chat, **, allow")
    assert isinstance(policy.decide(disk.chat("/git status")), Allowed)
    assert isinstance(policy.decide(disk.chat(words)), Denied)


def test_a_call_from_outside_its_project_is_denied(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, bash, **, allow", names=("demo", "other"))
    good = disk.bash(tmp_path, "echo")
    assert isinstance(policy.decide(good), Allowed)
    assert isinstance(policy.decide(replace(good, cwd="/")), Denied)
    assert isinstance(policy.decide(replace(good, root="/")), Denied)
    assert isinstance(policy.decide(replace(good, root=str(tmp_path / "other"))), Denied)


def test_strangers_are_denied_everything(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, OWNER, "p, *, *, chat, **, allow", "p, owner, *, bash, **, allow"
    )
    for user in ("eve", "owner", "*", "role:owner", ""):
        assert isinstance(policy.decide(disk.chat("/help", user=user)), Denied)
        assert policy.roles(UserName(user)) == ()


def test_everybody_means_every_user_of_the_settings(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, *, *, chat, /help, allow",
                         "p, owner, *, bash, ls, allow", users=("me", "bob"))  # fmt: skip
    assert isinstance(policy.decide(disk.chat("/help", user="bob")), Allowed)


# --- approvals

TEAM = (
    "g, ann, owner", "g, lea, lead", "g, dan, dev", "g, owner, lead", "g, lead, dev",
    "p, dev, *, bash, git push **, approve, by=lead ttl=10m",
    "p, owner, *, bash, true, allow",
    "p, dev, *, bash, make, approve",
    "p, dev, *, bash, make deploy, approve, by=owner ttl=1m",
)  # fmt: skip
USERS = ("ann", "lea", "dan", "vic")


def _who(tmp_path: Path, line: str, requester: str) -> tuple[Asks, list[str]]:
    policy = disk.policy(tmp_path, *TEAM, users=USERS)
    asks = policy.decide(disk.bash(tmp_path, line, user=requester))
    assert isinstance(asks, Asks)
    return asks, list(policy.approvers(UserName(requester), asks))


def test_the_named_role_approves_inherited_ones_too(tmp_path: Path) -> None:
    asks, who = _who(tmp_path, "git push", "dan")
    assert (asks.by, asks.ttl_seconds, who) == (("lead",), 600, ["ann", "lea"])


def test_where_a_rule_names_who_approves_it_is_never_whoever_asked(tmp_path: Path) -> None:
    assert _who(tmp_path, "git push", "lea")[1] == ["ann"]
    assert _who(tmp_path, "make", "dan")[1] == ["ann", "dan"]


def test_several_parts_need_somebody_who_may_approve_all(tmp_path: Path) -> None:
    asks, who = _who(tmp_path, "git push && make deploy", "dan")
    assert (asks.by, asks.ttl_seconds, who) == (("owner",), 60, ["ann"])


def test_parts_that_no_single_role_may_approve_are_denied(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, "g, a, one", "g, b, two", "g, a, dev",
        "p, dev, *, bash, x, approve, by=one", "p, dev, *, bash, y, approve, by=two",
        users=("a", "b"),
    )  # fmt: skip
    decision = policy.decide(disk.bash(tmp_path, "x && y", user="a"))
    assert isinstance(decision, Denied)
    assert "make one call for each" in decision.reason


def test_all_approve_rules_that_match_one_thing_count(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, "g, ann, owner", "g, dan, dev", "g, owner, dev",
        "p, dev, *, bash, git **, approve, ttl=1h",
        "p, dev, *, bash, git push **, approve, by=owner",
        users=("ann", "dan"),
    )  # fmt: skip
    asks = policy.decide(disk.bash(tmp_path, "git push", user="dan"))
    assert isinstance(asks, Asks)
    assert (asks.by, asks.rule.line, asks.ttl_seconds) == (("owner",), 5, 600)


def test_the_most_people_and_every_rate_of_all_rules_count(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, "g, ann, owner", "g, dan, dev", "g, owner, dev", "g, eva, owner",
        "p, dev, *, bash, git **, approve, by=owner job",
        "p, dev, *, bash, git push **, approve, by=owner*2",
        "p, dev, *, bash, echo **, allow",
        "p, dev, *, bash, echo a **, allow, rate=3/h",
        "p, dev, *, bash, pwd, allow, rate=9/h",
        users=("ann", "dan", "eva"),
    )  # fmt: skip
    asks = policy.decide(disk.bash(tmp_path, "git push", user="dan"))
    assert isinstance(asks, Asks)
    assert (asks.people, asks.job_wide) == (2, False)
    asks = policy.decide(disk.bash(tmp_path, "git status", user="dan"))
    assert isinstance(asks, Asks)
    assert (asks.people, asks.job_wide) == (1, True)
    allowed = policy.decide(disk.bash(tmp_path, "pwd && echo a b", user="dan"))
    assert isinstance(allowed, Allowed)
    rates = {(each.rule.line, each.rate) for each in allowed.rates}
    assert rates == {(8, Rate(3, 3_600)), (9, Rate(9, 3_600))}


def test_what_is_not_understood_is_asked_about_each_time(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, OWNER, "p, owner, *, bash, **, approve, fallback job")
    asks = policy.decide(disk.bash(tmp_path, "python3 -c 'import os'"))
    assert isinstance(asks, Asks)
    assert not asks.job_wide


def test_what_too_few_may_approve_is_denied_at_once(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, "g, ann, lead", "g, lea, lead", "p, lead, *, bash, make, approve, by=lead*2",
        users=("ann", "lea"),
    )  # fmt: skip
    decision = policy.decide(disk.bash(tmp_path, "make", user="ann"))
    assert isinstance(decision, Denied)
    assert _line(decision) == 3
    assert "takes the approval of 2 other than ann who is lead, and there is 1;" in decision.reason


def test_an_automation_never_approves(tmp_path: Path) -> None:
    directory = disk.write(
        tmp_path / "policies", "g, ann, owner", "g, night, owner", "p, owner, *, bash, **, approve"
    )
    users = [UserName("ann"), UserName("night")]
    projects = disk.projects(tmp_path, "demo")
    policy = load(directory, users, projects, automations=users[1:])
    asks = policy.decide(disk.bash(tmp_path, "ls", user="night"))
    assert isinstance(asks, Asks)
    assert policy.approvers(users[1], asks) == ("ann",)


# --- looking after the appliance


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("pair telegram", Allowed),
        ("policy reload", Asks),
        ("audit redact 7", Denied),
        ("/pair telegram", Denied),
        ("pair  telegram", Denied),
        ("pair telegram\npolicy reload", Denied),
        ("", Denied),
    ],
)
def test_looking_after_the_appliance_is_judged_like_the_rest(
    tmp_path: Path, words: str, verdict: type[Decision]
) -> None:
    policy = disk.policy(
        tmp_path, OWNER, "p, owner, *, admin, pair|unpair **, allow",
        "p, owner, *, admin, policy reload, approve", "p, owner, *, chat, **, allow",
    )  # fmt: skip
    request = AdminRequest(disk.ME, words, Platform.TERMINAL)
    assert isinstance(policy.decide(request), verdict)
    assert isinstance(policy.decide(replace(request, user=UserName("eve"))), Denied)


def test_strangers_never_approve(tmp_path: Path) -> None:
    policy = disk.policy(tmp_path, *TEAM, users=USERS)
    asks = Asks(Rule("r", 1, ""))
    eve = UserName("eve")
    assert not policy.may_approve(eve, eve, asks)
    assert not policy.may_approve(eve, UserName("ann"), asks)
    assert not policy.may_approve(UserName("vic"), UserName("ann"), asks)
    assert policy.may_approve(UserName("vic"), UserName("vic"), asks)


# --- what ships


@pytest.mark.parametrize(
    ("name", "call", "verdict"),
    [
        ("Read", {"file_path": "README.md"}, Allowed),
        ("Write", {"file_path": "src/a.py", "content": ""}, Allowed),
        ("Bash", {"command": "git status && git diff | head -50"}, Allowed),
        ("Bash", {"command": "grep -rn TODO src | wc -l"}, Allowed),
        ("Bash", {"command": "rm -rf build"}, Asks),
        ("Bash", {"command": "git push"}, Asks),
        ("Bash", {"command": "sudo systemctl restart x"}, Asks),
        ("Bash", {"command": "make test"}, Asks),
        ("Bash", {"command": "echo $(id)"}, Asks),
        ("Bash", {"command": "cat .env"}, Denied),
        ("Read", {"file_path": "/etc/passwd"}, Denied),
        ("Edit", {"file_path": ".git/hooks/x", "old_string": "", "new_string": "x"}, Denied),
        ("WebFetch", {"url": "https://docs.python.org/"}, Asks),
        ("WebSearch", {"query": "x"}, Asks),
        ("Agent", {"prompt": "x"}, Allowed),
        ("TodoWrite", {"todos": []}, Allowed),
        ("mcp__github__delete_repo", {}, Denied),
        ("SomethingNew", {}, Denied),
    ],
)
def test_the_shipped_policy_is_for_one_careful_owner(
    tmp_path: Path, name: str, call: dict[str, Any], verdict: type[Decision]
) -> None:
    decision = disk.shipped(tmp_path).decide(disk.tool(tmp_path, name, **call))
    assert isinstance(decision, verdict), decision


def test_every_command_of_the_chat_is_the_owners(tmp_path: Path) -> None:
    policy = disk.shipped(tmp_path)
    for words in ("/run", "/help", "/deploy prod", "/git log 5"):
        for project in ("demo", None):
            request = replace(disk.chat(words, project=project), via=Platform.TELEGRAM)
            assert isinstance(policy.decide(request), Allowed)
