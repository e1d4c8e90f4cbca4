"""Rates and quotas: counted once, kept across crashes, free again when it says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.jobs import State as JobState
from appliance.core.model import (
    Allowed,
    Asks,
    Denied,
    Ended,
    Ending,
    JobId,
    Measure,
    Millis,
    Quota,
    Rate,
    Rule,
    RuleRate,
    Usage,
)
from appliance.services.allowance import Allowance, Use
from appliance.storage.state import SqliteState
from tests.examples import ALICE, BOB, NOW, job
from tests.fakes import FakeClock
from tests.services.rig import DEMO, OTHER, RULE, Puppet, Rig, TablePolicy, running


def _rated(count: int, seconds: int, rule: Rule = RULE) -> Allowed:
    return Allowed(RULE, (RuleRate(rule, Rate(count, seconds)),))


HOURLY = _rated(2, 3600)
PER_HOUR = Quota(Measure.COMMANDS, 2, 3600, RULE)
PER_DAY = Quota(Measure.COST, 5_000_000, 86_400, RULE)


class Desk:
    """An allowance on a real database, with a clock that jumps."""

    def __init__(self, directory: Path, *quotas: Quota) -> None:
        self.clock = FakeClock(NOW)
        self.directory = directory
        self.policy = TablePolicy(limits=quotas)
        self.open()

    def open(self) -> None:
        self.state = SqliteState.open(self.directory)
        self.allowance = Allowance(self.state, self.policy, self.clock)

    def admits(self, key: str, decision: Allowed | Asks = HOURLY, **use: object) -> bool:
        asked = Use(ALICE.name, DEMO, key, is_work=True)
        return self.allowance.admit(decision, replace(asked, **use)) is decision  # type: ignore[arg-type]

    def why_not(self, key: str) -> str:
        denied = self.allowance.admit(HOURLY, Use(ALICE.name, DEMO, key, is_work=True))
        assert isinstance(denied, Denied)
        return denied.reason

    def spends(self, dollars: float, ended_at: Millis, project: str = DEMO) -> None:
        usage = Usage(cost_microdollars=round(dollars * 1_000_000))
        self.number = getattr(self, "number", 0) + 1
        ended = job(
            key=f"k{self.number}",
            state=JobState.SUCCEEDED,
            ended_at=ended_at,
            usage=usage,
            project=project,
        )
        self.state.add_job(ended)


def test_a_rate_lets_so_many_through_and_says_when_it_is_free_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.admits("1")
    desk.clock.advance(600)
    assert desk.admits("2")
    assert desk.why_not("3") == "2 an hour are used up; free again in 50 min"
    desk.clock.advance(3000)
    assert desk.admits("3")
    assert not desk.admits("4")


def test_the_same_request_counts_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert all(desk.admits("1") for _ in range(5))
    assert desk.admits("2")
    assert desk.admits("1")
    assert not desk.admits("3")


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.admits("1")
    desk.admits("2")
    desk.state.close()
    desk.open()
    assert not desk.admits("3")


def test_a_rate_is_for_each_person_and_each_rule(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.admits("1")
    desk.admits("2")
    assert desk.admits("3", user=BOB.name)
    assert desk.admits("4", _rated(2, 3600, replace(RULE, text="p, another")))
    assert not desk.admits("5", _rated(2, 3600, replace(RULE, line=99)))  # it only moved


def test_every_rule_with_a_rate_has_a_count_of_its_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    other = replace(RULE, line=7, text="p, the other")
    both = Asks(RULE, rates=(RuleRate(RULE, Rate(3, 60)), RuleRate(other, Rate(2, 3600))))
    assert desk.admits("1", both)
    assert desk.admits("2", _rated(3, 60))
    assert desk.admits("3", both)
    denied = desk.allowance.admit(_rated(3, 60), Use(ALICE.name, DEMO, "4"))
    assert isinstance(denied, Denied)
    assert denied.rule == RULE
    desk.clock.advance(61)
    denied = desk.allowance.admit(both, Use(ALICE.name, DEMO, "5"))
    assert isinstance(denied, Denied)
    assert denied.rule == other
    assert desk.admits("6", _rated(3, 60))


def test_a_question_has_a_rate_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    asks = Asks(RULE, rates=(RuleRate(RULE, Rate(1, 60)),))
    assert desk.admits("1", asks)
    assert not desk.admits("2", asks)


def test_a_quota_counts_work_and_nothing_else(tmp_path: Path) -> None:
    desk, free = Desk(tmp_path, PER_HOUR), Allowed(RULE)
    assert all(desk.admits(f"look {n}", free, is_work=False) for n in range(9))
    assert desk.admits("1", free)
    assert desk.admits("2", free)
    assert not desk.admits("3", free)
    assert desk.admits("look", free, is_work=False)


def test_what_is_refused_by_one_limit_uses_up_none(tmp_path: Path) -> None:
    desk = Desk(tmp_path, replace(PER_HOUR, limit=9), replace(PER_HOUR, limit=1, seconds=60))
    free = Allowed(RULE)
    assert desk.admits("0", free)
    for number in range(1, 9):
        assert not desk.admits(f"{number}", free)
    desk.clock.advance(61)
    assert desk.admits("9", free)


def test_the_cost_of_a_day_stops_the_next_agent_but_no_recipe(tmp_path: Path) -> None:
    desk, free = Desk(tmp_path, PER_DAY), Allowed(RULE)
    desk.spends(4, Millis(NOW - 80_000_000))
    desk.spends(0.99, Millis(NOW - 1000), OTHER)
    assert desk.admits("1", free, is_agents=True)
    desk.spends(0.02, Millis(NOW - 10))
    denied = desk.allowance.admit(free, Use(ALICE.name, DEMO, "2", is_work=True, is_agents=True))
    assert isinstance(denied, Denied)
    assert denied.reason == "$5.00 a day are used up ($5.01); free again in 1 h 46 min"
    assert desk.admits("3", free)
    desk.clock.advance(6401)
    assert desk.admits("4", free, is_agents=True)


def test_a_quota_for_one_project_counts_what_is_spent_there(tmp_path: Path) -> None:
    desk = Desk(tmp_path, replace(PER_DAY, project=OTHER))
    desk.spends(9, Millis(NOW - 10))
    assert desk.allowance.over_cost(ALICE.name, OTHER) is None
    desk.spends(9, Millis(NOW - 10), OTHER)
    assert desk.allowance.over_cost(ALICE.name, OTHER) is not None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 1800), min_size=1, max_size=40), st.integers(1, 5))
def test_no_window_ever_holds_more_than_the_rate(
    tmp_path_factory: object, pauses: list[int], count: int
) -> None:
    desk = Desk(tmp_path_factory.mktemp("state"))  # type: ignore[attr-defined]
    decision, taken = _rated(count, 3600), []
    for number, pause in enumerate(pauses):
        desk.clock.advance(pause)
        if desk.admits(str(number), decision):
            taken.append(desk.clock.now())
    desk.state.close()
    for first in taken:
        assert sum(first <= at < first + 3_600_000 for at in taken) <= count


async def test_a_command_over_its_rate_is_refused_in_the_chat(rig: Rig) -> None:
    rig.policy.table["/git status"] = _rated(1, 60)
    await rig.says("/git status")
    await rig.chat.until("all done")
    await rig.says("/git status")
    text = await rig.chat.until("Not allowed")
    assert "1 a minute are used up; free again in 1 min" in text
    assert "rules.csv:1" in text
    assert len(rig.agent.tasks) == 1


async def test_a_call_over_its_rate_is_refused_to_the_agent(rig: Rig) -> None:
    got: list[str] = []

    async def script(puppet: Puppet) -> None:
        got.extend([await puppet.call("Read", f"toolu_{n}", file_path="a") for n in range(3)])

    rig.policy.table["Read"] = _rated(2, 3600)
    rig.agent.script = script
    await rig.says("look")
    await rig.chat.until("all done")
    assert got[:2] == ["ok", "ok"]
    assert "2 an hour are used up" in got[2]


async def test_a_job_whose_turn_comes_after_the_money_is_spent_is_not_started(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, TablePolicy({"/run": Allowed(RULE), "/project": Allowed(RULE)}))
    rig.policy.limits = (PER_DAY,)
    expensive = Ended(Ending.SUCCEEDED, "it was dear", Usage(cost_microdollars=5_000_000))
    started = []

    async def script(puppet: Puppet) -> Ended:
        started.append(puppet.task.job)
        await rig.chat.until("is waiting")
        return expensive

    rig.agent.script = script
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("/run one")
        await rig.chat.until("Job 1 started")
        await rig.says("/run two")
        text = await rig.chat.until("Job 2 stopped: ")
        assert "$5.00 a day are used up ($5.00); free again in 24 h 0 min" in text
        await rig.says("/run three")
        await rig.chat.until("Not allowed: $5.00 a day")
    assert started == [1]
    assert rig.state.job(JobId(2)).state is JobState.CANCELLED  # type: ignore[union-attr]
    assert rig.audit.names()[-1] != "job.started"
    rig.state.close()
