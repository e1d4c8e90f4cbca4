"""Who may what more, and who less, after a change of the rules.

Every pattern of a line that was added, taken away or moved is tried for everybody, before and
after; for somebody whose roles have changed, every pattern of these roles. So a line that
changes nothing (it was covered already) is no difference, and a denial that takes away a part
of something is one. They are tried at no particular time: where hours matter, the strictest of
them is told, with the hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.model import Act, Millis, Platform, Rule, UserName
from appliance.policy.atoms import Atom
from appliance.policy.containment import generic
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.rules import Effect, PolicyRule
from appliance.policy.when import ALWAYS


class Direction(StrEnum):
    """Whether somebody may more or less than before, or the same under other conditions."""

    MORE = "more"
    LESS = "less"
    OTHERWISE = "otherwise"


_SIGNS = {Direction.MORE: "+", Direction.LESS: "-", Direction.OTHERWISE: "~"}


@dataclass(frozen=True, slots=True)
class Change:
    """What `user` got for `pattern` in a project ("*": in all) before, and gets now.

    `rule` is the line that says so now; None: no line speaks of it any more.
    """

    direction: Direction
    user: UserName
    project: str
    act: Act
    pattern: str
    before: str
    after: str
    rule: Rule | None

    def __str__(self) -> str:
        sign = _SIGNS[self.direction]
        where = "everywhere" if self.project == "*" else f"in {self.project}"
        by = f" ({self.rule})" if self.rule else ""
        return (
            f"{sign} {self.user} {where}: {self.act} {self.pattern}: "
            f"{self.before} → {self.after}{by}"
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What somebody gets: the looser, the lower the rank."""

    rank: int
    words: str
    rule: Rule | None = None


def _answer(policy: LoadedPolicy, user: UserName, directory: str, atom: Atom) -> _Answer:
    question = (user, directory, atom, Millis(0), Platform.TERMINAL)
    finding = policy.engine.judge(*question)
    said = sorted(finding.rules, key=lambda rule: rule.when != ALWAYS)[:1]
    if finding.effect in (None, Effect.FALLBACK):
        looser = (rule for rule in policy.engine.silent(*question) if rule.effect in _LOOSER)
        said += sorted(looser, key=lambda rule: _LOOSER.index(rule.effect))[:1]
    words = ", ".join(dict.fromkeys(map(_granted, said))) or "denied"
    is_more = len(said) > len(finding.rules[:1])
    return _Answer(_RANKS[finding.effect] - is_more, words, said[-1].rule if said else None)


_LOOSER = (Effect.ALLOW, Effect.FALLBACK)
"""What is more than nothing, or than to be asked, at the times when it counts."""

_RANKS = {
    Effect.ALLOW: 0, Effect.APPROVE: 2, Effect.FALLBACK: 2, Effect.CLOSED: 3, None: 4,
    Effect.DENY: 4,
}  # fmt: skip


def _granted(rule: PolicyRule) -> str:
    limit = f", at most {rule.rate.count} in {rule.rate.seconds} s" if rule.rate else ""
    only = f" only {rule.when}" if rule.when != ALWAYS else ""
    if rule.effect is Effect.DENY:
        return f"denied{only}"
    if rule.effect is Effect.ALLOW:
        return f"allowed{only}{limit}"
    people = f" {rule.people} of" if rule.people > 1 else ""
    return f"asks{people}{' ' if rule.by else ''}{'|'.join(rule.by)}{only}{limit}"


def between(old: LoadedPolicy, new: LoadedPolicy) -> tuple[Change, ...]:
    """All changes, by user; what is more stands before what is less."""
    found: dict[tuple[object, ...], list[Change]] = {}
    for change in _changes(old, new):
        key = (change.user, change.act, change.pattern, change.before, change.after)
        found.setdefault(key, []).append(change)
    projects = len({*old.names.projects, *new.names.projects})
    merged = [one for group in found.values() for one in _merged(group, projects)]
    return tuple(sorted(merged, key=lambda c: (c.user, c.direction != Direction.MORE)))


def _merged(group: list[Change], projects: int) -> list[Change]:
    """One change instead of the same one in each project."""
    if len(group) < projects or projects < 2:
        return list(dict.fromkeys(group))
    first = group[0]
    return [
        Change(
            first.direction, first.user, "*", first.act, first.pattern, first.before,
            first.after, first.rule,
        )
    ]  # fmt: skip


def _changes(old: LoadedPolicy, new: LoadedPolicy) -> Iterator[Change]:
    touched = _touched(old.engine.rules, new.engine.rules)
    for user in sorted(old.names.users | new.names.users):
        roles = old.engine.roles_of(user) ^ new.engine.roles_of(user)
        rules = {
            _subject(rule): rule
            for rule in (*old.engine.rules, *new.engine.rules)
            if _subject(rule) in touched or rule.role in roles
        }
        for rule in rules.values():
            yield from _change(old, new, user, rule)


def _touched(
    before: Iterable[PolicyRule], after: Iterable[PolicyRule]
) -> set[tuple[str, Act, str]]:
    """What the lines speak of that are not in both policies."""
    old, new = ({_meaning(rule): _subject(rule) for rule in rules} for rules in (before, after))
    return {
        subject for key, subject in (*old.items(), *new.items()) if (key in old) != (key in new)
    }


def _subject(rule: PolicyRule) -> tuple[str, Act, str]:
    return (rule.where, rule.act, rule.pattern)


def _meaning(rule: PolicyRule) -> tuple[object, ...]:
    """The rule without the line where it stands."""
    return (
        rule.role, rule.where, rule.act, rule.pattern, rule.effect, rule.by, rule.people,
        rule.ttl_seconds, rule.job_wide, rule.rate, rule.when,
    )  # fmt: skip


def _change(
    old: LoadedPolicy, new: LoadedPolicy, user: UserName, rule: PolicyRule
) -> Iterator[Change]:
    atom = Atom(rule.act, generic(rule.act, rule.pattern), rule.pattern)
    for project, directory in _places(new, rule):
        before = _answer(old, user, directory, atom)
        after = _answer(new, user, directory, atom)
        if before.words != after.words:
            yield Change(
                _direction(before.rank, after.rank), user, project, rule.act,
                _shown(new, rule), before.words, after.words, after.rule,
            )  # fmt: skip


def _direction(before: int, after: int) -> Direction:
    if before == after:
        return Direction.OTHERWISE
    return Direction.MORE if after < before else Direction.LESS


def _places(policy: LoadedPolicy, rule: PolicyRule) -> list[tuple[str, str]]:
    """(project, directory) for each place where the rule counts."""
    if rule.act is Act.ADMIN:
        return [("*", "")]
    top = rule.where.removesuffix("/**")
    return [
        (name, path if rule.where == "*" or path.startswith(f"{top}/") else top)
        for name, path in policy.names.projects.items()
        if rule.where == "*" or f"{top}/".startswith(f"{path}/") or path.startswith(f"{top}/")
    ]


def _shown(policy: LoadedPolicy, rule: PolicyRule) -> str:
    """A path pattern as people write it: relative to its project."""
    for path in policy.names.projects.values():
        if rule.act in (Act.READ, Act.WRITE) and rule.pattern.startswith(f"{path}/"):
            return rule.pattern.removeprefix(f"{path}/")
    return rule.pattern
