"""An explanation for people, in the width of a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.app.audit_commands.screen import Ink, Screen, wrapped
from appliance.core.model import Asks, Decision, Denied, Rule
from appliance.policy.explain import Explanation, Part
from appliance.policy.rules import PolicyRule
from appliance.policy.trials import verdict_of

INKS = {"allow": Ink.GOOD, "approve": Ink.WAITING, "deny": Ink.BAD}

_HEAD = 9  # "approve  "


def as_text(explanation: Explanation, screen: Screen) -> Iterator[str]:
    """The verdict and what made it, then every part with its rules and what would allow it."""
    verdict = verdict_of(explanation.decision)
    yield screen.ink(INKS[verdict], verdict.upper()) + _by(explanation)
    if isinstance(explanation.decision, Denied):
        yield from _below("", explanation.decision.reason, screen, indent=2)
    if isinstance(explanation.decision, Asks):
        yield from _below("", _who(explanation.decision), screen, indent=2)
    for part in explanation.parts:
        yield ""
        yield from _part(part, screen)


def _by(explanation: Explanation) -> str:
    rule, decided = explanation.decision.rule, explanation.decided
    because = f" by {rule}" if rule else ""
    which = f", because of: {_short(decided.text)}" if decided and _has_others(explanation) else ""
    return because + which


def _has_others(explanation: Explanation) -> bool:
    return len(explanation.parts) > 1


def _short(text: str, most: int = 30) -> str:
    line = next(wrapped(text, most))
    return line if line == text else f"{line}…"


def _who(asks: Asks) -> str:
    seconds = asks.ttl_seconds
    within = f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
    if not asks.by:
        return f"to be approved within {within} by whoever asked, or an owner"
    people = f"{asks.people} different people of" if asks.people > 1 else "one of"
    return (
        f"to be approved within {within} by {people}: {', '.join(asks.by)} (not by whoever asked)"
    )


def _part(part: Part, screen: Screen) -> Iterator[str]:
    first, *others = wrapped(f"{part.act} {part.text}", screen.width - _HEAD)
    yield screen.ink(INKS[part.verdict], part.verdict.ljust(_HEAD)) + first
    yield from (" " * _HEAD + other for other in others)
    if part.note:
        yield from _below("", part.note, screen)
    for rule in part.rules:
        yield from _below("", _line(rule), screen)
    for rule in part.silent:
        yield from _below("not now: ", _line(rule), screen)
    if part.line and part.verdict != "allow":
        yield from _below("", "to allow it, add this line:", screen)
        yield f"  {part.line}"  # never wrapped: it is there to be copied
    elif part.advice:
        yield from _below("to allow it: ", part.advice, screen)


def _line(rule: PolicyRule) -> str:
    """Without what lines its columns up in the file."""
    return f"{rule.rule}: {' '.join(rule.rule.text.split())}"


def _below(label: str, text: str, screen: Screen, indent: int = _HEAD) -> Iterator[str]:
    """The text below its part, further lines below the text."""
    for number, line in enumerate(wrapped(text, screen.width - indent - len(label))):
        yield " " * indent + (label if number == 0 else " " * len(label)) + line


def as_json(explanation: Explanation) -> dict[str, Any]:
    """`decided` is the sub-command, file or host that made the verdict; null: the whole."""
    decision, decided = explanation.decision, explanation.decided
    return {
        "verdict": verdict_of(decision),
        "rule": _at(decision.rule),
        "reason": _reason(decision),
        "decided": None if decided is None else {"act": decided.act, "text": decided.text},
        "by": list(decision.by) if isinstance(decision, Asks) else [],
        "parts": [_part_as_json(part) for part in explanation.parts],
    }


def _at(rule: Rule | None) -> str | None:
    return None if rule is None else str(rule)


def _reason(decision: Decision) -> str:
    return "" if not isinstance(decision, Asks | Denied) else decision.reason


def _part_as_json(part: Part) -> dict[str, Any]:
    return {
        "act": part.act,
        "text": part.text,
        "verdict": part.verdict,
        "rules": _rules(part.rules),
        "silent": _rules(part.silent),
        "note": part.note,
        "advice": part.advice,
        "line": part.line,
    }


def _rules(rules: tuple[PolicyRule, ...]) -> list[dict[str, str]]:
    return [{"at": str(rule.rule), "text": rule.rule.text} for rule in rules]
