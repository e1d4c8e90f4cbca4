"""The same policy elsewhere: what plain Casbin, Cedar and Rego say to the same requests.

Only what all of them can say is translated: roles that inherit, directories with all below them,
commands by their first words, files below a directory, names; no times, no degrees of care. Each
gets what helps it: Casbin conditions that end early, Cedar the prefix test that it is quickest
at, Rego the rules filed by role and act.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from appliance.core.model import Act
from appliance.policy.engine import ORDER
from appliance.policy.rules import EVERYBODY, Effect, PolicyRule
from tests.policy.random_policies import Asked, RandomPolicy

_WORDS = frozenset({Act.BASH})


class OtherEngine(Protocol):
    """Another engine with the policy in it."""

    name: str

    def judge(self, asked: Asked) -> Effect | None:
        """The strictest effect of all rules that match; None: denied, by a rule or by none."""


def others(policy: RandomPolicy) -> list[OtherEngine]:
    """Those that are installed here."""
    found: list[OtherEngine] = []
    for make in (PlainCasbin, Cedar, Rego):
        try:
            found.append(make(policy))
        except ImportError:
            continue
    return found


def _strictest(effects: Iterable[str]) -> Effect | None:
    given = set(effects)
    found = next((effect for effect in ORDER if effect.value in given), None)
    return None if found is Effect.DENY else found


def _prefix(rule: PolicyRule) -> str:
    """What an object that ends in a separator begins with."""
    if rule.act in _WORDS:
        return rule.pattern.removesuffix("**")
    return rule.pattern.removesuffix("**") if rule.pattern.endswith("/**") else rule.pattern + "/"


def _object(asked: Asked) -> str:
    return asked.atom.object + (" " if asked.atom.act in _WORDS else "/")


def _parents(policy: RandomPolicy) -> Mapping[str, list[str]]:
    parents: dict[str, list[str]] = {}
    for grant in policy.grants:
        parents.setdefault(grant.member, []).append(grant.role)
    return parents


_CASBIN = """
[request_definition]
r = sub, dir, act, obj
[policy_definition]
p = sub, dir, act, obj, eft
p2 = sub, dir, act, obj, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
e2 = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && begins(r.dir, p.dir) && begins(r.obj, p.obj) && g(r.sub, p.sub)
m2 = r.act == p2.act && begins(r.dir, p2.dir) && begins(r.obj, p2.obj) && g(r.sub, p2.sub)
"""


class PlainCasbin:
    """Casbin as its documentation shows it: every rule in turn; what asks is allowed in `p2`."""

    name = "plain Casbin"

    def __init__(self, policy: RandomPolicy) -> None:
        import casbin

        untyped: Any = casbin
        self._enforcer = untyped.Enforcer(untyped.Enforcer.new_model(text=_CASBIN))
        self._approve = untyped.core_enforcer.EnforceContext("r", "p2", "e2", "m2")
        self._enforcer.add_function("begins", str.startswith)
        model = self._enforcer.model
        for rule in policy.rules:
            where = rule.where.removesuffix("**")
            fields = [rule.role, where, rule.act.value, _prefix(rule)]
            asks = rule.effect is Effect.APPROVE
            model["p"]["p"].policy.append([*fields, "allow" if asks else rule.effect.value])
            if asks:
                model["p"]["p2"].policy.append([*fields, "allow"])
        model["g"]["g"].policy = [[g.member, g.role] for g in policy.grants]
        self._enforcer.build_role_links()

    def judge(self, asked: Asked) -> Effect | None:
        request = (asked.user, f"{asked.directory}/", asked.atom.act.value, _object(asked))
        if not self._enforcer.enforce(*request):
            return None
        return Effect.APPROVE if self._enforcer.enforce(self._approve, *request) else Effect.ALLOW


class Cedar:
    """AWS's Cedar, in Rust, by way of cedarpy."""

    name = "Cedar (cedarpy)"

    def __init__(self, policy: RandomPolicy) -> None:
        """Raises ImportError where cedarpy is not installed."""
        import cedarpy

        self._ask: Callable[..., Any] = cedarpy.is_authorized
        self._policies = cedarpy.PolicySet.from_str("\n".join(map(_cedar, policy.rules)))
        parents = _parents(policy)
        users = set(policy.users)
        names = {*parents, *(rule.role for rule in policy.rules)}
        names |= {grant.role for grant in policy.grants}
        entities = [_entity(name, parents.get(name, ()), name in users) for name in sorted(names)]
        self._entities = cedarpy.Entities.from_json_str(json.dumps(entities))

    def judge(self, asked: Asked) -> Effect | None:
        request = {
            "principal": {"type": "User", "id": asked.user},
            "action": {"type": "Action", "id": asked.atom.act},
            "resource": {"type": "Resource", "id": "it"},
            "context": {"dir": f"{asked.directory}/", "object": _object(asked)},
        }
        answer = self._ask(request, self._policies, self._entities)
        return _strictest(
            name.partition(":")[0]
            for name in answer.diagnostics.id_annotations_by_reason.values()
            if name
        )


def _cedar(rule: PolicyRule) -> str:
    kind = "forbid" if rule.effect is Effect.DENY else "permit"
    who = "principal" if rule.role == EVERYBODY else f'principal in Role::"{rule.role}"'
    where = rule.where.removesuffix("**")
    return (
        f'@id("{rule.effect}:{rule.rule.line}") {kind}({who}, action == Action::"{rule.act}", '
        f'resource) when {{ context.dir like "{where}*" && '
        f'context.object like "{_prefix(rule)}*" }};'
    )


def _entity(name: str, roles: Iterable[str], is_user: bool) -> dict[str, Any]:
    parents = [{"type": "Role", "id": role} for role in roles]
    uid = {"type": "User" if is_user else "Role", "id": name}
    return {"uid": uid, "attrs": {}, "parents": parents}


_REGO = """package policy
import rego.v1
effects contains rule.effect if {
    some role in input.roles
    some rule in data.rules[role][input.act]
    startswith(input.dir, rule.dir)
    startswith(input.object, rule.object)
}
"""


class Rego:
    """Open Policy Agent's language: Microsoft's regorus in Rust, or its rego-cpp (regopy)."""

    def __init__(self, policy: RandomPolicy) -> None:
        """Raises ImportError where neither is installed."""
        rules: dict[str, dict[str, list[dict[str, str]]]] = {}
        for rule in policy.rules:
            rules.setdefault(rule.role, {}).setdefault(rule.act, []).append(
                {
                    "dir": rule.where.removesuffix("**"),
                    "object": _prefix(rule),
                    "effect": rule.effect,
                }
            )
        self._roles = {user: _closure(user, _parents(policy)) for user in policy.users}
        self.name, self._effects = _rego(json.dumps({"rules": rules}))

    def judge(self, asked: Asked) -> Effect | None:
        return _strictest(
            self._effects(
                {
                    "roles": self._roles[asked.user],
                    "act": asked.atom.act,
                    "dir": f"{asked.directory}/",
                    "object": _object(asked),
                }
            )
        )


def _closure(user: str, parents: Mapping[str, list[str]]) -> list[str]:
    found, todo = {EVERYBODY}, [user]
    while todo:
        new = [role for role in parents.get(todo.pop(), ()) if role not in found]
        found.update(new)
        todo += new
    return sorted(found)


def _rego(data: str) -> tuple[str, Callable[[dict[str, Any]], list[str]]]:
    try:
        return "Rego by role (regorus)", _regorus(data)
    except ImportError:
        return "Rego by role (regopy)", _regopy(data)


def _regorus(data: str) -> Callable[[dict[str, Any]], list[str]]:
    import regorus

    engine = regorus.Engine()
    engine.add_policy("policy.rego", _REGO)
    engine.add_data_json(data)

    def effects(asked: dict[str, Any]) -> list[str]:
        engine.set_input_json(json.dumps(asked))
        return list(engine.eval_rule("data.policy.effects"))

    return effects


def _regopy(data: str) -> Callable[[dict[str, Any]], list[str]]:
    import regopy

    untyped: Any = regopy
    interpreter = untyped.Interpreter()
    interpreter.add_module("policy", _REGO)
    interpreter.add_data_json(data)

    def effects(asked: dict[str, Any]) -> list[str]:
        interpreter.set_input_term(json.dumps(asked))
        found = json.loads(str(interpreter.query("effects := data.policy.effects")))
        return list(found["bindings"]["effects"])

    return effects
