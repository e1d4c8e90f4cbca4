"""Questions to people and what became of them (`appliance.core.approvals`)."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core import changes
from appliance.core.approvals import Approval, ApprovalState, may_be_for_job
from appliance.core.commands import readable, shown
from appliance.core.jobs import Job
from appliance.core.model import (
    Button,
    ButtonKind,
    Millis,
    Reply,
)
from appliance.core.replies.about_calls import in_one_line
from appliance.core.words import Words, duration

MAX_SHOWN_INPUT = 3000
"""Characters of a held step shown in the message; the rest is said to be cut."""
CONTEXT_LINES = 2
"""Kept lines shown around each change of a file."""


def question(approval: Approval, job: Job, now: Millis) -> Reply:
    """What would run, where, as whom, which rule asks, until when, and the buttons."""
    words = Words().bold("May this run?").plain(f"  job {job.id} · {job.project}\n")
    _held(words, approval)
    words.plain(f"\nin {approval.directory}\n{_as_whom(approval)} · rule ")
    words.code(str(approval.asks.rule))
    if (reason := approval.asks.reason) and not _is_shown(reason, approval):
        words.plain(f"\nbecause of: {shown(reason, 200)}")
    if needs := _needs(approval):
        words.plain(f"\n{needs}")
    words.plain(f"\nexpires in {duration(approval.expires_at - now)} · id {approval.id}")
    rows = [
        [
            Button("Approve", f"a:{approval.id}", ButtonKind.APPROVE),
            Button("Deny", f"d:{approval.id}", ButtonKind.DENY),
        ]
    ]
    if may_be_for_job(approval):
        words.plain("\n“Allow for this job” covers all of:\n")
        words.code(shown(approval.asks.rule.text, 200))
        rows.append([Button("Allow for this job", f"j:{approval.id}", ButtonKind.APPROVE)])
    return words.reply(*rows)


def _is_shown(reason: str, approval: Approval) -> bool:
    """Whether the question begins with what the rule asks about: the command, or a file's name."""
    first_line = approval.summary.partition("\n")[0]
    return reason == approval.summary or first_line == f"{approval.tool} {reason}"


def _held(words: Words, approval: Approval) -> None:
    """The thing that is asked about; a change to a file is coloured as one."""
    language = {"Bash": "bash", "Edit": "diff", "MultiEdit": "diff", "Write": "diff"}
    words.block(_cut(readable(_as_change(approval.summary))), language.get(approval.tool, ""))


def _as_whom(approval: Approval) -> str:
    if approval.is_about_job:
        return f"for {approval.requester}"
    return f"by the agent, for {approval.requester}"


def _needs(approval: Approval) -> str:
    """ "needs a yes from 2 people of lead, on web" and who has said it so far."""
    asks = approval.asks
    if not asks.by and asks.people == 1 and not asks.via:
        return ""
    who = " or ".join(asks.by) or f"{approval.requester} or owner"
    count = f"{asks.people} people of " if asks.people > 1 else ""
    where = f", on {' or '.join(asks.via)}" if asks.via else ""
    needs = f"needs a yes from {count}{who}{where}"
    return f"{needs}\n{_so_far(approval)}" if approval.given_by else needs


def _so_far(approval: Approval) -> str:
    given = approval.given_by
    return f"{len(given)} of {approval.asks.people} so far: {', '.join(given)}"


def settled(approval: Approval, job: Job) -> Reply:
    """What the question becomes once nothing can be pressed any more."""
    word = {
        ApprovalState.USED: f"✓ Allowed by {approval.answered_by}",
        ApprovalState.GIVEN: f"Approved by {approval.answered_by}, being passed on",
        ApprovalState.REFUSED: f"✗ Denied by {approval.answered_by}",
        ApprovalState.EXPIRED: "Expired: nobody answered in time, so it did not run",
        ApprovalState.WITHDRAWN: "Withdrawn: the job went on or ended without it",
        ApprovalState.PENDING: "Waiting",
    }[approval.state]
    scope = " · for all like it in this job" if approval.for_job else ""
    words = Words().bold(word).plain(f"{scope}  job {job.id} · {job.project}\n")
    _held(words, approval)
    if approval.state is ApprovalState.REFUSED and approval.reason:
        words.plain(f"\nbecause: {shown(approval.reason, 200)}")
    return words.reply()


def refused(approval: Approval, job: Job) -> Reply:
    """A message of its own for whoever asked for a job that somebody else has said no to."""
    words = Words().bold(f"Job {job.id}").plain(f": {approval.answered_by} said no to ")
    words.code(in_one_line(approval.summary, 120)).plain(", so it did not run.")
    if approval.reason:
        words.plain(f"\nbecause: {shown(approval.reason, 200)}")
    return words.reply()


def expired(approval: Approval, job: Job) -> Reply:
    """A message of its own for everybody who was asked, and whoever asked."""
    words = Words().bold(f"Job {job.id}").plain(": nobody approved ")
    words.code(in_one_line(approval.summary, 120)).plain(" in time, so it did not run.")
    if approval.given_by:
        words.plain(f"\n{_so_far(approval)}")
    return words.plain("\nAsk for it again if it is still wanted.").reply()


def late_answer(approval: Approval | None) -> str:
    """For a click or command on something that cannot be answered any more."""
    if approval is None:
        return "There is no such question. Compare the id, or press its button."
    return {
        ApprovalState.EXPIRED: "Too late: this has expired. Nothing ran; ask for it again.",
        ApprovalState.WITHDRAWN: "This is no longer being asked. Nothing ran.",
        ApprovalState.REFUSED: f"Already denied by {approval.answered_by}.",
        ApprovalState.GIVEN: f"Already approved by {approval.answered_by}.",
        ApprovalState.USED: f"Already approved by {approval.answered_by}, and it ran.",
        ApprovalState.PENDING: "This is still waiting.",
    }[approval.state]


def not_yours_to_answer(who_may: Sequence[str]) -> str:
    return "You may not answer this." + (f" Ask {', '.join(who_may)}." if who_may else "")


def not_from_here(via: Sequence[str]) -> str:
    return f"This may only be answered on {' or '.join(via)}."


def answered(approval: Approval) -> str:
    match approval.state:
        case ApprovalState.GIVEN:
            return "Approved. Passing it on."
        case ApprovalState.PENDING:
            return f"Noted, {_so_far(approval)}. It still needs somebody else."
        case _:
            return "Denied."


def _as_change(summary: str) -> str:
    """A recorded edit with what goes and what comes among the lines around it; else as it is."""
    found = changes.change(summary)
    if found is None:
        return summary
    signs = [sign for sign, _ in found.lines]
    shown_lines: list[str] = []
    for number, (sign, line) in enumerate(found.lines):
        around = signs[max(0, number - CONTEXT_LINES) : number + CONTEXT_LINES + 1]
        if set(around) != {changes.KEPT}:
            shown_lines.append(f"{sign} {line}")
        elif shown_lines[-1:] != ["…"]:
            shown_lines.append("…")
    return "\n".join((found.title, *shown_lines))


def _cut(text: str) -> str:
    if len(text) <= MAX_SHOWN_INPUT:
        return text
    # head and tail: whatever is hidden, the end of a command cannot be
    half = MAX_SHOWN_INPUT // 2
    hidden = len(text) - 2 * half
    return f"{text[:half]}\n[… {hidden:,} characters not shown …]\n{text[-half:]}"
