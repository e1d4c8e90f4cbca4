"""Two lines about the same, one of them about more: what is left for the other one to say."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.policy.containment import covers_rule, covers_when
from appliance.policy.lint.findings import Finding, Kind
from appliance.policy.lint.reach import Reach, roles_above
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.patterns import is_exact
from appliance.policy.rules import Effect, PolicyRule
from appliance.policy.when import ALWAYS, When


def find(policy: LoadedPolicy) -> Iterator[Finding]:
    """What one line says about all that another line speaks of, for everybody it speaks of."""
    rules = policy.engine.rules
    wide_rules = Reach(rules)
    above = {role: roles_above(policy, role) for role in {rule.role for rule in rules}}
    for number, rule in enumerate(rules):
        for other in wide_rules.candidates(rule, above[rule.role]):
            if other != number and rules[other].rule != rule.rule:
                yield from _pair(policy, rule, rules[other], is_later=number > other)


def _pair(
    policy: LoadedPolicy, rule: PolicyRule, wide: PolicyRule, *, is_later: bool
) -> Iterator[Finding]:
    if not covers_rule(wide, rule):
        return
    if rule.effect is not wide.effect:
        yield from _hidden(rule, wide)
    elif not covers_when(wide.when, rule.when):
        return
    elif _is_needed(rule, wide):
        yield from _of_two_minds(policy, rule, wide)
    elif is_later or not (_is_same(rule, wide) and covers_when(rule.when, wide.when)):
        yield Finding(
            Kind.REDUNDANT, rule.rule, wide.rule, f"{wide.rule} says the same, and more",
            "delete this line, or narrow the other one",
        )  # fmt: skip


def _hidden(rule: PolicyRule, wide: PolicyRule) -> Iterator[Finding]:
    if not _hides(wide, rule) or not covers_when(_speaks(wide), _speaks(rule)):
        return
    if _is_same(rule, wide) and covers_when(_speaks(rule), _speaks(wide)):
        yield Finding(
            Kind.CONFLICTING, rule.rule, wide.rule,
            f"{wide.rule} says {wide.effect} about the same; the strictest wins",
            "decide for one of the two lines",
        )  # fmt: skip
    elif wide.effect is Effect.DENY or rule.effect is Effect.FALLBACK:
        yield Finding(
            Kind.UNREACHABLE, rule.rule, wide.rule,
            f"it never counts: {wide.rule} says {wide.effect} about all of it",
            "delete this line, or narrow the other one",
        )  # fmt: skip
    else:
        yield Finding(
            Kind.SHADOWED, rule.rule, wide.rule,
            f"it never allows by itself: {wide.rule} asks about all of it{_or_refuses(wide)}",
            "delete this line, or add \"fallback\" to the other one",
        )  # fmt: skip


def _is_same(rule: PolicyRule, wide: PolicyRule) -> bool:
    """Whether a rule covers the one that covers it."""
    return rule.role == wide.role and covers_rule(rule, wide)


def _speaks(rule: PolicyRule) -> When:
    """When the rule says anything: what can be asked for at times only is refused at others."""
    return ALWAYS if rule.effect is Effect.APPROVE else rule.when


def _or_refuses(wide: PolicyRule) -> str:
    return f" {wide.when}, and refuses else" if wide.when != ALWAYS else ""


def _hides(wide: PolicyRule, rule: PolicyRule) -> bool:
    """Whether nothing is left for `rule` to say where `wide` covers it."""
    if wide.effect is Effect.DENY:
        return True
    if wide.effect is not Effect.APPROVE:
        return False  # what is not understood is never allowed, and a fallback still asks
    reaches_more = is_exact(rule.act, rule.pattern) and not is_exact(wide.act, wide.pattern)
    return rule.effect is Effect.FALLBACK or (rule.effect is Effect.ALLOW and not reaches_more)


def _is_needed(rule: PolicyRule, wide: PolicyRule) -> bool:
    """Whether a rule says something that a wider one with the same effect does not."""
    if rule.effect is Effect.DENY:
        return False
    return _terms(rule) != _terms(wide) or (
        is_exact(rule.act, rule.pattern) and not is_exact(wide.act, wide.pattern)
    )


def _terms(rule: PolicyRule) -> tuple[object, ...]:
    return (rule.by, rule.people, rule.ttl_seconds, rule.job_wide, rule.rate)


def _of_two_minds(policy: LoadedPolicy, rule: PolicyRule, wide: PolicyRule) -> Iterator[Finding]:
    """Two lines that ask about the same, but no person may answer both."""
    if not (rule.by and wide.by):
        return
    asked = (set(rule.by), set(wide.by))
    fits = any(
        all(not group.isdisjoint(policy.engine.roles_of(user)) for group in asked)
        for user in policy.names.users
    )
    if not fits:
        yield Finding(
            Kind.CONFLICTING, rule.rule, wide.rule,
            f"{wide.rule} asks about it, too, and nobody has a role of both lines",
            "name a common role in by= of both lines",
        )  # fmt: skip
