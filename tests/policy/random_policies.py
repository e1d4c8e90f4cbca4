"""Policies of any size with the requests that people under them would make, from one seed.

Shaped like those of a team: most roles belong to a few directories, some inherit another, three
in four requests are about something that a rule of the asker's is about. Where they are not
plain, half of the rules have conditions, and many overlap with a wider one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from appliance.core.model import Act, Millis, Platform, Rule, UserName
from appliance.policy.atoms import Atom, Care
from appliance.policy.rules import Effect, Grant, PolicyRule
from appliance.policy.when import When

_HEADS = (
    "git status", "git log", "git diff", "git push", "npm test", "npm run lint", "pytest", "make",
    "ls", "cat", "grep", "rg", "docker ps", "kubectl get", "kubectl apply", "go test", "find",
    "cargo build", "curl", "ssh", "tar -tf", "mkdir", "cp", "rm",
)  # fmt: skip
_WIDE_HEADS = tuple(dict.fromkeys(head.split(" ")[0] for head in _HEADS))
_TAILS = ("", "--short", "-q", "src/app.py", "--oneline -n 5", "origin main", "a b c")
_BELOW = ("", "/src", "/docs", "/web")
_TIMES = (
    When(hours=(9 * 60, 17 * 60)),
    When(hours=(22 * 60, 6 * 60), days=frozenset({4, 5})),
    When(days=frozenset({0, 1, 2, 3, 4})),
    When(until=date(1970, 1, 4)),
    When(via=frozenset({Platform.WEB})),
)
_WEEK_MILLIS = 7 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that one user asks for."""

    user: UserName
    directory: str
    atom: Atom
    at: Millis
    via: Platform


@dataclass(frozen=True, slots=True)
class RandomPolicy:
    """What an engine is made of, and what to ask it."""

    rules: list[PolicyRule]
    grants: list[Grant]
    users: list[UserName]
    asked: list[Asked]


def random_policy(rules: int, requests: int, *, plain: bool = False, seed: int = 7) -> RandomPolicy:
    """`plain`: only what every policy language can say; no times, no fallback, no care."""
    chance = random.Random(seed)
    roles = [f"role{number}" for number in range(max(4, rules // 40))]
    places = max(4, rules // 40)
    shares = (80, 10, 10, 0) if plain else (60, 10, 20, 10)
    heads = _HEADS if plain else (*_HEADS, *_WIDE_HEADS)
    made = [_rule(chance, number, roles, places, shares, heads) for number in range(1, rules + 1)]
    members = {UserName(f"user{n}"): chance.sample(roles, 2) for n in range(max(8, rules // 50))}
    nowhere = Rule("roles.csv", 1, "")
    grants = [Grant(user, role, nowhere) for user, held in members.items() for role in held]
    grants += [Grant(roles[n + 1], roles[n], nowhere) for n in range(0, len(roles) - 1, 4)]
    if not plain:
        made = [
            rule._replace(when=chance.choice(_TIMES)) if chance.random() < 0.5 else rule
            for rule in made
        ]
    by_role: dict[str, list[PolicyRule]] = {}
    for rule in made:
        by_role.setdefault(rule.role, []).append(rule)
    own = {
        user: [r for role in held for r in by_role.get(role, ())] for user, held in members.items()
    }
    asked = [_asked(chance, made, own, plain=plain) for _ in range(requests)]
    return RandomPolicy(made, grants, list(members), asked)


def _rule(
    chance: random.Random,
    number: int,
    roles: list[str],
    places: int,
    shares: Sequence[int],
    heads: Sequence[str],
) -> PolicyRule:
    role = chance.randrange(len(roles))
    act = chance.choices((Act.BASH, Act.READ, Act.WRITE, Act.MCP), (70, 10, 10, 10))[0]
    top = f"/srv/p{role % places}{chance.choice(_BELOW)}"
    if act in (Act.READ, Act.WRITE):
        pattern = f"{top}/f{chance.randrange(40)}/**"
    elif act is Act.MCP:
        pattern = f"s{chance.randrange(5)}/t{chance.randrange(40)}"
    else:
        pattern = f"{chance.choice(heads)} **"
    effects = (Effect.ALLOW, Effect.DENY, Effect.APPROVE, Effect.FALLBACK)
    effect = chance.choices(effects, shares)[0]
    return PolicyRule(
        roles[role], f"{top}/**", act, pattern, effect, Rule("rules.csv", number, pattern)
    )


def _asked(
    chance: random.Random,
    rules: list[PolicyRule],
    own: dict[UserName, list[PolicyRule]],
    *,
    plain: bool,
) -> Asked:
    user = chance.choice(list(own))
    rule = chance.choice(own[user] if own[user] and chance.random() < 0.75 else rules)
    text = rule.pattern.removesuffix(" **").removesuffix("/**")
    if rule.act is Act.BASH:
        if chance.random() < 0.25:
            text = chance.choice(_HEADS)
        text = f"{text} {chance.choice(_TAILS)}".strip()
    elif rule.act is not Act.MCP:
        text += chance.choice(("", "/a", "/a/b.py"))
    care = Care.PLAIN if plain else chance.choices(list(Care), (7, 1, 1, 1))[0]
    where = rule.where.removesuffix("/**") + chance.choice(("", "/a", "/a/b"))
    at = Millis(0 if plain or chance.random() < 0.1 else 1 + chance.randrange(_WEEK_MILLIS))
    via = Platform.TERMINAL if plain else chance.choice(list(Platform))
    return Asked(user, where, Atom(rule.act, text, text, care), at, via)
