"""Grants and rules: a line's words checked against the names that exist.

    g, alice, owner                                     alice (or a role) has the role owner
    p, owner, demo, bash, git push **, approve, by=lead ttl=10m    a rule

What a line does not know it refuses, with the nearest right word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import NamedTuple

from appliance.core.model import Act, Millis, Platform, ProjectName, Rate, Rule, UserName
from appliance.core.toml import nearest
from appliance.policy import options, patterns
from appliance.policy.fields import Line
from appliance.policy.options import DEFAULT_TTL_SECONDS, Options
from appliance.policy.tools import TOOLS
from appliance.policy.when import ALWAYS, When

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
EVERYBODY = "*"
MAX_PATTERN_CHARACTERS = 1_000


class Effect(StrEnum):
    """What a matching rule says. `FALLBACK` asks too, but only where no other rule matches.

    `CLOSED` refuses: an approval that cannot be asked for now. No line says that.
    """

    DENY = "deny"
    APPROVE = "approve"
    CLOSED = "closed"
    ALLOW = "allow"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Grant:
    """`member`, a user or a role, has `role`."""

    member: str
    role: str
    rule: Rule


class PolicyRule(NamedTuple):
    """A checked rule. `where`: "*", a directory, or "DIRECTORY/**"; path patterns are absolute.

    A rule for files that is written for several projects becomes one of these for each. A tuple,
    because there are thousands and a frozen dataclass takes three times as long to make.
    """

    role: str
    where: str
    act: Act
    pattern: str
    effect: Effect
    rule: Rule
    by: tuple[str, ...] = ()
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    people: int = 1
    job_wide: bool = False
    rate: Rate | None = None
    when: When = ALWAYS

    def says(self, at: Millis, via: Platform) -> Effect | None:
        """What the rule says now; None: nothing.

        Where its conditions do not hold, an `approve` refuses: otherwise they would free what it
        is there to ask about. Where now is not known, a rule says the strictest it ever does.
        """
        if self.when.holds(at, via, unknown=self.effect is Effect.DENY):
            return self.effect
        return Effect.CLOSED if self.effect is Effect.APPROVE else None


@dataclass(frozen=True, slots=True)
class Names:
    """What a line may speak of."""

    users: frozenset[UserName]
    projects: Mapping[ProjectName, str]
    roles: frozenset[str]
    automations: frozenset[UserName] = frozenset()


# --- grants


def grant(line: Line) -> Grant:
    """The grant as written; `check_grant` says whether its names exist."""
    _, member, role = line.fields
    return Grant(member, role, line.rule)


def check_grant(line: Line, names: Names, useful: Collection[str]) -> None:
    """Notes names nobody has declared, and roles that are no use."""
    _, member, role = line.fields
    if not NAME.fullmatch(role):
        line.wrong(f'"{role}" cannot be a role: small letters, digits and -', 2)
    elif role in names.users:
        line.wrong(f'"{role}" is a user; a role needs another name', 2)
    elif role not in useful:
        line.wrong(f'the role "{role}" has no rules{nearest(role, useful)}', 2)
    if member not in names.users and member not in names.roles:
        near = nearest(member, [*names.users, *names.roles])
        line.wrong(f'no user or role called "{member}"{near}; users are in dispatch.toml', 1)


# --- rules


@dataclass(frozen=True, slots=True)
class _Terms:
    """What act, effect and options of a line come to; thousands of lines share a few of these."""

    act: Act
    effect: Effect
    options: Options


_UNCOUNTED = 'what is done for the act "admin" is not counted: take the rate away'

_Wrong = tuple[int, str, str]
"""In which field something is wrong, what, and at which word, "" where it is the whole field."""


class RuleReader:
    """Reads the rules of one policy. What a word means is looked up once for all lines."""

    def __init__(self, names: Names) -> None:
        self._names = names
        paths = names.projects.values()
        self._projects = frozenset(f"{path}/**" for path in paths)
        self._around = frozenset(k for path in paths for k in patterns.directory_keys(path)[1:])
        self.wrong_role = cache(partial(_wrong_role, names))
        self._place = cache(self._look_up)
        self._terms = cache(self._read_terms)

    def rules(self, lines: Iterable[Line]) -> list[PolicyRule]:
        """All rules; for a line without one, at least one mistake is noted."""
        found: list[PolicyRule] = []
        for line in lines:
            _, role, where, act, pattern, effect, *column = line.fields
            place, wrong_place = self._place(where)
            terms, wrong_terms = self._terms(act, effect, *column)
            wrong_role, wrong_pattern = self.wrong_role(role), _wrong_pattern(act, pattern, effect)
            if terms is None or wrong_role or wrong_place or wrong_pattern:
                wrong = ((1, wrong_role, ""), (2, wrong_place, ""), (4, wrong_pattern, ""))
                _note(line, (*wrong, *wrong_terms))
                continue
            chosen = terms.options
            rule = PolicyRule(
                role, place, terms.act, pattern, terms.effect, line.rule, chosen.by,
                chosen.ttl_seconds, chosen.people, chosen.job_wide, chosen.rate, chosen.when,
            )  # fmt: skip
            rule = rule._replace(pattern=patterns.rooted(act, pattern))
            is_relative = act in patterns.PATH_ACTS and not rule.pattern.startswith("/")
            found += self._below(rule) if is_relative else (rule,)
        return found

    def _read_terms(
        self, act: str, effect: str, column: str = ""
    ) -> tuple[_Terms | None, tuple[_Wrong, ...]]:
        chosen, mistakes = options.parse(column, effect)
        wrong = (
            (3, _wrong_act(act), ""),
            (5, _wrong_effect(effect), ""),
            *((6, one.what, one.word) for one in mistakes),
            *((6, one.what, one.word) for one in options.unknown_roles(chosen, self._names.roles)),
            (6, _UNCOUNTED if act == Act.ADMIN and chosen.rate else "", "rate="),
        )
        if any(what for _, what, _ in wrong):
            return None, wrong
        said = Effect.FALLBACK if chosen.is_fallback else _EFFECTS[effect]
        return _Terms(_ACTS[act], said, chosen), ()

    def _look_up(self, where: str) -> tuple[str, str]:
        projects = self._names.projects
        if where == EVERYBODY:
            return "*", ""
        if where in projects:
            return f"{projects[ProjectName(where)]}/**", ""
        if not where.startswith("/"):
            return where, f'no project called "{where}"{nearest(where, projects)}'
        top = where.removesuffix("/**")
        if patterns.mistake_in(Act.READ, where) or "*" in top:
            return where, (
                f'"{where}" is no directory: write /srv/demo for one, /srv/demo/** for all below'
            )
        if where not in self._around and self._projects.isdisjoint(patterns.directory_keys(top)):
            return where, f'"{where}" holds no project{nearest(top, projects.values())}'
        return where, ""

    def _below(self, rule: PolicyRule) -> list[PolicyRule]:
        """The rule with an absolute path: "src/**" is below the project, below each one for "*"."""
        places = [rule.where]
        if rule.where == EVERYBODY:
            places = [f"{path}/**" for path in self._names.projects.values()]
        return [
            rule._replace(where=each, pattern=f"{each.removesuffix('/**')}/{rule.pattern}")
            for each in places
        ]


def _note(line: Line, wrong: Iterable[_Wrong]) -> None:
    for number, what, word in wrong:
        if what:
            line.wrong(what, number, word)


def _one_of(words: Iterable[str]) -> str:
    return f", write one of: {', '.join(words)}"


def _wrong_role(names: Names, role: str) -> str:
    if role == EVERYBODY or role in names.roles:
        return ""
    if role in names.users:
        return f'"{role}" is a user; rules are for roles, give {role} one with a g line'
    near = nearest(role, names.roles)
    return f'nobody has a role called "{role}"{near or "; grant it with a g line"}'


_ACTS = {act.value: act for act in Act}


def _wrong_act(act: str) -> str:
    if act in _ACTS:
        return ""
    tool = next((name for name in TOOLS if name.casefold() == act.casefold()), None)
    near = f', did you mean "{TOOLS[tool].value}"?' if tool else nearest(act.casefold(), _ACTS)
    return f'unknown act "{act}"{near or _one_of(_ACTS)}'


def _wrong_pattern(act: str, pattern: str, effect: str) -> str:
    if act not in _ACTS:
        return ""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return f"the pattern has more than {MAX_PATTERN_CHARACTERS} characters"
    if what := patterns.mistake_in(act, pattern):
        return what
    return _wrong_tool(pattern, effect) if act == _TOOL else ""


_TOOL = Act.TOOL.value


def _wrong_tool(pattern: str, effect: str) -> str:
    """A tool that we do not know can be asked about or denied, but a slip must not pass for one."""
    names = [name for name, act in TOOLS.items() if act is Act.TOOL]
    for word in pattern.split("|"):
        if word in names or "*" in word:
            continue
        if word in TOOLS:
            return f'{word} is not of this kind: write a rule for the act "{TOOLS[word].value}"'
        near = nearest(word, names)
        if near or effect == Effect.ALLOW:
            return f'no tool is called "{word}"{near or _one_of(names)}'
    return ""


def _wrong_effect(effect: str) -> str:
    if effect in _EFFECTS:
        return ""
    return f'unknown effect "{effect}"{nearest(effect.casefold(), _EFFECTS) or _one_of(_EFFECTS)}'


_EFFECTS = {effect.value: effect for effect in (Effect.ALLOW, Effect.APPROVE, Effect.DENY)}
