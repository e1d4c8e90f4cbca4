"""Rates of rules and quotas of people: counted where it is decided, kept across crashes.

A rate counts requests: those of one user in which a rule had a say, whether they were allowed or
asked about, and each once however often the rule speaks in it. A use is counted before it is
recorded or done, and not again when a crash makes it come again: what is refused or fails
afterwards has still been used. Only what gives the
appliance work counts towards a quota, so that looking, answering and stopping always go. Costs
are those of jobs that have ended; they need no counter of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.core.model import (
    Allowed,
    Asks,
    Decision,
    Denied,
    Measure,
    Millis,
    ProjectName,
    Quota,
    Rule,
    UserName,
)
from appliance.core.replies import about_requests
from appliance.ports import Clock, Policy, State


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to do; `key` is that of the request.

    `is_work`: it gives the appliance work; `is_agents`: that of an agent, which costs money.
    """

    user: UserName
    project: ProjectName | None
    key: str
    is_work: bool = False
    is_agents: bool = False


@dataclass(frozen=True, slots=True)
class _Limit:
    counter: str
    count: int
    seconds: int
    rule: Rule


class Allowance:
    """What may still be used."""

    def __init__(self, state: State, policy: Policy, clock: Clock) -> None:
        self._state = state
        self._policy = policy
        self._clock = clock

    def admit(self, decision: Decision, use: Use) -> Decision:
        """The decision, with the use counted; or a refusal that says when it is free again."""
        if isinstance(decision, Denied):
            return decision
        if use.is_agents and (denied := self.over_cost(use.user, use.project)):
            return denied
        limits = [*_of_rules(decision, use), *self._of_quotas(use)]
        if not limits:
            return decision
        now = self._clock.now()
        with self._state.transaction():
            for limit in limits:
                if denied := self._refusal(limit, use.key, now):
                    return denied
            for limit in limits:
                forget_before = Millis(now - limit.seconds * 1000)
                self._state.count(limit.counter, use.key, now, forget_before)
        return decision

    def over_cost(self, user: UserName, project: ProjectName | None) -> Denied | None:
        """Why the user's agents may cost no more for now; None: they may."""
        for quota in self._policy.quotas(user, project):
            if quota.measure is Measure.COST and (denied := self._overspent(quota, user)):
                return denied
        return None

    def _of_quotas(self, use: Use) -> Iterator[_Limit]:
        if not use.is_work:
            return
        for quota in self._policy.quotas(use.user, use.project):
            if quota.measure is Measure.COMMANDS:
                counter = f"commands:{use.user}:{quota.project or ''}:{quota.seconds}"
                yield _Limit(counter, quota.limit, quota.seconds, quota.rule)

    def _refusal(self, limit: _Limit, key: str, now: Millis) -> Denied | None:
        if self._state.is_counted(limit.counter, key):
            return None  # a crash came after it was counted
        latest = self._state.latest_count(limit.counter, limit.count)
        free_at = latest + limit.seconds * 1000 if latest is not None else now
        if free_at <= now:
            return None
        return Denied(limit.rule, about_requests.used_up(limit.count, limit.seconds, free_at - now))

    def _overspent(self, quota: Quota, user: UserName) -> Denied | None:
        now, window = self._clock.now(), quota.seconds * 1000
        costs = self._state.costs(user, quota.project, Millis(now - window))
        spent = sum(cost for _, cost in costs)
        if spent < quota.limit:
            return None
        free_at, left = now, spent
        for ended_at, cost in costs:
            free_at, left = Millis(ended_at + window), left - cost
            if left < quota.limit:
                break
        return Denied(
            quota.rule, about_requests.overspent(quota.limit, spent, quota.seconds, free_at - now)
        )


def _of_rules(decision: Allowed | Asks, use: Use) -> Iterator[_Limit]:
    """A rule is known by its words: lines that move in its file do not start it anew."""
    for each in decision.rates:
        counter = f"rule:{use.user}:{' '.join(each.rule.text.split())}"
        yield _Limit(counter, each.rate.count, each.rate.seconds, each.rule)
