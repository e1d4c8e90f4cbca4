"""The gate's answers: refused, used up, why, and what one may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from appliance.core.commands import BUILTINS
from appliance.core.help import FIRST, TITLES, TOKEN, Group, group_of
from appliance.core.hidden import shown
from appliance.core.model import Asks, Button, Denied, Phrase, Recipe, Reply, Request, ToolRequest
from appliance.core.replies.about_calls import in_one_line, input_summary
from appliance.core.words import Words, dollars, duration, phrase, say


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
    request: Request,
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


def _shown_request(request: Request) -> str:
    if isinstance(request, ToolRequest):
        return in_one_line(f"{request.tool}: {input_summary(request.input)}", 200)
    return shown(request.words, 200)


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


def help_for(may: frozenset[str], recipes: Sequence[Recipe], group: Group | None) -> Reply:
    """`may`: the words the asker is allowed to use, e.g. "/run", "/git status"."""
    lines = _lines_of_help(may, recipes)
    words = Words().bold(TITLES[group] if group else phrase("What you may do here"))
    if group is None and "/run" in may:
        words.line("Just write what to do, or use:")
    words.verbatim("\n")
    for line in lines:
        if line.group is group or (group is None and line.is_first):
            words.verbatim("\n").code(line.usage).verbatim("  ").plain(line.summary)
    there = [each for each in Group if any(line.group is each for line in lines)]
    buttons = [Button(TITLES[each], f"{TOKEN}{each}") for each in there if each is not group]
    return words.reply(*(buttons[at : at + 3] for at in range(0, len(buttons), 3)))


@dataclass(frozen=True, slots=True)
class _Line:
    usage: str
    summary: Phrase
    group: Group
    is_first: bool = False


def _lines_of_help(may: frozenset[str], recipes: Sequence[Recipe]) -> list[_Line]:
    lines = [
        _Line(b.usage, b.summary, group_of(b.word), b.word in FIRST)
        for b in BUILTINS
        if f"/{b.word}" in may
    ]
    few = len(lines) <= len(FIRST)
    return [replace(line, is_first=line.is_first or few) for line in lines] + [
        _Line(usage(recipe), phrase("{summary}", summary=recipe.summary), Group.RECIPES, few)
        for recipe in recipes
        if f"/{recipe.name}" in may
    ]


def usage(recipe: Recipe) -> str:
    """ "/deploy TARGET", "/git log [COUNT]"."""
    names = (
        f"[{p.name.upper()}]" if p.default is not None else p.name.upper()
        for p in recipe.parameters
    )
    return " ".join((f"/{recipe.name}", *names))
