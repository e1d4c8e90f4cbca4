"""Who may run what they may write, and so may run anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from appliance.core.model import Act
from appliance.policy.interpreters import runs_what_it_reads
from appliance.policy.lint.findings import Finding, Kind
from appliance.policy.lint.reach import roles_beside, top
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.patterns import directory_keys
from appliance.policy.rules import Effect, PolicyRule


def find(policy: LoadedPolicy) -> Iterator[Finding]:
    """A role that may run what it may write, without being asked."""
    writes = _Writes(policy.engine.rules)
    beside = roles_beside(policy)
    for rule in policy.engine.rules:
        if rule.effect is Effect.ALLOW and rule.act is Act.BASH and _runs_files(rule.pattern):
            write = writes.find(rule.where, beside[rule.role])
            if write is not None:
                yield Finding(
                    Kind.INTERPRETER, rule.rule, write.rule,
                    f"who may write ({write.rule}) and run this may run anything",
                    "ask for one of the two (approve), or make it a recipe in commands.toml",
                )  # fmt: skip


class _Writes:
    """The rules that allow writing, by their places and by those around them."""

    def __init__(self, rules: Iterable[PolicyRule]) -> None:
        self._at: dict[str, list[PolicyRule]] = {}
        self._below: dict[str, list[PolicyRule]] = {}
        for rule in rules:
            if rule.effect is Effect.ALLOW and rule.act is Act.WRITE:
                self._at.setdefault(rule.where, []).append(rule)
                for place in directory_keys(top(rule.where)):
                    self._below.setdefault(place, []).append(rule)

    def find(self, where: str, roles: set[str]) -> PolicyRule | None:
        """One for these roles whose place has something in common with `where`."""
        around = (self._at.get(place, ()) for place in directory_keys(top(where)))
        rules = chain(*around, self._below.get(where, ()))
        return next((rule for rule in rules if rule.role in roles), None)


def _runs_files(pattern: str) -> bool:
    return any(
        runs_what_it_reads(word) or word.startswith("./")
        for word in pattern.split(" ")[0].split("|")
    )
