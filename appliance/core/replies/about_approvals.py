"""Questions to people and what became of them (`appliance.core.approvals`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core import changes
from appliance.core.approvals import Approval, ApprovalState, may_be_for_job
from appliance.core.hidden import readable, shown
from appliance.core.jobs import Job
from appliance.core.model import (
    END_PLANNING,
    Attachment,
    Button,
    ButtonKind,
    Day,
    Millis,
    Phrase,
    Reply,
    TimeOfDay,
    Value,
)
from appliance.core.replies.about_calls import in_one_line
from appliance.core.words import Words, duration, either, number, phrase

MAX_SHOWN_INPUT = 2800
"""Characters of a held step shown in the message; a longer one comes as a file."""
END_SHOWN = 200
"""Characters of a longer one's head, and of its tail: few enough to go with the file."""
MAX_SHOWN_REASON = 150
MAX_NAMES = 6
HALF_A_DAY_MS = 12 * 3600 * 1000
LANGUAGES = {
    "Bash": "bash",
    "Edit": "diff",
    "MultiEdit": "diff",
    "Write": "diff",
    "NotebookEdit": "diff",
    END_PLANNING: "markdown",
}
ENDINGS = {"bash": "sh", "diff": "diff", "markdown": "md"}
CONTEXT_LINES = 2
"""Kept lines shown around each change of a file."""


def question(approval: Approval, job: Job, now: Millis, who_may: Sequence[str] = ()) -> Reply:
    """What would run, where, as whom, why, which rule asks, who may say yes, until when, and the
    buttons. What is too long for a message comes as a file of that message: no file, no buttons.
    """
    title = phrase("May this plan be carried out?" if is_plan(approval) else "May this run?")
    words = Words().bold(title).verbatim(" · ").plain(which_job(job)).verbatim("\n")
    file = _held(words, approval, job)
    words.line("in {directory}", directory=shown(approval.directory, 200))
    if approval.why:
        words.line("the agent says: “{why}”", why=shown(approval.why, 150))
    words.line(_as_whom(approval)).verbatim(" · ").plain("rule ").code(str(approval.asks.rule))
    if (reason := approval.asks.reason) and not _is_shown(reason, approval):
        words.line("because of: {reason}", reason=shown(reason, MAX_SHOWN_REASON))
    _needs(words, approval)
    if who_may:
        words.line("who may answer: {names}", names=_names(who_may))
    left = duration(approval.expires_at - now)
    until = moment(approval.expires_at, now)
    words.line("until {time} ({duration}) · id {id}", time=until, duration=left, id=approval.id)
    if may_be_for_job(approval):
        words.line("“Allow for this job” covers all of:").verbatim("\n")
        words.code(shown(approval.asks.rule.text, 150))
    return replace(words.reply(*_buttons(approval)), attachment=file)


def is_plan(approval: Approval) -> bool:
    return approval.tool == END_PLANNING


def moment(at: Millis, seen_from: Millis) -> Value:
    """ "18:00", with the day when that is not clear."""
    time = TimeOfDay(at)
    return (
        time
        if abs(at - seen_from) < HALF_A_DAY_MS
        else phrase("{day}, {time}", day=Day(at), time=time)
    )


def _names(names: Sequence[str]) -> Value:
    listed = ", ".join(names[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    return phrase("{names} and {count} more", names=listed, count=more) if more > 0 else listed


def _buttons(approval: Approval) -> list[list[Button]]:
    name = approval.id
    why_not = phrase("Ask for a change" if is_plan(approval) else "Deny with a reason")
    rows = [
        [
            Button(phrase("Approve"), f"a:{name}", ButtonKind.APPROVE),
            Button(phrase("Deny"), f"d:{name}", ButtonKind.DENY),
        ],
        [
            Button(why_not, f"n:{name}", ButtonKind.DENY),
            Button(phrase("Details"), f"i:{name}"),
        ],
    ]
    if may_be_for_job(approval):
        rows.append([Button(phrase("Allow for this job"), f"j:{name}", ButtonKind.APPROVE)])
    return rows


def which_job(job: Job) -> Phrase:
    return phrase("job {job} · {project}", job=job.id, project=job.project)


def _is_shown(reason: str, approval: Approval) -> bool:
    """Whether the question begins with what the rule asks about: the command, or a file's name."""
    first_line = approval.summary.partition("\n")[0]
    is_long = len(reason) > MAX_SHOWN_REASON and approval.summary.startswith(reason[:-1])
    return is_long or reason == approval.summary or first_line == f"{approval.tool} {reason}"


def _held(words: Words, approval: Approval, job: Job) -> Attachment | None:
    """The thing that is asked about, or its head and tail and the whole of it as a file.

    Of a recipe what somebody has typed comes before what it runs.
    """
    if approval.is_about_job and job.kind != "prompt":
        words.code(shown(job.words, 200)).verbatim("\n")
    whole, language = readable(_as_change(approval.summary)), LANGUAGES.get(approval.tool, "")
    if len(whole) <= MAX_SHOWN_INPUT:
        words.block(whole, language)
        return None
    words.block(_head_and_tail(whole), language)
    words.line("All {count} characters are in the file.", count=number(len(whole)))
    ending = ENDINGS.get(language, "txt")
    return Attachment(f"{approval.id}.{ending}", readable(approval.summary).encode())


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


def settled(approval: Approval, job: Job, *, is_there: bool = False) -> Reply:
    """What the question becomes once it is over. `is_there`: this is where the job belongs."""
    words = Words().bold(_outcome(approval))
    if approval.for_job:
        words.verbatim(" · ").plain("for all like it in this job")
    words.verbatim(" · ").plain(which_job(job)).verbatim("\n")
    _held(words, approval, job)
    if approval.state is ApprovalState.REFUSED and approval.reason:
        words.line("because: {reason}", reason=shown(approval.reason, 200))
    if approval.renewed_by:
        words.line("It has been asked again.")
    return words.reply(*ask_again(approval, is_there=is_there))


def ask_again(approval: Approval, *, is_there: bool) -> list[list[Button]]:
    """The button below what nobody answered in time; it can be used once."""
    if approval.state is not ApprovalState.EXPIRED or approval.renewed_by or not is_there:
        return []
    return [[Button(phrase("Ask again"), f"g:{approval.id}")]]


def _outcome(approval: Approval) -> Phrase:
    by, at = approval.answered_by, moment(approval.answered_at, approval.asked_at)
    match approval.state:
        case ApprovalState.USED:
            return phrase("✓ Allowed by {user} at {time}", user=by, time=at)
        case ApprovalState.GIVEN:
            return phrase("Approved by {user} at {time}, being passed on", user=by, time=at)
        case ApprovalState.REFUSED:
            return phrase("✗ Denied by {user} at {time}", user=by, time=at)
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


def expired(approval: Approval, job: Job, *, is_there: bool = False) -> Reply:
    """A message of its own for everybody who was asked, and whoever asked."""
    words = Words().bold("Job {job}", job=job.id)
    words.plain(": nobody approved this in time, so it did not run:")
    words.verbatim("\n").code(in_one_line(approval.summary, 120))
    if approval.given_by:
        words.line(_so_far(approval))
    if approval.renewed_by:
        words.line("It has been asked again.")
    elif not is_there:
        words.line("{user} can ask for it again.", user=job.requester)
    return words.reply(*ask_again(approval, is_there=is_there))


def late_answer(approval: Approval | None) -> Phrase:
    """For a click or command on something that cannot be answered any more."""
    if approval is None:
        return no_such_question()
    by = approval.answered_by
    match approval.state:
        case ApprovalState.EXPIRED:
            return phrase("Too late: this has expired, and nothing ran. “Ask again” asks anew.")
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


def no_such_question() -> Phrase:
    return phrase("There is no such question. Compare the id, or press its button.")


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
    for at, (sign, line) in enumerate(found.lines):
        around = signs[max(0, at - CONTEXT_LINES) : at + CONTEXT_LINES + 1]
        if set(around) != {changes.KEPT}:
            shown_lines.append(f"{sign} {line}")
        elif shown_lines[-1:] != ["…"]:
            shown_lines.append("…")
    return "\n".join((found.title, *shown_lines))


def _head_and_tail(text: str) -> str:
    # whatever is hidden, the end of a command cannot be
    hidden = len(text) - 2 * END_SHOWN
    return f"{text[:END_SHOWN]}\n[… {hidden:,} characters …]\n{text[-END_SHOWN:]}"
