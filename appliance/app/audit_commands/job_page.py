"""The story of a job on a page: message, decision, approvals, calls, result."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.app.audit_commands.page import (
    MARGIN,
    Page,
    known,
    tell_protection,
    word,
)
from appliance.app.audit_commands.screen import OUTCOMES, Ink
from appliance.audit.search import Entry
from appliance.audit.story import Approval, Call, Story
from appliance.core.words import duration


def tell_job(page: Page, story: Story) -> None:
    """Put the whole story of a job on a page."""
    _tell_head(page, story)
    if story.message:
        page.event(story.message, f"{known(story.message.record.actor)} wrote")
        page.quote(story.message, "text")
    if story.decision:
        page.event(story.decision, f"→ {_judged(story.decision)}", _ink(story.decision))
    is_list = False  # of things that take one line
    for step in story.steps:
        if not (is_list and isinstance(step, Entry)):
            page.gap()
        is_list = isinstance(step, Entry)
        match step:
            case Approval():
                _tell_approval(page, step, f"may job {story.job} start?")
            case Call():
                _tell_call(page, step)
            case Entry():
                _tell_fact(page, step)
    page.gap()
    tell_protection(page, story.protection)
    for seq in story.earlier:
        page.text(f"another job had this number before: record {seq}", Ink.WAITING)


def _tell_head(page: Page, story: Story) -> None:
    title = f"Job {story.job}"
    if story.project:
        title += f" in {story.project}"
    if story.requester:
        title += f", asked for by {known(story.requester)}"
    page.text(title, Ink.BOLD)
    if story.ending is None:
        page.text("no end is recorded", Ink.WAITING)
    else:
        page.text(" · ".join(_summary(story, story.ending)), _ink(story.ending))


def _summary(story: Story, ending: Entry) -> Iterator[str]:
    data = ending.record.data
    how = ending.record.kind.partition(".")[2].replace("_", " ")
    yield f"{how} after {duration(story.milliseconds)}"
    if story.calls:
        denied = sum(
            call.decision is not None and _is_denied(call.decision) for call in story.calls
        )
        yield f"{len(story.calls)} calls, {denied} denied"
    if isinstance(cost := data.get("cost_microdollars"), int) and cost:
        yield f"${cost / 1_000_000:.2f}"
    if isinstance(tokens := data.get("input_tokens"), int) and tokens:
        yield f"{tokens + int(str(data['output_tokens'])):,} tokens"


def _tell_approval(page: Page, approval: Approval, question: str) -> None:
    asked = approval.asked
    if asked:
        page.event(asked, f"{question} rule {_rule(asked)} asks · {approval.id}", Ink.WAITING)
        page.quote(asked, "input")
        roles = asked.record.data.get("by")
        may = " or ".join(roles) if isinstance(roles, tuple) and roles else "who asked for the job"
        page.text(f"in {word(asked, 'directory')} · may answer: {may}", indent=MARGIN)
    answers = [*approval.strangers, *filter(None, [approval.answer])]
    for entry in sorted(answers, key=lambda answer: answer.record.seq):
        page.event(entry, f"→ {_answered(entry, approval)}", _ink(entry))
    if approval.answer is None:
        page.text("no answer is recorded", Ink.WAITING, indent=MARGIN)


def _answered(entry: Entry, approval: Approval) -> str:
    who, reason = known(entry.record.actor), word(entry, "reason")
    if entry in approval.strangers:
        return f"{who} tried to answer and was refused: {reason}"
    took = f" after {duration(approval.milliseconds)}" if approval.milliseconds is not None else ""
    match entry.record.kind:
        case "approval.given":
            return f"approved by {who}{took}"
        case "approval.refused":
            return f"refused by {who}{took}" + (f": {reason}" if reason else "")
        case _:
            return f"expired{took}: nobody answered"


def _tell_call(page: Page, call: Call) -> None:
    for approval in call.approvals:
        _tell_approval(page, approval, f"{call.tool}: may this run?")
    if call.decision:
        begin = "→" if call.approvals else call.tool
        page.event(call.decision, f"{begin} {_judged(call.decision)}", _ink(call.decision))
        if not call.approvals:
            page.quote(call.decision, "input")
            if "input" not in call.decision.values:
                page.quote_text(word(call.decision, "object"))
    elif call.tool and not call.approvals:
        page.text(f"{call.tool}: no decision is recorded", Ink.BAD, indent=MARGIN)
    if call.finished:
        how = "failed" if call.finished.record.data.get("is_error") else "ran"
        took = f" after {duration(call.milliseconds)}" if call.milliseconds is not None else ""
        page.event(call.finished, f"→ {how}{took}", _ink(call.finished))
        page.quote(call.finished, "output")
    elif call.started:
        page.event(call.started, "→ started; no end is recorded", Ink.WAITING)


def _tell_fact(page: Page, entry: Entry) -> None:
    page.event(entry, _fact(entry), _ink(entry))
    for name in entry.record.commitments:
        page.quote(entry, name)


def _fact(entry: Entry) -> str:
    reason = word(entry, "reason")
    match entry.record.kind:
        case "message.received":
            return f"{known(entry.record.actor)} wrote"
        case "request.allowed" | "request.denied":
            return f"→ {_judged(entry)}"
        case "job.queued":
            after = word(entry, "after")
            return "queued" + (f", to run after job {after}" if after != "0" else "")
        case "job.started":
            return f"started as {word(entry, 'kind')}, isolation: {word(entry, 'isolation')}"
        case "job.steered":
            return f"{known(entry.record.actor)} sent it a further message"
        case "job.timed_out":
            return f"timed out after {word(entry, 'after_seconds')} s"
        case "job.interrupted":
            return f"interrupted: {reason}; whether it took effect is unknown"
        case kind:
            name = kind.removeprefix("job.").replace(".", " ")
            return f"{name}: {reason}" if reason else name


def _judged(entry: Entry) -> str:
    if _is_denied(entry):
        return f"denied by {_rule(entry)}: {word(entry, 'reason')}"
    return f"allowed by {_rule(entry)}"


def _rule(entry: Entry) -> str:
    rule = word(entry, "rule")
    return rule.rpartition("/")[2] if rule else "default, as no rule allows it"


def _is_denied(entry: Entry) -> bool:
    return entry.record.kind == "request.denied"


def _ink(entry: Entry) -> Ink | None:
    return OUTCOMES.get(entry.record.outcome)
