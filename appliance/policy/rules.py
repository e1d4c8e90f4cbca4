"""One line of a *.csv file to one checked grant or rule; what it does not know it refuses.

    g, alice, owner                                     alice (or a role) has the role owner
    p, owner, demo, bash, git push **, approve, by=lead ttl=10m    a rule

Casbin's own file adapter would load "P, …", "Deny" or "deny # note" and then allow: every word
here is compared exactly, and a line that is not understood is never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.core.model import Act, Millis, Platform, ProjectName, Rate, Rule, UserName
from appliance.core.toml import nearest
from appliance.policy import patterns
from appliance.policy.when import ALWAYS, When

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
EVERYBODY = "*"
MAX_PATTERN_CHARACTERS = 1_000
MAX_TTL_SECONDS = 24 * 60 * 60
DEFAULT_TTL_SECONDS = 600


class Effect(StrEnum):
    """What a matching rule says. `FALLBACK` asks too, but only where no other rule matches."""

    DENY = "deny"
    APPROVE = "approve"
    ALLOW = "allow"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Grant:
    """`member`, a user or a role, has `role`."""

    member: str
    role: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A checked rule. `where`: "*", a directory, or "DIRECTORY/**"; path patterns are absolute.

    A rule for files that is written for several projects becomes one of these for each.
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

    def holds(self, at: Millis, via: Platform) -> bool:
        """Whether the rule counts now. Where now is not known, what refuses or asks does."""
        return self.when.holds(at, via, unknown=self.effect in (Effect.DENY, Effect.APPROVE))


@dataclass(frozen=True, slots=True)
class Names:
    """What a line may speak of."""

    users: frozenset[UserName]
    projects: Mapping[ProjectName, str]
    roles: frozenset[str]
    automations: frozenset[UserName] = frozenset()


@dataclass(slots=True)
class Line:
    """A line cut into fields, not checked yet. Mistakes are noted with its file and line."""

    rule: Rule
    fields: tuple[str, ...]
    mistakes: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        self.mistakes.append(f"{self.rule}: {what}")

    @property
    def is_grant(self) -> bool:
        return self.fields[0] == "g"


def cut(name: str, text: str, mistakes: list[str]) -> list[Line]:
    """The lines of a file that say something. A "#" at the start or after a blank is a comment."""
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        said = re.split(r"(?:^|(?<=[ \t]))#", raw, maxsplit=1)[0].strip(" \t")
        if not said:
            continue
        fields = tuple(" ".join(part.split()) for part in said.split(","))
        line = Line(Rule(name, number, said), fields, mistakes)
        if _has_right_shape(line, said):
            lines.append(line)
    return lines


_SHAPES = {"g": "g, USER-OR-ROLE, ROLE", "p": "p, ROLE, PROJECT, ACT, PATTERN, EFFECT, OPTIONS"}
_FIELDS = {"g": (3,), "p": (6, 7)}


def _has_right_shape(line: Line, said: str) -> bool:
    kind = line.fields[0]
    if kind not in _SHAPES:
        near = nearest(kind.casefold(), _SHAPES)
        line.wrong(f'unknown kind of line "{kind}"{near or ", a line begins with g or p"}')
    elif '"' in said or "'" in said:
        line.wrong("quotes have no meaning here; write the words as they are")
    elif len(line.fields) not in _FIELDS[kind]:
        line.wrong(f"{len(line.fields)} fields; write: {_SHAPES[kind]}")
    elif "" in line.fields[:6]:
        line.wrong(f"field {line.fields.index('') + 1} is empty; write: {_SHAPES[kind]}")
    else:
        return True
    return False


# --- grants


def grant(line: Line) -> Grant:
    """The grant as written; `check_grant` says whether its names exist."""
    _, member, role = line.fields
    return Grant(member, role, line.rule)


def check_grant(line: Line, names: Names, has_rules: frozenset[str]) -> None:
    """Notes names nobody has declared, and roles that are no use."""
    _, member, role = line.fields
    if not NAME.fullmatch(role):
        line.wrong(f'"{role}" cannot be a role: small letters, digits and -')
    elif role in names.users:
        line.wrong(f'"{role}" is a user; a role needs another name')
    elif role not in has_rules:
        line.wrong(f'the role "{role}" has no rules{nearest(role, has_rules)}')
    if member not in names.users and member not in names.roles:
        near = nearest(member, [*names.users, *names.roles])
        line.wrong(f'no user or role called "{member}"{near}; users are in dispatch.toml')


# --- rules


def policy_rules(line: Line, names: Names) -> list[PolicyRule]:
    """The line's rule, or nothing and at least one mistake noted."""
    before = len(line.mistakes)
    _, role, where, act, pattern, effect, options = (*line.fields, "")[:7]
    _check_role(line, role, names)
    places = _places(line, where, names)
    _check_pattern(line, act, pattern)
    if effect not in (Effect.DENY, Effect.APPROVE, Effect.ALLOW):
        known = (Effect.ALLOW, Effect.APPROVE, Effect.DENY)
        line.wrong(f'unknown effect "{effect}"{nearest(effect, known) or _one_of(known)}')
    chosen = _options(line, options, effect, names)
    if len(line.mistakes) > before:
        return []
    return [
        PolicyRule(
            role, place, Act(act), absolute, chosen.effect, line.rule, chosen.by, chosen.ttl_seconds
        )
        for place, absolute in _resolved(Act(act), pattern, places, names)
    ]


def _one_of(words: tuple[str, ...]) -> str:
    return f", write one of: {', '.join(words)}"


def _check_role(line: Line, role: str, names: Names) -> None:
    if role == EVERYBODY or role in names.roles:
        return
    if role in names.users:
        line.wrong(f'"{role}" is a user; rules are for roles, give {role} one with a g line')
    else:
        near = nearest(role, names.roles)
        line.wrong(
            f'nobody has a role called "{role}"{near}'
            + ("" if near else "; grant it with a g line")
        )


def _places(line: Line, where: str, names: Names) -> tuple[str, ...]:
    """Column 3 as directories: "*", "/srv/demo/**" for a project's name, or as written."""
    if where == EVERYBODY:
        return ("*",)
    if where in names.projects:
        return (f"{names.projects[ProjectName(where)]}/**",)
    if not where.startswith("/"):
        line.wrong(f'no project called "{where}"{nearest(where, names.projects)}')
    elif patterns.mistake_in(Act.READ, where) or "*" in where.removesuffix("/**"):
        line.wrong(
            f'"{where}" is no directory: write /srv/demo for one, /srv/demo/** for all below'
        )
    elif not any(_touches(where, path) for path in names.projects.values()):
        near = nearest(where.removesuffix("/**"), names.projects.values())
        line.wrong(f'"{where}" holds no project{near}')
    return (where,)


def _touches(where: str, project: str) -> bool:
    top = where.removesuffix("/**")
    return patterns.within(project, where) or patterns.within(top, f"{project}/**")


def _check_pattern(line: Line, act: str, pattern: str) -> None:
    if act not in set(Act):
        line.wrong(f'unknown act "{act}"{nearest(act, set(Act)) or _one_of(tuple(Act))}')
    elif len(pattern) > MAX_PATTERN_CHARACTERS:
        line.wrong(f"the pattern has more than {MAX_PATTERN_CHARACTERS} characters")
    elif mistake := patterns.mistake_in(act, pattern):
        line.wrong(mistake)


def _resolved(
    act: Act, pattern: str, places: tuple[str, ...], names: Names
) -> list[tuple[str, str]]:
    """(where, pattern) with path patterns made absolute: "src/**" is below the project."""
    if act not in patterns.PATH_ACTS or pattern.startswith("/"):
        return [(place, pattern) for place in places]
    if places == ("*",):
        places = tuple(f"{path}/**" for path in names.projects.values())
    return [(place, f"{place.removesuffix('/**')}/{pattern}") for place in places]


# --- options


@dataclass(slots=True)
class _Chosen:
    effect: Effect
    by: tuple[str, ...] = ()
    ttl_seconds: int = DEFAULT_TTL_SECONDS


_LATER = ("rate", "hours", "days", "via", "until")


def _options(line: Line, options: str, effect: str, names: Names) -> _Chosen:
    chosen = _Chosen(Effect(effect) if effect in set(Effect) else Effect.DENY)
    words = options.split()
    keys = [word.partition("=")[0] for word in words]
    if words and effect in (Effect.ALLOW, Effect.DENY):
        line.wrong(f'"{words[0]}" only goes with approve, not with {effect}')
    for key in {key for key in keys if keys.count(key) > 1}:
        line.wrong(f'the option "{key}" stands twice')
    for word in words:
        key, _, value = word.partition("=")
        if key in _OPTIONS and ("=" in word) == (key != "fallback"):
            _OPTIONS[key](line, value, chosen, names)
        else:
            line.wrong(_unknown_option(word, key))
    return chosen


def _unknown_option(word: str, key: str) -> str:
    if key in _LATER:
        return f'the option "{key}" is not supported yet; without it the rule would be too wide'
    near = nearest(key, ("by", "ttl", "fallback"))
    return f'unknown option "{word}"{near or ", write by=ROLE, ttl=10m or fallback"}'


def _by(line: Line, value: str, chosen: _Chosen, names: Names) -> None:
    if "*" in value:
        return line.wrong(f'"by={value}": two people (ROLE*2) are not supported yet')
    roles = tuple(value.split("|"))
    for role in roles:
        if role not in names.roles:
            line.wrong(f'"by": nobody has a role called "{role}"{nearest(role, names.roles)}')
    chosen.by = roles
    return None


def _ttl(line: Line, value: str, chosen: _Chosen, _: Names) -> None:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", value, re.ASCII)
    seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    if not 10 <= seconds <= MAX_TTL_SECONDS:
        return line.wrong(f'"ttl={value}": write a time from 10s to 24h, such as ttl=10m')
    chosen.ttl_seconds = seconds
    return None


def _fallback(line: Line, _: str, chosen: _Chosen, __: Names) -> None:
    chosen.effect = Effect.FALLBACK


_OPTIONS: Mapping[str, Callable[[Line, str, _Chosen, Names], None]] = {
    "by": _by,
    "ttl": _ttl,
    "fallback": _fallback,
}
