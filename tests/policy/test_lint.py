"""Lines without effect and lines too wide are found, and nothing else is said."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from appliance.policy.lint import Kind, lint
from tests.policy import policies_on_disk as disk

TODAY = date(2030, 6, 1)
BASE = ("g, me, dev", "g, ann, lead", "g, lead, dev")
LEAD = "p, lead, *, chat, /ok, allow"


def _found(tmp_path: Path, *lines: str) -> list[tuple[str, int, int | None]]:
    policy = disk.policy(
        tmp_path, *BASE, LEAD, *lines, users=("me", "ann"), names=("demo", "other")
    )
    first = len(BASE) + 2
    return [
        (
            one.kind.value,
            one.rule.line - first + 1,
            one.other.line - first + 1 if one.other else None,
        )
        for one in lint(policy, TODAY)
    ]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["p, dev, demo, bash, git log **, allow", "p, dev, *, bash, git **, deny"],
         [("unreachable", 1, 2)]),
        (["p, dev, *, bash, git **, deny", "p, lead, *, bash, git push **, approve"],
         [("unreachable", 2, 1)]),
        (["p, lead, *, bash, git **, deny", "p, dev, *, bash, git push **, approve"], []),
        (["p, dev, *, bash, git log **, allow", "p, dev, *, bash, git **, approve"],
         [("shadowed", 1, 2)]),
        (["p, dev, *, bash, git **, allow", "p, dev, *, bash, git push **, approve"], []),
        (["p, dev, *, bash, git **, allow", "p, dev, *, bash, **, approve, fallback"], []),
        (["p, dev, *, bash, **, approve", "p, dev, demo, bash, git **, approve, fallback"],
         [("unreachable", 2, 1)]),
        (["p, dev, *, bash, git log|show **, allow", "p, dev, demo, bash, git log **, allow"],
         [("redundant", 2, 1)]),
        (["p, dev, *, bash, git **, allow", "p, dev, *, bash, git frob --x, allow"], []),
        (["p, dev, *, bash, ls **, allow", "p, dev, *, bash, ls **, allow"],
         [("redundant", 2, 1)]),
        (["p, dev, *, bash, ls **, allow", "p, dev, *, bash, ls **, allow, rate=5/h"], []),
        (["p, dev, *, bash, ls|cat **, allow", "p, dev, *, bash, cat|ls **, approve"],
         [("conflicting", 1, 2)]),
        (["p, dev, *, bash, ls, deny, hours=08:00-12:00", "p, dev, *, bash, ls, allow"],
         [("gives way", 1, 2)]),
        (["p, *, *, bash, ls, deny, days=sat", "p, dev, *, bash, ls **, allow"],
         [("gives way", 1, 2)]),
        (["p, dev, *, bash, ls **, deny, via=web", "p, dev, *, bash, ls, allow, via=web"],
         [("unreachable", 2, 1)]),
        (["p, dev, *, bash, ls, deny, days=sat", "p, dev, *, bash, ls, approve, days=mon",
          "p, dev, *, bash, ls|cat **, allow"], []),
        (["p, dev, *, bash, ls, approve, days=mon", "p, dev, *, bash, ls **, allow"], []),
        (["p, dev, *, bash, ls **, approve, days=mon", "p, dev, *, bash, ls -l **, allow"],
         [("shadowed", 2, 1)]),
        (["p, dev, *, bash, ls **, approve, days=mon", "p, dev, *, bash, ls, approve, fallback"],
         [("unreachable", 2, 1)]),
        (["p, dev, *, bash, ls **, deny, days=mon", "p, dev, *, bash, ls, approve, days=mon"], []),
        (["p, dev, *, bash, ls **, deny", "p, dev, *, bash, ls, approve, days=mon"],
         [("unreachable", 2, 1)]),
        (["p, dev, *, bash, ls, approve, days=mon-fri", "p, dev, *, bash, ls, approve, days=mon"],
         [("redundant", 2, 1)]),
        (["p, dev, *, bash, ls, approve, days=mon", "p, dev, *, bash, ls, approve, days=mon-fri"],
         [("redundant", 1, 2)]),
        (["p, dev, *, bash, ls, approve, by=lead days=mon", "p, dev, *, bash, ls **, approve"],
         [("gives way", 1, 2)]),
        (["p, dev, *, bash, ls, approve, by=lead days=mon",
          "p, dev, *, bash, ls **, approve, by=lead"], []),
        (["p, dev, *, bash, ls, approve, by=lead days=mon",
          "p, dev, *, bash, ls, approve, by=dev days=sat"], []),
        (["p, dev, *, read, src/**, allow", "p, dev, demo, read, src/a/*.py, allow"],
         [("redundant", 2, 1)]),
        (["p, dev, *, bash, ls, allow, until=2030-05-31"], [("unreachable", 1, None)]),
        (["p, dev, *, bash, ls, approve, until=2030-05-31"], [("unreachable", 1, None)]),
        (["p, dev, *, bash, x, approve, by=lead*2"], [("unreachable", 1, None)]),
        (["p, dev, *, bash, **, allow"], [("too wide", 1, None)]),
        (["p, dev, *, web, **, allow"], [("too wide", 1, None)]),
        (["p, dev, *, web, *.com, allow"], [("too wide", 1, None)]),
        (["p, dev, *, web, *.python.org, allow"], []),
        (["p, dev, *, mcp, github/*, allow"], [("too wide", 1, None)]),
        (["p, dev, *, read, /etc/**, allow"], [("too wide", 1, None)]),
        (["p, dev, *, read, /etc/hosts, allow"], []),
        (["p, *, *, write, doc/**, allow", "p, dev, *, chat, /x, allow"], [("too wide", 1, None)]),
        (["p, dev, demo, bash, make test, allow", "p, dev, *, write, **, allow"],
         [("interpreter", 1, 2)]),
        (["p, dev, demo, bash, make test, allow", "p, dev, other, write, **, allow"], []),
        (["p, lead, demo, bash, python3 **, allow", "p, dev, demo, write, src/**, allow"],
         [("interpreter", 1, 2)]),
        (["p, dev, demo, bash, make test, approve", "p, dev, *, write, **, allow"], []),
    ],
)  # fmt: skip
def test_a_line_is_found_with_the_one_it_is_about(
    tmp_path: Path, lines: list[str], found: list[tuple[str, int, int | None]]
) -> None:
    assert _found(tmp_path, *lines) == found


def test_two_lines_that_nobody_can_answer_both_are_in_conflict(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path, "g, me, dev", "g, ann, lead", "g, bob, owner", LEAD,
        "p, owner, *, chat, /ok, allow",
        "p, dev, *, bash, git **, approve, by=lead",
        "p, dev, *, bash, git push **, approve, by=owner",
        users=("me", "ann", "bob"),
    )  # fmt: skip
    (finding,) = lint(policy, TODAY)
    assert finding.kind is Kind.CONFLICTING
    assert finding.advice


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("bash, python|python3 -m pytest **, allow", '"python -m pytest" is judged as "pytest"'),
        ("bash, timeout * make **, deny", '"timeout 1 make" is judged as "make"'),
        ("bash, nice|nohup **, deny", '"nice x" is judged as "x"'),
        ("bash, env CI=1 make, approve", '"env CI=1 make" is judged as "make"'),
        ("bash, CI=1 make, deny", '"CI=1 make" is judged as "make"'),
        ("bash, /usr/bin/git status, deny", '"/usr/bin/git status" is judged as "git status"'),
        ("bash, git -C * log **, allow", '"git -C x log" is judged as "git log"'),
        ("bash, make -C sub test, deny", '"make -C sub test" is judged as "make test"'),
        ("bash, make > log, deny", '"make > log" is judged as "make"'),
        ("bash, make; ls, deny", '"make; ls" is judged as "make" and "ls"'),
        ("bash, cd src, deny", '"cd src" is judged as no command'),
        ("bash, sudo ls, allow", 'it never allows anything: "sudo" runs other programs'),
        ("chat, /run fix **, deny", '"/run fix" is judged as "/run"'),
        ("chat, /start, allow", '"/start" is judged as "/help"'),
    ],
)
def test_a_line_for_what_is_judged_by_another_name_is_told_so(
    tmp_path: Path, rule: str, said: str
) -> None:
    policy = disk.policy(tmp_path, "g, me, dev", f"p, dev, demo, {rule}")
    (finding,) = lint(policy, TODAY)
    assert finding.kind is Kind.UNREACHABLE
    assert said in finding.what


@pytest.mark.parametrize(
    "rule",
    [
        "bash, git|time log **, deny", "bash, sudo **, deny", "bash, python -m build, deny",
        "bash, /opt/bin/git status, deny", "bash, git push --force|-f **, deny",
        "bash, git -C|push **, deny", "bash, ./x **, deny", "bash, * **, deny",
        "bash, set|ls -e, deny", "chat, /run **, allow", "chat, /x|/run fix **, deny",
        "chat, /deploy prod, allow",
    ],
)  # fmt: skip
def test_a_line_that_may_match_is_not(tmp_path: Path, rule: str) -> None:
    assert lint(disk.policy(tmp_path, "g, me, dev", f"p, dev, demo, {rule}"), TODAY) == []


def test_thousands_of_lines_are_looked_through_quickly(tmp_path: Path) -> None:
    lines = [
        f"p, dev, demo, bash, tool{n % 100} sub{n % 700} a{n} **, "
        f"{('allow', 'deny', 'approve')[n % 3]}"
        for n in range(3_000)
    ]
    policy = disk.policy(tmp_path, "g, me, dev", *lines)
    before = time.perf_counter()
    assert lint(policy, TODAY) == []
    assert time.perf_counter() - before < 1.5  # 10,000 take a quarter of a second when idle
