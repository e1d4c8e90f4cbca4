"""Which rules speak to an atom: Casbin's model, roles and matcher, with an index in front.

The model text and the role manager are Casbin's. Two things are ours, because Casbin tries
every rule with an interpreter: the index finds the few rules that can match, and each condition
of the matcher is a Python function. Casbin's own enforcer over all rules (`stock`) must give the
same verdict and the same first rule; the tests and the benchmark ask it.

The model has one question, "is there a matching rule that says this now?". Asked in the order
of `ORDER`, the first yes is the verdict. `approve` is therefore an effect like the others, and
nothing depends on the order of lines in a file. What a rule says now depends on its conditions:
outside of its hours a denial or a permission says nothing, an `approve` that it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import casbin

from appliance.core.model import Millis, Platform, UserName
from appliance.errors import PolicyError
from appliance.policy.atoms import Atom, Care
from appliance.policy.patterns import (
    directory_keys,
    is_exact,
    matches,
    object_keys,
    pattern_keys,
    within,
)
from appliance.policy.rules import EVERYBODY, Effect, Grant, PolicyRule
from appliance.policy.sources import Source

ORDER = (Effect.DENY, Effect.APPROVE, Effect.CLOSED, Effect.ALLOW, Effect.FALLBACK)

_DEFINITIONS = {
    "r": "sub, dir, act, obj, care, at, via, effect",
    "p": "sub, dir, act, obj, effect, opt",
    "g": "_, _",
    "e": "some(where (p_eft == allow))",
}
_Index = dict[tuple[str, str, str], dict[str, list[int]]]


class RuleRow(list[object]):
    """A rule as Casbin holds it; `rule` comes back with it out of `enforce_ex`.

    `p.opt` is the rule itself, whose options `now` asks.
    """

    def __init__(self, rule: PolicyRule) -> None:
        fields = (_role(rule.role), rule.where, rule.act, rule.pattern, rule.effect, rule)
        super().__init__(fields)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Finding:
    """The strictest effect that rules have on an atom now, and all that have it; or None."""

    effect: Effect | None
    rules: tuple[PolicyRule, ...]


def counts(care: str, act: str, pattern: str, effect: str) -> bool:
    """Whether a rule may decide about an atom that needs care. Denials always may."""
    match care:
        case Care.PLAIN:
            return True
        case Care.EXACT:
            return effect != Effect.ALLOW or is_exact(act, pattern)
        case Care.PROTECTED:
            return effect == Effect.DENY or is_exact(act, pattern)
        case _:
            return effect != Effect.ALLOW


def now(at: Millis, via: Platform, options: PolicyRule) -> Effect | None:
    """What the rule says at the time of the request, in its chat; None: nothing."""
    return options.says(at, via)


@dataclass(frozen=True, slots=True)
class Question:
    """A request as the matcher sees it, with the asker's roles instead of `r.sub`."""

    roles: frozenset[str]
    directory: str
    atom: Atom


Condition = Callable[[Question, PolicyRule], bool]


_CONDITIONS: Mapping[str, Condition] = {
    "r_act == p_act": lambda q, rule: q.atom.act == rule.act,
    "within(r_dir, p_dir)": lambda q, rule: within(q.directory, rule.where),
    "matches(r_act, r_obj, p_obj)": lambda q, rule: matches(
        q.atom.act, q.atom.object, rule.pattern
    ),
    "counts(r_care, p_act, p_obj, p_effect)": lambda q, rule: counts(
        q.atom.care, rule.act, rule.pattern, rule.effect
    ),
    "g(r_sub, p_sub)": lambda q, rule: rule.role in q.roles,
    # holds by itself: a rule is asked about with what it says now
    "r_effect == now(r_at, r_via, p_opt)": lambda _, __: True,
}


class Engine:
    """The rules of one policy. Immutable after construction."""

    def __init__(
        self,
        model: Source,
        rules: Sequence[PolicyRule],
        grants: Sequence[Grant],
        users: Iterable[UserName],
    ) -> None:
        """Raises PolicyError when the model is not the one this version understands."""
        people = frozenset(users)
        self.rules = tuple(rules)
        self._enforcer = _enforcer(model, grants, people)
        self._conditions = _conditions(self._enforcer.model)
        self._roles = {user: self._closure(user) for user in people}
        self._index = _index(rules)

    def roles_of(self, user: UserName) -> frozenset[str]:
        """The roles of a user, inherited ones too; none for a stranger."""
        return self._roles.get(user, frozenset()) - {EVERYBODY}

    def roles_above(self, role: str) -> frozenset[str]:
        """The role itself and all that it inherits."""
        inherited = self._enforcer.get_implicit_roles_for_user(_role(role))
        return frozenset({role, *(name.removeprefix("role:") for name in inherited)})

    def judge(
        self, user: UserName, directory: str, atom: Atom, at: Millis, via: Platform
    ) -> Finding:
        """What the rules say to one thing that `user` asks for in `directory`.

        `at` 0: now is not known, so every rule says the strictest it ever does.
        """
        question = Question(self._roles.get(user, frozenset()), directory, atom)
        found: dict[Effect | None, list[PolicyRule]] = {}
        for rule in self._matching(question):
            found.setdefault(now(at, via, rule), []).append(rule)
        for effect in ORDER:
            if effect in found:
                return Finding(effect, tuple(found[effect]))
        return Finding(None, ())

    def silent(
        self, user: UserName, directory: str, atom: Atom, at: Millis, via: Platform
    ) -> tuple[PolicyRule, ...]:
        """The rules that would say something else at another time, or in another chat."""
        question = Question(self._roles.get(user, frozenset()), directory, atom)
        return tuple(
            rule for rule in self._matching(question) if now(at, via, rule) is not rule.effect
        )

    def _matching(self, question: Question) -> Iterator[PolicyRule]:
        """The rules that speak of it at any time."""
        for number in self._candidates(question):
            rule = self.rules[number]
            if all(holds(question, rule) for holds in self._conditions):
                yield rule

    def stock(self) -> Any:
        """Casbin's enforcer with all rules in it: `enforce_ex` says the same, but tries each."""
        self._enforcer.model["p"]["p"].policy = [RuleRow(rule) for rule in self.rules]
        return self._enforcer

    def _candidates(self, question: Question) -> list[int]:
        """The numbers of all rules that can match, in the order of the files."""
        found: set[int] = set()
        places = directory_keys(question.directory)
        heads = object_keys(question.atom.act, question.atom.object)
        for role in question.roles:
            for place in places:
                rules = self._index.get((role, question.atom.act, place))
                if rules is not None:
                    for head in heads:
                        found.update(rules.get(head, ()))
        return sorted(found)

    def _closure(self, user: UserName) -> frozenset[str]:
        roles = self._enforcer.get_implicit_roles_for_user(_user(user))
        return frozenset(role.removeprefix("role:") for role in roles)


def _user(name: str) -> str:
    return f"user:{name}"


def _role(name: str) -> str:
    return f"role:{name}"


def _enforcer(model: Source, grants: Sequence[Grant], users: frozenset[UserName]) -> Any:
    """Casbin's own enforcer with the model and the roles, past its file adapter."""
    untyped: Any = casbin
    try:
        parsed = untyped.Enforcer.new_model(text=model.text)
        _check_definitions(parsed)
        enforcer = untyped.Enforcer(parsed)
    except (KeyError, RuntimeError, ValueError) as error:
        raise PolicyError(
            f"{model.name}: not the model that this version understands: {error}",
            hint="take the shipped model.conf; rules belong into *.csv",
        ) from error
    for function in (within, matches, counts, now):
        enforcer.add_function(function.__name__, function)
    enforcer.model["g"]["g"].policy = [
        *([_member(g.member, users), _role(g.role)] for g in grants),
        *([_user(user), _role(EVERYBODY)] for user in sorted(users)),
    ]
    enforcer.build_role_links()
    return enforcer


def _member(name: str, users: frozenset[UserName]) -> str:
    return _user(name) if name in users else _role(name)


def _check_definitions(model: Any) -> None:
    for section, wanted in _DEFINITIONS.items():
        if set(model[section] or ()) != {section}:
            raise ValueError(f'"{section}" must be defined once')
        definition = model[section][section]
        written = [t.strip().removeprefix(f"{section}_") for t in definition.tokens or ()]
        given = definition.value if section == "e" else ", ".join(written)
        if given != wanted:
            raise ValueError(f'"{section} = {given}" should be "{section} = {wanted}"')
    if set(model["m"] or ()) != {"m"}:
        raise ValueError('"m" must be defined once')
    _conditions(model)


def _conditions(model: Any) -> tuple[Condition, ...]:
    """The matcher's conditions in the order written. All of ours, and none besides."""
    written = [part.strip() for part in model["m"]["m"].value.split("&&")]
    if unknown := [part for part in written if part not in _CONDITIONS]:
        raise ValueError(f'the matcher has an unknown condition "{unknown[0]}"')
    if missing := [known for known in _CONDITIONS if known not in written]:
        raise ValueError(f'the matcher lacks "{missing[0]}"')
    return tuple(_CONDITIONS[part] for part in written)


def _index(rules: Sequence[PolicyRule]) -> _Index:
    index: _Index = {}
    for number, rule in enumerate(rules):
        place = (rule.role, rule.act, rule.where)
        if (heads := index.get(place)) is None:
            heads = index[place] = {}
        for key in pattern_keys(rule.act, rule.pattern):
            heads.setdefault(key, []).append(number)
    return index
