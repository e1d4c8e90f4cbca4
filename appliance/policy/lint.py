"""What a policy that loads may still get wrong: lines without effect, and lines too wide.

Each finding names a line, the other line it is about, and what to do. Pairs of lines are
compared, exactly (see `containment`); three lines that only together make a fourth one useless
are not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import chain

from appliance.core.model import Act, Rule
from appliance.policy.containment import covers_rule, generic
from appliance.policy.interpreters import runs_what_it_reads
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.patterns import (
    EVERYTHING,
    PATH_ACTS,
    directory_keys,
    is_exact,
    object_keys,
    pattern_keys,
    within,
)
from appliance.policy.rules import EVERYBODY, Effect, PolicyRule


class Kind(StrEnum):
    """What is the matter with a line."""

    UNREACHABLE = "unreachable"
    SHADOWED = "shadowed"
    REDUNDANT = "redundant"
    CONFLICTING = "conflicting"
    TOO_WIDE = "too wide"
    INTERPRETER = "interpreter"


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` is the line to look at, `other` the one it is about, where there is one."""

    kind: Kind
    rule: Rule
    other: Rule | None
    what: str
    advice: str


def lint(policy: LoadedPolicy, today: date) -> list[Finding]:
    """Everything there is to say, in the order of the files; each line once for each kind."""
    rules = policy.engine.rules
    found = [
        *_pairs(policy),
        *(finding for rule in rules for finding in _alone(policy, rule, today)),
        *_interpreters(policy),
    ]
    first: dict[tuple[Kind, Rule], Finding] = {}
    for finding in found:
        first.setdefault((finding.kind, finding.rule), finding)
    return sorted(first.values(), key=lambda one: (one.rule.path, one.rule.line, one.kind))


# --- two rules


_Index = dict[tuple[str, str, str, str, str], list[int]]


def _pairs(policy: LoadedPolicy) -> Iterator[Finding]:
    """What one line says about all that another line speaks of, for everybody it speaks of."""
    rules = policy.engine.rules
    index: _Index = {}
    for number, rule in enumerate(rules):
        for head in pattern_keys(rule.act, rule.pattern):
            index.setdefault((rule.role, rule.act, rule.where, *head), []).append(number)
    above = {
        role: policy.engine.roles_above(role) | {EVERYBODY} for role in {r.role for r in rules}
    }
    for number, rule in enumerate(rules):
        for other in _candidates(index, rule, above[rule.role]):
            if other != number and rules[other].rule != rule.rule:
                yield from _pair(policy, rule, rules[other], is_later=number > other)


def _candidates(index: _Index, rule: PolicyRule, roles: Iterable[str]) -> list[int]:
    """The rules that may cover this one: those that cover its generic text."""
    heads = object_keys(rule.act, generic(rule.act, rule.pattern))
    places = directory_keys(_top(rule.where))
    return sorted(
        {
            number
            for role in roles
            for where in places
            for head in heads
            for number in index.get((role, rule.act, where, *head), ())
        }
    )


def _pair(
    policy: LoadedPolicy, rule: PolicyRule, wide: PolicyRule, *, is_later: bool
) -> Iterator[Finding]:
    if not covers_rule(wide, rule):
        return
    if rule.effect is not wide.effect:
        yield from _hidden(rule, wide)
    elif _is_needed(rule, wide):
        yield from _of_two_minds(policy, rule, wide)
    elif is_later or not covers_rule(rule, wide) or rule.role != wide.role:
        yield Finding(
            Kind.REDUNDANT, rule.rule, wide.rule, f"{wide.rule} says the same, and more",
            "delete this line, or narrow the other one",
        )  # fmt: skip


def _hidden(rule: PolicyRule, wide: PolicyRule) -> Iterator[Finding]:
    if not _hides(wide, rule):
        return
    if covers_rule(rule, wide) and rule.role == wide.role:
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
            f"it never allows by itself: {wide.rule} asks about all of it",
            "delete this line, or add \"fallback\" to the other one",
        )  # fmt: skip


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


# --- one rule


def _alone(policy: LoadedPolicy, rule: PolicyRule, today: date) -> Iterator[Finding]:
    if rule.when.until is not None and rule.when.until < today:
        yield Finding(
            Kind.UNREACHABLE, rule.rule, None, f"it ended on {rule.when.until}", "delete this line"
        )
    if rule.by:
        yield from _approvers(policy, rule)
    if rule.effect is Effect.ALLOW and (what := _too_wide(policy, rule)):
        yield Finding(
            Kind.TOO_WIDE, rule.rule, None, what,
            "name what is needed, or write approve instead of allow",
        )  # fmt: skip


def _approvers(policy: LoadedPolicy, rule: PolicyRule) -> Iterator[Finding]:
    people = policy.names.users - policy.names.automations
    able = [u for u in people if not policy.engine.roles_of(u).isdisjoint(rule.by)]
    if len(able) < rule.people:
        yield Finding(
            Kind.UNREACHABLE, rule.rule, None,
            f"it needs {rule.people} to approve, and {len(able)} have a role that may",
            "give a role to more people, or ask for fewer",
        )  # fmt: skip


def _too_wide(policy: LoadedPolicy, rule: PolicyRule) -> str:
    find = _WIDE.get(rule.act)
    if what := find(rule.pattern) if find else "":
        return what
    if rule.act in PATH_ACTS and not _is_in_project(policy, rule.pattern):
        return "it reaches files outside of every project"
    if rule.role == EVERYBODY and rule.act in (Act.BASH, Act.WRITE, Act.ADMIN):
        return f"it lets everybody {'write' if rule.act is Act.WRITE else 'run this'}"
    return ""


def _is_in_project(policy: LoadedPolicy, pattern: str) -> bool:
    if "*" not in pattern:
        return True  # named exactly, so meant
    start = pattern_keys(Act.READ, pattern)[0][0]
    return any(within(start, f"{path}/**") for path in policy.names.projects.values())


def _any_of(what: str) -> Callable[[str], str]:
    """Whether the first word may be anything."""
    return lambda pattern: what if pattern.split(" ")[0] in ("*", EVERYTHING) else ""


def _wide_mcp(pattern: str) -> str:
    server, _, tool = pattern.partition("/")
    if server in ("*", EVERYTHING):
        return "it allows every tool of every MCP server"
    return f'it allows every tool of the MCP server "{server}"' if tool == "*" else ""


def _wide_host(pattern: str) -> str:
    labels = pattern.rpartition("*")[2]
    if pattern in ("*", EVERYTHING):
        return "it allows every host, and so any text to go anywhere"
    return f'"{pattern}" covers names that anybody can buy' if _is_suffix(pattern, labels) else ""


def _is_suffix(pattern: str, labels: str) -> bool:
    return "*" in pattern and labels.strip(".").count(".") == 0


_WIDE: dict[str, Callable[[str], str]] = {
    Act.BASH: _any_of("it allows every program with reviewed options"),
    Act.WEB: _wide_host,
    Act.MCP: _wide_mcp,
    Act.TOOL: _any_of("it allows every tool there is"),
}


# --- who writes and runs


def _interpreters(policy: LoadedPolicy) -> Iterator[Finding]:
    """A role that may run what it may write, without being asked."""
    writes = _Writes(policy.engine.rules)
    beside = _roles_beside(policy)
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
                for place in directory_keys(_top(rule.where)):
                    self._below.setdefault(place, []).append(rule)

    def find(self, where: str, roles: set[str]) -> PolicyRule | None:
        """One for these roles whose place has something in common with `where`."""
        around = (self._at.get(place, ()) for place in directory_keys(_top(where)))
        rules = chain(*around, self._below.get(where, ()))
        return next((rule for rule in rules if rule.role in roles), None)


def _top(where: str) -> str:
    return "" if where == "*" else where.removesuffix("/**")


def _runs_files(pattern: str) -> bool:
    return any(
        runs_what_it_reads(word) or word.startswith("./")
        for word in pattern.split(" ")[0].split("|")
    )


def _roles_beside(policy: LoadedPolicy) -> dict[str, set[str]]:
    """For each role, all roles of everybody who has it."""
    found: dict[str, set[str]] = {rule.role: {rule.role} for rule in policy.engine.rules}
    for user in policy.names.users:
        roles = policy.engine.roles_of(user) | {EVERYBODY}
        for role in roles:
            found.setdefault(role, set()).update(roles)
    return found
