"""Why a decision is what it is, what would have allowed it, and a self-test of the denials."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from appliance.core.model import (
    Act,
    AdminRequest,
    Decision,
    Denied,
    Millis,
    Platform,
    Request,
    ToolRequest,
    UserName,
)
from appliance.errors import PolicyError
from appliance.policy import tools
from appliance.policy.atoms import Atom, Care
from appliance.policy.loaded import Judged, LoadedPolicy
from appliance.policy.patterns import PATH_ACTS
from appliance.policy.rules import EVERYBODY, Effect, PolicyRule
from appliance.policy.trials import verdict_of


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the request asks for, the verdict on it, and the rules that gave it.

    `advice` says what would have allowed it, `line` is what to paste for that, where a line does.
    `silent` are further rules, which would have spoken at another time or in another chat.
    """

    act: Act
    text: str
    verdict: str
    rules: tuple[PolicyRule, ...]
    note: str
    advice: str
    line: str
    silent: tuple[PolicyRule, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with everything that led to it."""

    decision: Decision
    parts: tuple[Part, ...]

    @property
    def decided(self) -> Part | None:
        """The part that made the decision what it is; None: it was made about the whole."""
        wanted, rule = verdict_of(self.decision), self.decision.rule
        alike = [part for part in self.parts if part.verdict == wanted]
        by_rule = (part for part in alike if any(one.rule == rule for one in part.rules))
        return next(by_rule, next(iter(alike), None))


def why(policy: LoadedPolicy, request: Request) -> Explanation:
    """The decision on a request, part by part: on what would really run, as for an agent."""
    if isinstance(request, ToolRequest):
        request = replace(request, input=tools.as_run(request.tool, request.input))
    judged = policy.judge(request)
    parts = () if isinstance(judged, Denied) else tuple(_part(policy, request, j) for j in judged)
    return Explanation(policy.decide_on(request, judged), parts)


def _part(policy: LoadedPolicy, request: Request, judged: Judged) -> Part:
    effect, rules = judged.finding.effect, judged.finding.rules
    verdict = "deny" if effect is None else _VERDICTS[effect]
    line = _line(policy, request, judged)
    advice = "" if effect is Effect.ALLOW else _advice(policy, request, judged, line)
    return Part(
        judged.atom.act,
        judged.atom.text,
        verdict,
        rules,
        judged.atom.note,
        advice,
        line,
        tuple(rule for rule in policy.silent(request, judged.atom) if rule not in rules),
    )


_VERDICTS = {
    Effect.DENY: "deny",
    Effect.APPROVE: "approve",
    Effect.CLOSED: "deny",
    Effect.FALLBACK: "approve",
    Effect.ALLOW: "allow",
}


def _advice(policy: LoadedPolicy, request: Request, judged: Judged, line: str) -> str:
    """What would have allowed a part: a line to add, or to take away."""
    atom, effect, rules = judged.atom, judged.finding.effect, judged.finding.rules
    roles = policy.roles(request.user)
    if not roles:
        return f"{request.user} has no role: add a line  g, {request.user}, ROLE"
    where = ", ".join(dict.fromkeys(str(rule.rule) for rule in rules))
    if effect is Effect.CLOSED:
        then = " or ".join(dict.fromkeys(str(rule.when) for rule in rules))
        return f"it can be asked for only {then} ({where}); another approve line can ask now, too"
    if atom.care is Care.UNCLEAR:
        return "no rule can allow what is not understood; one with approve, fallback can ask"
    if effect in (Effect.DENY, Effect.APPROVE):
        return f"narrow or remove {where}: the strictest rule wins"
    if not line:
        return "no rule can name this exactly; a wider one, or an approval, could allow it"
    return f"add the line  {line}"


def _line(policy: LoadedPolicy, request: Request, judged: Judged) -> str:
    """The rule that allows this part and nothing else; "" where none could."""
    effect, atom, roles = judged.finding.effect, judged.atom, policy.roles(request.user)
    pattern = _pattern(atom)
    is_open = effect in (None, Effect.FALLBACK) and atom.care is not Care.UNCLEAR
    if not is_open or not roles or pattern is None:
        return ""
    project = EVERYBODY if isinstance(request, AdminRequest) else request.project or EVERYBODY
    return f"p, {roles[0]}, {project}, {atom.act}, {pattern}, allow"


def _pattern(atom: Atom) -> str | None:
    """The pattern that means this atom and nothing else; None: no rule can say it."""
    if re.search(r"""[,"'#*|\[\]{}?\\\x00-\x1f]""", atom.object) or "  " in atom.object:
        return None
    if atom.object != atom.object.strip():
        return None
    return atom.object


def selftest(policy: LoadedPolicy) -> int:
    """Fire every deny rule once and return how many there are.

    Raises PolicyError, naming the rule, when one does not refuse what it is there to refuse.
    """
    rules = [rule for rule in policy.engine.rules if rule.effect is Effect.DENY]
    holders = _holders(policy)
    for rule in rules:
        if rule.role in holders and not _denies(policy, rule, holders[rule.role]):
            raise PolicyError(
                f"{rule.rule}: this rule does not deny what it names: {rule.rule.text}"
            )
    return len(rules)


def _denies(policy: LoadedPolicy, rule: PolicyRule, user: UserName) -> bool:
    """Asked without a time, so that what holds only at certain hours is fired, too."""
    via = min(rule.when.via or (Platform.TERMINAL,))
    where, example = _directory(policy, rule), _example(rule)
    finding = policy.engine.judge(user, where, example, Millis(0), via)
    return finding.effect is Effect.DENY and rule in finding.rules


def _holders(policy: LoadedPolicy) -> dict[str, UserName]:
    """For each role somebody who has it."""
    return {
        role: user
        for user in sorted(policy.names.users)
        for role in (EVERYBODY, *policy.roles(user))
    }


def _directory(policy: LoadedPolicy, rule: PolicyRule) -> str:
    if rule.where == "*":
        return next(iter(policy.names.projects.values()), "")
    return rule.where.removesuffix("/**")


def _example(rule: PolicyRule) -> Atom:
    """Something that the rule's pattern covers."""
    if rule.act in PATH_ACTS:
        example = rule.pattern.replace("**", "x").replace("*", "x")
    else:
        words = rule.pattern.replace("**", "x").split()
        example = " ".join(word.split("|")[0].replace("*", "x") for word in words)
    return Atom(rule.act, example, example)
