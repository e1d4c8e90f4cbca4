"""A line that counts at times only, and the wider one that counts in its place at others.

That is what hours of a denial mean, and often more than somebody thought of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from appliance.policy.containment import covers_rule, covers_when
from appliance.policy.lint.findings import Finding, Kind
from appliance.policy.lint.reach import Reach, roles_above, roles_beside
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.rules import Effect, PolicyRule
from appliance.policy.when import ALWAYS


def find(policy: LoadedPolicy) -> Iterator[Finding]:
    """Each denial that gives way to a permission, each approval that gives way to an easier one."""
    rules = policy.engine.rules
    timed = [rule for rule in rules if rule.when != ALWAYS and rule.effect in _WAYS]
    if not timed:
        return
    reach, beside = Reach(rules), roles_beside(policy)
    for rule in timed:
        numbers = reach.candidates(rule, beside[rule.role])
        around = [rules[number] for number in numbers if covers_rule(rules[number], rule)]
        yield from _WAYS[rule.effect](policy, rule, around)


def _denial(
    policy: LoadedPolicy, rule: PolicyRule, around: Sequence[PolicyRule]
) -> Iterator[Finding]:
    for other in around:
        if other.effect is Effect.ALLOW and not covers_when(rule.when, other.when):
            held = roles_above(policy, other.role)
            if not any(one.role in held and _is_always_strict(one) for one in around):
                yield Finding(
                    Kind.GIVES_WAY, rule.rule, other.rule,
                    f"it denies only {rule.when}; else {other.rule} allows it",
                    "if that is not meant, leave the times out, or let another line ask",
                )  # fmt: skip


def _is_always_strict(rule: PolicyRule) -> bool:
    """Whether nothing that the rule covers is ever allowed."""
    return rule.effect is Effect.APPROVE or (rule.effect is Effect.DENY and rule.when == ALWAYS)


def _approval(
    policy: LoadedPolicy, rule: PolicyRule, around: Sequence[PolicyRule]
) -> Iterator[Finding]:
    for other in around:
        is_wider = other.effect is Effect.APPROVE and not covers_rule(rule, other)
        if is_wider and not covers_when(rule.when, other.when) and _is_easier(policy, other, rule):
            yield Finding(
                Kind.GIVES_WAY, rule.rule, other.rule,
                f"it asks only {rule.when}; else {other.rule} asks, which others may answer",
                "if that is not meant, leave the times out, or narrow the other line",
            )  # fmt: skip


def _is_easier(policy: LoadedPolicy, rule: PolicyRule, than: PolicyRule) -> bool:
    """Whether fewer people, or people who may not answer the other rule, can approve."""
    if not than.by:
        return False
    fits = (not policy.engine.roles_above(role).isdisjoint(than.by) for role in rule.by)
    return not rule.by or rule.people < than.people or not all(fits)


_WAYS = {Effect.DENY: _denial, Effect.APPROVE: _approval}
