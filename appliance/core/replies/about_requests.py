"""The gate's answers: refused, used up, why, and what one may do."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.commands import BUILTINS, shown
from appliance.core.model import (
    Asks,
    CommandRequest,
    Denied,
    Recipe,
    Reply,
    ToolRequest,
)
from appliance.core.replies.about_calls import in_one_line, input_summary
from appliance.core.words import Words, dollars, duration, say


def denied(decision: Denied) -> Reply:
    words = Words().plain("Not allowed: {reason}", reason=decision.reason)
    if decision.rule and str(decision.rule) not in decision.reason:
        words.line("Rule: ").code(str(decision.rule))
    return words.line("/why tells more").reply()


def used_up(count: int, seconds: int, free_in: int) -> str:
    """One sentence for the refusal: "60 in an hour are used up; free again in 12 min"."""
    return f"{count:,} {_per(seconds)} are used up; free again in {duration(free_in)}"


def overspent(limit: int, spent: int, seconds: int, free_in: int) -> str:
    """The same for microdollars."""
    return (
        f"{dollars(limit)} {_per(seconds)} are used up ({dollars(spent)}); "
        f"free again in {duration(free_in)}"
    )


def _per(seconds: int) -> str:
    known = {60: "a minute", 3600: "an hour", 86400: "a day"}
    return known.get(seconds) or f"in {duration(seconds * 1000)}"


def nothing_refused() -> Reply:
    return say("Nothing was refused here so far.")


def explained(
    request: CommandRequest | ToolRequest,
    denied: Denied,
    age: int,
    advice: Sequence[str],
    *,
    is_refused_now: bool,
) -> Reply:
    """/why: what was refused, the rule as written, and what would have allowed it."""
    words = Words().bold("Refused ")
    words.plain("{duration} ago, for {user}", duration=duration(age), user=request.user)
    words.verbatim("\n").code(_shown_request(request))
    words.verbatim(f"\n\n{shown(denied.reason, 600)}")
    if denied.rule is not None:
        words.verbatim("\n\n").bold("Rule ").code(str(denied.rule))
        words.verbatim("\n").block(denied.rule.text)
    if advice:
        words.verbatim("\n\n").bold("What would allow it")
        for line in advice:
            words.verbatim(f"\n· {shown(line, 300)}")
    elif not is_refused_now:
        words.verbatim("\n").line("By the rules as they are now it is not refused.")
    return words.reply()


def _shown_request(request: CommandRequest | ToolRequest) -> str:
    if isinstance(request, CommandRequest):
        return shown(request.words, 200)
    return in_one_line(f"{request.tool}: {input_summary(request.input)}", 200)


def audit_is_broken(reason: str) -> Reply:
    return say(
        "Nothing was done: the audit log cannot be written ({reason}). "
        "Look at the host: dispatchctl doctor",
        reason=reason,
    )


def cannot_wait(asks: Asks) -> Reply:
    return say(
        "Nothing was done: rule {rule} asks for an approval, "
        "and only tasks and recipes can wait for one.",
        rule=str(asks.rule),
    )


def help_for(may: frozenset[str], recipes: Sequence[Recipe]) -> Reply:
    """`may`: the words the asker is allowed to use, e.g. "/run", "/git status"."""
    words = Words().bold("What you may do here").verbatim("\n")
    if "/run" in may:
        words.plain("Just write what to do, or use:").verbatim("\n")
    for builtin in BUILTINS:
        if f"/{builtin.word}" in may:
            words.verbatim("\n").code(builtin.usage).verbatim("  ").plain(builtin.summary)
    for recipe in recipes:
        if f"/{recipe.name}" in may:
            words.verbatim("\n").code(usage(recipe)).verbatim(f"  {recipe.summary}")
    return words.reply()


def usage(recipe: Recipe) -> str:
    """ "/deploy TARGET", "/git log [COUNT]"."""
    names = (
        f"[{p.name.upper()}]" if p.default is not None else p.name.upper()
        for p in recipe.parameters
    )
    return " ".join((f"/{recipe.name}", *names))
