"""Which rules may cover another one, found without trying all; which roles go together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from appliance.policy.containment import generic
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.patterns import directory_keys, object_keys, pattern_keys
from appliance.policy.rules import EVERYBODY, PolicyRule

_Index = dict[tuple[str, str, str, str], list[int]]


class Reach:
    """Rules, filed by what they speak of."""

    def __init__(self, rules: Sequence[PolicyRule]) -> None:
        self._index: _Index = {}
        for number, rule in enumerate(rules):
            for head in pattern_keys(rule.act, rule.pattern):
                key = (rule.role, rule.act, rule.where, head)
                self._index.setdefault(key, []).append(number)

    def candidates(self, rule: PolicyRule, roles: Iterable[str]) -> list[int]:
        """The numbers of rules of these roles that may cover this one: they cover its generic
        text."""
        heads = object_keys(rule.act, generic(rule.act, rule.pattern))
        places = directory_keys(top(rule.where))
        return sorted(
            {
                number
                for role in roles
                for where in places
                for head in heads
                for number in self._index.get((role, rule.act, where, head), ())
            }
        )


def top(where: str) -> str:
    """The directory of a rule's place; "" for everywhere."""
    return "" if where == "*" else where.removesuffix("/**")


def roles_above(policy: LoadedPolicy, role: str) -> frozenset[str]:
    """What everybody has who has the role."""
    return policy.engine.roles_above(role) | {EVERYBODY}


def roles_beside(policy: LoadedPolicy) -> dict[str, set[str]]:
    """For each role, all roles of everybody who has it."""
    found: dict[str, set[str]] = {rule.role: {rule.role} for rule in policy.engine.rules}
    for user in policy.names.users:
        roles = policy.engine.roles_of(user) | {EVERYBODY}
        for role in roles:
            found.setdefault(role, set()).update(roles)
    return found
