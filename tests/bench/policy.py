"""The policy: a decision among 10 to 10,000 rules beside other engines, loading, and memory."""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from appliance.core.model import Millis, Platform, Project, ProjectName, ToolRequest, UserName
from appliance.policy.engine import Engine
from appliance.policy.explain import selftest
from appliance.policy.lint import lint
from appliance.policy.loader import load
from appliance.policy.rules import Effect, PolicyRule
from appliance.policy.sources import Source
from tests.bench.other_engines import OtherEngine, others
from tests.bench.table import MEBIBYTE, Row, Target, markdown, p50
from tests.policy.policies_on_disk import SHIPPED, write
from tests.policy.random_policies import Asked, RandomPolicy, random_policy

SIZES = (10, 100, 1_000, 10_000)
REQUESTS = 2_000
SECONDS_EACH = 1.5
"""For one engine and one size; Casbin gets through a few requests in it, which is enough."""

LOADS = 7
SCANS = 2_000

_TIMES = {"plain Casbin": 100, "Cedar (cedarpy)": 50, "Rego by role (regorus)": 1}
_TODAY = date(2030, 1, 1)
_LINES = (
    "git status && git diff --stat | head -50",
    "grep -rn 'def main' src | wc -l",
    "cd src && ls -la && git log --oneline -n 20 -- a.py",
    "make test",
    "rm -rf build; git push origin main",
    "for f in *.py; do cat $f; done",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What an engine said, and how long each answer took, in µs."""

    verdicts: list[Effect | None]
    took: list[float]


def rows(work: Path, sizes: Sequence[int] = SIZES) -> list[Row]:
    """Compare, load and look into policies of these sizes."""
    whole = [*_load_rows(work, sizes[-1]), _scan_row(work)]  # before the heap is full of others
    compared = [_compared(size) for size in sizes]
    medians = [median for _, median in compared]
    return [
        *(row for found, _ in compared for row in found),
        Row(
            f"a decision among {sizes[-1]} rules to one among {sizes[0]}",
            "ratio",
            [medians[-1] / medians[0]],
            target=Target(2),
        ),
        *whole,
    ]


# --- one decision, beside others


def _compared(size: int) -> tuple[list[Row], float]:
    """The rows of one size, and our median."""
    policy = random_policy(size, REQUESTS, plain=True)
    model = Source("model.conf", (SHIPPED / "model.conf").read_text())
    engine = Engine(model, policy.rules, policy.grants, policy.users)
    ours = _run(lambda asked: _verdict(engine, asked), policy)
    found = [
        Row(
            f"{size} rules: a decision, p99",
            "µs",
            [sorted(ours.took)[len(ours.took) * 99 // 100]],
        )
    ]
    for other in others(policy):
        found += _beside(size, ours, other, _run(other.judge, policy))
    return found, p50(ours.took)


def _verdict(engine: Engine, asked: Asked) -> Effect | None:
    effect = engine.judge(asked.user, asked.directory, asked.atom, asked.at, asked.via).effect
    return None if effect is Effect.DENY else effect


def _run(judge: Callable[[Asked], Effect | None], policy: RandomPolicy) -> Run:
    """As many of the requests as there is time for, after a few to warm up."""
    for asked in policy.asked[:5]:
        judge(asked)
    run = Run([], [])
    end = time.perf_counter() + SECONDS_EACH
    for asked in policy.asked:
        began = time.perf_counter()
        verdict = judge(asked)
        run.took.append((time.perf_counter() - began) * 1e6)
        run.verdicts.append(verdict)
        if time.perf_counter() > end:
            break
    return run


def _beside(size: int, ours: Run, other: OtherEngine, theirs: Run) -> list[Row]:
    alike = [a == b for a, b in zip(ours.verdicts, theirs.verdicts, strict=False)]
    times = p50(theirs.took) / p50(ours.took)
    bound = _TIMES.get(other.name) if size == SIZES[-1] else None
    return [
        Row(f"{size} rules: a decision, beside {other.name}", "µs", ours.took, theirs.took),
        Row(
            f"{size} rules: {other.name} takes",
            "times",
            [times],
            target=None if bound is None else Target(bound, is_minimum=True),
        ),
        Row(
            f"{size} rules: same verdict as {other.name}, of {len(alike)}",
            "share",
            [sum(alike) / len(alike)],
            target=Target(1, is_minimum=True),
        ),
    ]


# --- a whole policy


def _load_rows(work: Path, size: int) -> list[Row]:
    took = []
    for seed in range(LOADS):  # another policy each time: nothing can be left of the one before
        policy = random_policy(size, 1, plain=True, seed=seed)
        directory = write(work / "policies", *_as_lines(policy))
        tops = sorted({rule.where.split("/")[2] for rule in policy.rules})
        projects = {ProjectName(top): Project(ProjectName(top), f"/srv/{top}") for top in tops}
        began = time.perf_counter()
        loaded = load(directory, policy.users, projects)
        took.append((time.perf_counter() - began) * 1000)
    tracemalloc.start()
    loaded = load(directory, policy.users, projects)
    used = tracemalloc.get_traced_memory()[0] / MEBIBYTE
    tracemalloc.stop()
    return [
        Row(f"load {size} rules", "ms", took, target=Target(50)),
        Row(f"a loaded policy of {size} rules", "MiB", [used]),
        Row(
            f"lint {size} rules", "s", [_seconds(lambda: lint(loaded, _TODAY))], target=Target(0.5)
        ),
        Row(f"self-test of {size} rules", "s", [_seconds(lambda: selftest(loaded))]),
    ]


def _as_lines(policy: RandomPolicy) -> list[str]:
    """As a file that loads: somebody has each role, and no two rules contradict each other."""
    granted = {grant.role for grant in policy.grants}
    idle = sorted({rule.role for rule in policy.rules} - granted)
    return [
        *(f"g, {grant.member}, {grant.role}" for grant in policy.grants),
        *(f"g, {policy.users[0]}, {role}" for role in idle),
        *(
            f"p, {rule.role}, {rule.where}, {rule.act}, {_unique(rule)}, {rule.effect}"
            for rule in policy.rules
        ),
    ]


def _unique(rule: PolicyRule) -> str:
    """ "git log **" → "git log n7 **", "/srv/p1/**" → "/srv/p1/n7/**", "s1/t2" → "s1/t2n7"."""
    base, number = rule.pattern.removesuffix("**"), f"n{rule.rule.line}"
    return f"{base}{number}" if base == rule.pattern else f"{base}{number}{base[-1]}**"


def _scan_row(work: Path) -> Row:
    """Shell lines, scanned and decided by the policy that ships."""
    root = str((work / "demo").resolve())
    Path(root).mkdir()
    me, demo = UserName("me"), ProjectName("demo")
    policy = load(SHIPPED, [me], {demo: Project(demo, root)})
    took = []
    for number in range(SCANS):
        call = {"command": _LINES[number % len(_LINES)]}
        request = ToolRequest(me, demo, root, root, "Bash", call, Platform.TERMINAL, Millis(1))
        began = time.perf_counter()
        policy.decide(request)
        took.append((time.perf_counter() - began) * 1000)
    p99 = sorted(took)[SCANS * 99 // 100]
    return Row("scan a shell line and decide, p99", "ms", [p99], target=Target(1))


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        print(markdown(rows(Path(work))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
