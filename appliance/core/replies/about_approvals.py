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
    Phrase,
    Reply,
)
from appliance.core.replies.about_calls import in_one_line
from appliance.core.words import Words, duration, either, phrase

MAX_SHOWN_INPUT = 3000
"""Characters of a held step shown in the message; the rest is said to be cut."""
CONTEXT_LINES = 2
"""Kept lines shown around each change of a file."""


def question(approval: Approval, job: Job, now: Millis) -> Reply:
    """What would run, where, as whom, which rule asks, until when, and the buttons."""
    words = Words().bold("May this run?").verbatim("  ").plain(_which_job(job)).verbatim("\n")
    _held(words, approval)
    words.line("in {directory}", directory=approval.directory)
    words.line(_as_whom(approval)).verbatim(" · ").plain("rule ").code(str(approval.asks.rule))
    if (reason := approval.asks.reason) and not _is_shown(reason, approval):
        words.line("because of: {reason}", reason=shown(reason, 200))
    _needs(words, approval)
    left = duration(approval.expires_at - now)
    words.line("expires in {duration} · id {id}", duration=left, id=approval.id)
    rows = [
        [
            Button(phrase("Approve"), f"a:{approval.id}", ButtonKind.APPROVE),
            Button(phrase("Deny"), f"d:{approval.id}", ButtonKind.DENY),
        ]
    ]
    if may_be_for_job(approval):
        words.line("“Allow for this job” covers all of:").verbatim("\n")
        words.code(shown(approval.asks.rule.text, 200))
        for_job = Button(phrase("Allow for this job"), f"j:{approval.id}", ButtonKind.APPROVE)
        rows.append([for_job])
    return words.reply(*rows)


def _which_job(job: Job) -> Phrase:
    return phrase("job {job} · {project}", job=job.id, project=job.project)


def _is_shown(reason: str, approval: Approval) -> bool:
    """Whether the question begins with what the rule asks about: the command, or a file's name."""
    first_line = approval.summary.partition("\n")[0]
    return reason == approval.summary or first_line == f"{approval.tool} {reason}"


def _held(words: Words, approval: Approval) -> None:
    """The thing that is asked about; a change to a file is coloured as one."""
    language = {"Bash": "bash", "Edit": "diff", "MultiEdit": "diff", "Write": "diff"}
    words.block(_cut(readable(_as_change(approval.summary))), language.get(approval.tool, ""))


def _as_whom(approval: Approval) -> Phrase:
    if approval.is_about_job:
        return phrase("for {user}", user=approval.requester)
    return phrase("by the agent, for {user}", user=approval.requester)


def _needs(words: Words, approval: Approval) -> None:
    """ "needs a yes from 2 people of lead, on web" and who has said it so far."""
    asks = approval.asks
    if not asks.by and asks.people == 1 and not asks.via:
        return
    who = either(asks.by or (approval.requester, "owner"))
    if asks.people > 1:
        words.line("needs a yes from {count} people of {who}", count=asks.people, who=who)
    else:
        words.line("needs a yes from {who}", who=who)
    if asks.via:
        words.plain(", on {where}", where=either(asks.via))
    if approval.given_by:
        words.line(_so_far(approval))


def _so_far(approval: Approval) -> Phrase:
    given = approval.given_by
    return phrase(
        "{given} of {needed} so far: {names}",
        given=len(given),
        needed=approval.asks.people,
        names=", ".join(given),
    )


def settled(approval: Approval, job: Job) -> Reply:
    """What the question becomes once nothing can be pressed any more."""
    words = Words().bold(_outcome(approval))
    if approval.for_job:
        words.verbatim(" · ").plain("for all like it in this job")
    words.verbatim("  ").plain(_which_job(job)).verbatim("\n")
    _held(words, approval)
    if approval.state is ApprovalState.REFUSED and approval.reason:
        words.line("because: {reason}", reason=shown(approval.reason, 200))
    return words.reply()


def _outcome(approval: Approval) -> Phrase:
    by = approval.answered_by
    match approval.state:
        case ApprovalState.USED:
            return phrase("✓ Allowed by {user}", user=by)
        case ApprovalState.GIVEN:
            return phrase("Approved by {user}, being passed on", user=by)
        case ApprovalState.REFUSED:
            return phrase("✗ Denied by {user}", user=by)
        case ApprovalState.EXPIRED:
            return phrase("Expired: nobody answered in time, so it did not run")
        case ApprovalState.WITHDRAWN:
            return phrase("Withdrawn: the job went on or ended without it")
        case ApprovalState.PENDING:
            return phrase("Waiting")


def refused(approval: Approval, job: Job) -> Reply:
    """A message of its own for whoever asked for a job that somebody else has said no to."""
    words = Words().bold("Job {job}", job=job.id)
    words.plain(": {user} said no to this, so it did not run:", user=approval.answered_by)
    words.verbatim("\n").code(in_one_line(approval.summary, 120))
    if approval.reason:
        words.line("because: {reason}", reason=shown(approval.reason, 200))
    return words.reply()


def expired(approval: Approval, job: Job) -> Reply:
    """A message of its own for everybody who was asked, and whoever asked."""
    words = Words().bold("Job {job}", job=job.id)
    words.plain(": nobody approved this in time, so it did not run:")
    words.verbatim("\n").code(in_one_line(approval.summary, 120))
    if approval.given_by:
        words.line(_so_far(approval))
    return words.line("Ask for it again if it is still wanted.").reply()


def late_answer(approval: Approval | None) -> Phrase:
    """For a click or command on something that cannot be answered any more."""
    if approval is None:
        return phrase("There is no such question. Compare the id, or press its button.")
    by = approval.answered_by
    match approval.state:
        case ApprovalState.EXPIRED:
            return phrase("Too late: this has expired. Nothing ran; ask for it again.")
        case ApprovalState.WITHDRAWN:
            return phrase("This is no longer being asked. Nothing ran.")
        case ApprovalState.REFUSED:
            return phrase("Already denied by {user}.", user=by)
        case ApprovalState.GIVEN:
            return phrase("Already approved by {user}.", user=by)
        case ApprovalState.USED:
            return phrase("Already approved by {user}, and it ran.", user=by)
        case ApprovalState.PENDING:
            return phrase("This is still waiting.")


def not_yours_to_answer(who_may: Sequence[str]) -> Phrase:
    if not who_may:
        return phrase("You may not answer this.")
    return phrase("You may not answer this. Ask {names}.", names=", ".join(who_may))


def not_from_here(via: Sequence[str]) -> Phrase:
    return phrase("This may only be answered on {where}.", where=either(via))


def answered(approval: Approval) -> Phrase:
    match approval.state:
        case ApprovalState.GIVEN:
            return phrase("Approved. Passing it on.")
        case ApprovalState.PENDING:
            so_far = _so_far(approval)
            return phrase("Noted, {so_far}. It still needs somebody else.", so_far=so_far)
        case _:
            return phrase("Denied.")


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
