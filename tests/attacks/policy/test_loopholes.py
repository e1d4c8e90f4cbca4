"""Policies with a line that looks strict and a wider one beside it: no way round leads to a yes.

Each policy has an easy line, which allows, and a strict one. What the strict line is about must
never be allowed, whoever asks, however it is written, at whatever hour, from whatever chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from pathlib import Path

import pytest

from appliance.core.model import (
    Allowed,
    Asks,
    CommandRequest,
    Decision,
    Denied,
    Millis,
    Platform,
    Rate,
    ToolRequest,
    UserName,
)
from appliance.policy.loaded import LoadedPolicy
from tests.policy import policies_on_disk as disk

TEAM = (
    "g, ann, owner", "g, lea, lead", "g, liz, lead", "g, dan, dev", "g, vic, viewer",
    "g, owner, lead", "g, lead, dev", "g, dev, viewer",
    "p, viewer, *, chat, /status, allow", "p, dev, *, read, **, allow",
    "p, lead, *, chat, /approve, allow", "p, owner, *, chat, /help, allow",
)  # fmt: skip
USERS = ("ann", "lea", "liz", "dan", "vic", "nobody")
DAYS = (6, 7, 8, 9, 10)  # Thursday to Monday
HOURS = (3, 8, 9, 12, 16, 17, 23)
PUSH = "git push origin main"


@dataclass(frozen=True, slots=True)
class Trap:
    """`asked` (act and text) is what the strict line is about, for `who`; `at_noon` its verdict on
    a Thursday, on the page."""

    name: str
    at_noon: type[Decision]
    who: Sequence[str]
    lines: Sequence[str]
    asked: Sequence[tuple[str, str]]


DEVS = ("dan", "lea", "ann")
ALL = (*DEVS, "vic", "nobody")


TRAPS = (
    Trap("an approval with hours", Asks, DEVS, [
        "p, dev, *, bash, git push origin main, approve, by=lead hours=09:00-17:00",
        "p, dev, *, bash, git push origin main|dev, allow", f"p, lead, *, bash, {PUSH}, allow",
        "p, *, *, bash, **, approve, fallback",
    ], [("bash", PUSH), ("bash", f"cd . && {PUSH}"), ("bash", f"time {PUSH}")]),
    Trap("an approval whose last day is over", Denied, DEVS, [
        "p, dev, *, bash, git push **, approve, by=lead until=2001-01-31",
        f"p, dev, *, bash, {PUSH}, allow", "p, owner, *, bash, git **, allow",
    ], [("bash", PUSH), ("bash", f"git -C . {PUSH[4:]}")]),
    Trap("an approval in one chat only", Asks, DEVS, [
        "p, dev, *, chat, /deploy prod, approve, by=lead*2 via=web",
        "p, owner, *, chat, **, allow", "p, lead, demo, chat, /deploy **, allow",
        "p, dev, *, chat, **, approve, fallback",
    ], [("chat", "/deploy prod")]),
    Trap("an approval that a lower role has, a permission that the higher one has", Asks, DEVS, [
        "p, viewer, *, chat, /test **, approve, by=lead days=mon-fri",
        "p, dev, *, chat, /test **, allow", "p, owner, *, chat, **, allow",
    ], [("chat", "/test"), ("chat", "/test unit")]),
    Trap("a denial for everybody, a permission for one place", Denied, ALL, [
        "p, *, *, write, infra/**, deny", "p, dev, *, write, **, allow",
        "p, owner, demo, write, infra/main.tf, allow", "p, dev, *, bash, cp|mv|tee|touch **, allow",
    ], [
        ("write", "infra/main.tf"), ("write", "./src/../infra/a"), ("write", "infra"),
        ("bash", "cp a infra/b"), ("bash", "touch a > infra/b"), ("bash", "cd infra && touch b"),
        ("bash", "mv a ./infra"),
    ]),
    Trap("a denial inherited from below", Denied, ALL, [
        "p, viewer, *, bash, make **, deny", "p, owner, *, bash, make **, allow",
        "p, owner, *, bash, make deploy, allow", "p, dev, *, bash, **, approve, fallback",
    ], [("bash", "make deploy"), ("bash", "nice make deploy"), ("bash", "make -C . deploy")]),
    Trap("the same command in other words", Denied, ALL, [
        "p, dev, *, bash, git push **, deny", "p, dev, *, bash, git **, allow",
        "p, dev, *, bash, env|time|nice|nohup|timeout|command|xargs|sh **, allow",
    ], [
        ("bash", line) for line in (
            "git  push", "'git' \"push\"", "g\\it push", "/usr/bin/git push", "env git push",
            "env CI=1 git push", "CI=1 git push", "git --no-pager push", "git -C . push",
            "git -c alias.x=push x", "command git push", "timeout 9 git push", "sh -c 'git push'",
            "x=push; git $x", "git $(echo push)", "echo push | xargs git", "ls; git push",
            "git log || git push", "(git push)", "if git push; then true; fi", "! git push",
            "git\npush\ngit push", "git pu?h", "nohup nice git push",
            "for x in push; do git $x; done",
        )
    ]),
    Trap("a fallback beside what must be denied at night", Asks, DEVS, [
        "p, dev, *, bash, make **, deny, hours=17:00-09:00",
        "p, dev, *, bash, make **, approve, by=lead hours=09:00-17:00",
        "p, *, *, bash, **, approve, fallback", "p, lead, *, bash, make, allow",
    ], [("bash", "make")]),
    Trap("an approval of everything at certain hours", Asks, DEVS, [
        "p, dev, *, bash, **, approve, by=lead hours=09:00-17:00",
        "p, viewer, *, bash, ls|cat **, allow", "p, dev, *, bash, ls, allow",
    ], [("bash", "ls"), ("bash", "ls | cat"), ("bash", "eval ls")]),
    Trap("an approval in one directory, a permission everywhere", Denied, DEVS, [
        "p, dev, demo, bash, make, approve, by=lead days=sat", "p, *, *, bash, make, allow",
        "p, lead, demo, bash, make, allow, days=sun",
    ], [("bash", "make"), ("bash", "cd src; make"), ("bash", "make -C src")]),
)  # fmt: skip


def _policy(tmp_path: Path, lines: Sequence[str]) -> LoadedPolicy:
    policy = disk.policy(tmp_path, *TEAM, *lines, users=USERS)
    for name in ("src", "infra"):
        (tmp_path / "demo" / name).mkdir(exist_ok=True)
    return policy


def _request(tmp_path: Path, act: str, text: str) -> CommandRequest | ToolRequest:
    if act == "chat":
        return disk.chat(text)
    if act == "write":
        return disk.tool(tmp_path, "Write", file_path=text, content="")
    return disk.bash(tmp_path, text)


def _moments() -> list[Millis]:
    """Each of the hours on Thursday to Monday, and a time that is not known."""
    moments = (datetime(2030, 6, day, hour).astimezone() for day in DAYS for hour in HOURS)
    return [Millis(0), *(Millis(int(moment.timestamp() * 1000)) for moment in moments)]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_no_way_round_a_strict_line_leads_to_a_yes(tmp_path: Path, trap: Trap) -> None:
    policy = _policy(tmp_path, trap.lines)
    for request in (_request(tmp_path, act, text) for act, text in trap.asked):
        for user, at, via in product(trap.who, _moments(), Platform):
            asked = replace(request, user=UserName(user), at=at, via=via)
            assert not isinstance(policy.decide(asked), Allowed), asked


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_the_strict_line_is_what_decides_at_noon(tmp_path: Path, trap: Trap) -> None:
    act, text = trap.asked[0]
    noon = Millis(int(datetime(2030, 6, 6, 12).astimezone().timestamp() * 1000))
    asked = replace(_request(tmp_path, act, text), user=UserName("dan"), at=noon, via=Platform.WEB)
    decision = _policy(tmp_path, trap.lines).decide(asked)
    assert isinstance(decision, trap.at_noon)
    assert decision.rule is not None


# --- what a line demands is not lessened by another one


def test_an_easier_line_that_asks_too_lessens_nothing(tmp_path: Path) -> None:
    policy = _policy(tmp_path, [
        f"p, dev, *, bash, {PUSH}, approve, by=lead*2 ttl=10m rate=1/d",
        "p, dev, *, bash, git push **, approve, by=dev ttl=1h job rate=9/s",
        "p, *, *, bash, **, approve, fallback job",
    ])  # fmt: skip
    asks = policy.decide(disk.bash(tmp_path, f"{PUSH} && make", user="dan"))
    assert isinstance(asks, Asks)
    assert (asks.people, asks.ttl_seconds, asks.job_wide) == (2, 600, False)
    assert policy.approvers(UserName("dan"), asks) == ("ann", "lea", "liz")
    assert {each.rate for each in asks.rates} == {Rate(1, 86_400), Rate(9, 1)}


def test_a_rate_holds_however_many_easier_lines_match_as_well(tmp_path: Path) -> None:
    policy = _policy(tmp_path, [
        "p, dev, *, bash, pwd|true **, allow", "p, lead, *, bash, pwd, allow, rate=9/s",
        "p, dev, *, bash, pwd, allow, rate=1/h", "p, *, *, bash, pwd, allow",
    ])  # fmt: skip
    for line in ("pwd", "true && pwd", "pwd; pwd; true"):
        decision = policy.decide(disk.bash(tmp_path, line, user="lea"))
        assert isinstance(decision, Allowed)
        assert {each.rate for each in decision.rates} == {Rate(1, 3_600), Rate(9, 1)}


def test_a_yes_for_the_job_is_never_offered_for_what_was_not_reviewed(tmp_path: Path) -> None:
    policy = _policy(tmp_path, [
        "p, dev, *, bash, git push **, approve, job", "p, dev, *, bash, git fetch, approve, job",
    ])  # fmt: skip
    pushes, fetches = (
        policy.decide(disk.bash(tmp_path, line, user="dan")) for line in (PUSH, "git fetch")
    )
    assert isinstance(pushes, Asks)
    assert isinstance(fetches, Asks)
    assert (pushes.job_wide, fetches.job_wide) == (False, True)
