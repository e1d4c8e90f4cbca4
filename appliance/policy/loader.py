"""A policy directory to a `LoadedPolicy`, or every mistake in it at once.

A policy is loaded whole or not at all, and is never looser than written: a name nobody
declared, a word we do not know, two lines that contradict each other, an empty rule set, a test
line that does not come out are refused, not guessed.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from appliance.core.model import Project, ProjectName, Rule, UserName
from appliance.errors import PolicyError
from appliance.policy import rules, sources, trials
from appliance.policy.commands import recipes
from appliance.policy.engine import Engine
from appliance.policy.fields import SHAPES, Line, cut
from appliance.policy.grants import check as check_granted
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.paths import Guard
from appliance.policy.quotas import role_quotas
from appliance.policy.rules import Effect, Grant, Names, PolicyRule, RuleReader

MAX_ROLE_DEPTH = 8
"""Casbin follows roles of roles ten deep; a longer chain would end in silence."""


def load(
    directory: Path,
    users: Collection[UserName],
    projects: Mapping[ProjectName, Project],
    *,
    ours: Sequence[str] = (),
    automations: Collection[UserName] = (),
    granted: sources.Source | None = None,
) -> LoadedPolicy:
    """The policy in `directory` for these users and projects, after its tests came out right.

    `ours` are our own files and directories (settings, state, credentials): like the policy
    itself they are protected whatever a wide rule says. `automations` are the users who are no
    people, `granted` is the file of `grants`. Raises PolicyError with one line per mistake.
    """
    policy = load_untried(
        directory, users, projects, ours=ours, automations=automations, granted=granted
    )
    failed = [o for o in trials.run(policy.trials, policy.decide) if not o.is_right]
    _refuse_with(f"{outcome.trial.rule}:1: {outcome}" for outcome in failed)
    return policy


def load_untried(
    directory: Path,
    users: Collection[UserName],
    projects: Mapping[ProjectName, Project],
    *,
    ours: Sequence[str] = (),
    automations: Collection[UserName] = (),
    granted: sources.Source | None = None,
) -> LoadedPolicy:
    """The same before its tests have been tried, to show what they say. Not to be used."""
    with _uncollected():
        return _loaded(directory, users, projects, ours, automations, granted)


@contextmanager
def _uncollected() -> Iterator[None]:
    """All the objects of a policy stay: looking for garbage among them takes half the time.

    Freezing puts them with what is old without a look at each, unfreezing leaves them there.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _loaded(
    directory: Path,
    users: Collection[UserName],
    projects: Mapping[ProjectName, Project],
    ours: Sequence[str],
    automations: Collection[UserName],
    granted: sources.Source | None,
) -> LoadedPolicy:
    mistakes: list[str] = []
    found = sources.read(directory, mistakes, granted)
    written = [line for source in found.rules for line in cut(source.name, source.text, mistakes)]
    given = cut(granted.name, granted.text, mistakes) if granted else []
    of_kind = _by_kind([*written, *given])
    grants = [rules.grant(line) for line in of_kind["g"]]
    names = replace(_names(users, projects, grants, mistakes), automations=frozenset(automations))
    check_granted(given, written, grants, names)
    reader = RuleReader(names)
    policy_rules = _rules(of_kind["p"], reader)
    quotas = [q for line in of_kind["q"] for q in role_quotas(line, names, reader)]
    tried = [t for line in of_kind["t"] for t in trials.trials_of(line, names)]
    _check_grants(of_kind, names)
    if not mistakes:
        _check_inheritance(grants, mistakes)
    commands = recipes(found.commands, mistakes)
    if not policy_rules and not mistakes:
        mistakes.append(f"{directory}: no rules; an empty policy would let nobody do anything")
    _refuse_with(mistakes)
    return LoadedPolicy(
        engine=Engine(found.model, policy_rules, grants, names.users),
        names=names,
        guard=Guard((*ours, str(directory))),
        commands=commands,
        sha256=found.sha256,
        quotas=tuple(quotas),
        trials=tuple(tried),
        grants=tuple(grants),
    )


def _refuse_with(mistakes: Iterable[str]) -> None:
    """Raises PolicyError when there are mistakes; in the order of the files."""
    told = sorted(dict.fromkeys(mistakes), key=_place)
    if told:
        raise PolicyError("\n".join(told), hint="dispatchctl policy check says it all again")


def _place(mistake: str) -> tuple[str, int, int]:
    found = re.match(r"(.*?):([0-9]+)(?::([0-9]+))?: ", mistake)
    return (found[1], int(found[2]), int(found[3] or 0)) if found else ("", 0, 0)


def _by_kind(lines: Iterable[Line]) -> Mapping[str, list[Line]]:
    found: dict[str, list[Line]] = {kind: [] for kind in SHAPES}
    for line in lines:
        found[line.fields[0]].append(line)
    return found


def _rules(lines: Sequence[Line], reader: RuleReader) -> list[PolicyRule]:
    found = reader.rules(lines)
    if len({(one.role, one.where, one.act, one.pattern) for one in found}) < len(found):
        _check_for_contradictions(found, {line.rule: line for line in lines})
    return found


def _check_for_contradictions(found: Iterable[PolicyRule], lines: Mapping[Rule, Line]) -> None:
    """Two rules that say different things about the same are a mistake in the later one."""
    said: dict[object, PolicyRule] = {}
    for rule in found:
        # a fallback still asks about what an allowing line cannot reach
        is_last = rule.effect is Effect.FALLBACK
        key = (rule.role, rule.where, rule.act, rule.pattern, rule.when, is_last)
        before = said.setdefault(key, rule)
        if before.effect is not rule.effect:
            wrong = f"this says {rule.effect}, but {before.rule} says {before.effect}"
            lines[rule.rule].wrong(wrong, 5)


def _names(
    users: Collection[UserName],
    projects: Mapping[ProjectName, Project],
    grants: Sequence[Grant],
    mistakes: list[str],
) -> Names:
    paths = {name: project.path for name, project in projects.items()}
    mistakes += [
        f'dispatch.toml: the path of project {name} has a "*", which is a wildcard in rules'
        for name, path in paths.items()
        if "*" in path
    ]
    return Names(frozenset(users), paths, frozenset(grant.role for grant in grants))


def _check_grants(of_kind: Mapping[str, Sequence[Line]], names: Names) -> None:
    """A role is of use when a rule, an approval, a quota or another role speaks of it."""
    useful = {line.fields[1] for lines in of_kind.values() for line in lines}
    columns = {line.fields[6] for line in of_kind["p"] if len(line.fields) == 7}
    useful |= {
        role
        for column in columns
        for word in column.split()
        if word.startswith("by=")
        for role in word[3:].partition("*")[0].split("|")
    }
    useful -= names.users
    for line in of_kind["g"]:
        rules.check_grant(line, names, useful)


def _check_inheritance(grants: Sequence[Grant], mistakes: list[str]) -> None:
    parents: dict[str, list[str]] = {}
    for grant in grants:
        parents.setdefault(grant.member, []).append(grant.role)
    mistakes += [
        f"{grant.rule}:1: {grant.member} inherits roles in a circle, or more than "
        f"{MAX_ROLE_DEPTH} deep"
        for grant in grants
        if _depth(grant.member, parents) > MAX_ROLE_DEPTH
    ]


def _depth(name: str, parents: Mapping[str, Sequence[str]]) -> int:
    """How far up the roles of `name` go; stops counting past the limit, so circles end."""
    level, depth = {name}, 0
    while level and depth <= MAX_ROLE_DEPTH:
        level = {role for member in level for role in parents.get(member, ())}
        depth += bool(level)
    return depth
