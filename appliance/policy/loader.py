"""A policy directory to a `LoadedPolicy`, or every mistake in it at once.

A policy is loaded whole or not at all, and is never looser than written: a name nobody
declared, a word we do not know, an empty rule set are refused, not guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from appliance.core.model import Project, ProjectName, UserName
from appliance.errors import PolicyError
from appliance.policy import rules, sources
from appliance.policy.commands import recipes
from appliance.policy.engine import Engine
from appliance.policy.loaded import LoadedPolicy
from appliance.policy.paths import Guard
from appliance.policy.rules import Grant, Line, Names

MAX_ROLE_DEPTH = 8
"""Casbin follows roles of roles ten deep; a longer chain would end in silence."""


def load(
    directory: Path,
    users: Collection[UserName],
    projects: Mapping[ProjectName, Project],
    *,
    ours: Sequence[str] = (),
    automations: Collection[UserName] = (),
) -> LoadedPolicy:
    """The policy in `directory` for these users and projects.

    `ours` are our own directories (state, credentials): like the policy itself they are
    protected whatever a wide rule says. `automations` are the users who are no people. Raises
    PolicyError with one line per mistake.
    """
    mistakes: list[str] = []
    found = sources.read(directory, mistakes)
    lines = [
        line for source in found.rules for line in rules.cut(source.name, source.text, mistakes)
    ]
    grants = [rules.grant(line) for line in lines if line.is_grant]
    names = replace(_names(users, projects, grants, mistakes), automations=frozenset(automations))
    policy_rules = [
        rule for line in lines if not line.is_grant for rule in rules.policy_rules(line, names)
    ]
    _check_grants(lines, names, mistakes)
    if not mistakes:
        _check_inheritance(grants, mistakes)
    commands = recipes(found.commands, mistakes)
    if not policy_rules and not mistakes:
        mistakes.append(f"{directory}: no rules; an empty policy would let nobody do anything")
    if mistakes:
        raise PolicyError(
            "\n".join(dict.fromkeys(mistakes)), hint="dispatchctl policy check says it all again"
        )
    return LoadedPolicy(
        engine=Engine(found.model, policy_rules, grants, names.users),
        names=names,
        guard=Guard((*ours, str(directory))),
        commands=commands,
        sha256=found.sha256,
    )


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


def _check_grants(lines: Sequence[Line], names: Names, mistakes: list[str]) -> None:
    """A role is of use when a rule, an approval or another role speaks of it."""
    useful = {line.fields[1] for line in lines}
    useful |= {
        role
        for line in lines
        for word in (line.fields[6].split() if len(line.fields) == 7 else ())
        if word.startswith("by=")
        for role in word[3:].split("|")
    }
    useful -= names.users
    for line in lines:
        if line.is_grant:
            rules.check_grant(line, names, frozenset(useful))


def _check_inheritance(grants: Sequence[Grant], mistakes: list[str]) -> None:
    parents: dict[str, list[str]] = {}
    for grant in grants:
        parents.setdefault(grant.member, []).append(grant.role)
    mistakes += [
        f"{grant.rule}: {grant.member} inherits roles in a circle, or more than "
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
