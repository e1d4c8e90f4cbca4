"""What waits and why, and what happened in a job, for a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.core.approvals import Approval, ApprovalState
from appliance.core.hidden import shown
from appliance.core.jobs import Job, Step, StepKind
from appliance.core.model import Attachment, Button, JobId, Millis, Phrase, Reply, TimeOfDay
from appliance.core.replies.about_calls import in_one_line
from appliance.core.replies.about_jobs import STATES, facts, stop_button, whose
from appliance.core.words import Words, age, either, phrase, say

PHONE_LINES = 16
"""Happenings shown in a message; with what stands above them that is a screen of a phone."""
QUEUE_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits, and what for."""

    job: Job
    why: Phrase


def waits_for_job(job: JobId) -> Phrase:
    return phrase("until job {job} has ended", job=job)


def waits_for_success(job: JobId) -> Phrase:
    return phrase("until job {job} has succeeded", job=job)


def waits_for_memory() -> Phrase:
    return phrase("until enough memory is free")


def waits_for_approval(approval: Approval | None) -> Phrase:
    if approval is None or not approval.asks.by:
        return phrase("for a yes or no")
    return phrase("for a yes of {who}", who=either(approval.asks.by))


def starts_now() -> Phrase:
    return phrase("starts in a moment")


def queue(waiting: Sequence[Waiting], now: Millis) -> Reply:
    """Each with a button to take it out of the line."""
    if not waiting:
        return say("Nothing waits.")
    words = Words().bold("Waiting")
    for each in waiting[:QUEUE_SHOWN]:
        job = each.job
        words.line("{job} · {whose} · ", job=job.id, whose=whose(job)).plain(each.why)
        words.verbatim("\n    ").plain(age(now - job.created_at))
        words.verbatim(f" · {shown(job.title, 48)}")
    if (more := len(waiting) - QUEUE_SHOWN) > 0:
        words.line("… and {count} more", count=more)
    buttons = [_cancel_button(each.job) for each in waiting[:QUEUE_SHOWN]]
    return words.reply(*(buttons[start : start + 3] for start in range(0, len(buttons), 3)))


def _cancel_button(job: Job) -> Button:
    return Button(phrase("Cancel {job}", job=job.id), f"s:{job.id}")


# the story of one job


@dataclass(frozen=True, slots=True)
class Happening:
    """`said` in our words, then `of` in somebody else's."""

    at: Millis
    said: Phrase
    of: str = ""


def no_such_job() -> Reply:
    return say("Which job? /jobs lists the latest ones; write: /log JOB")


def story(
    job: Job, steps: Sequence[Step], approvals: Sequence[Approval], *, whole: bool = False
) -> Reply:
    """The end of it in a message, all of it behind a button; or all of it, as a file."""
    happened = _happenings(job, steps, approvals)
    words = Words().bold("Job {job}", job=job.id).verbatim(f" · {whose(job)}")
    words.verbatim("\n").plain(STATES[job.state])
    for fact in facts(job):
        words.verbatim(" · ").plain(fact)
    if whole:
        content = "\n".join((job.title, "", *map(_line, happened), ""))
        reply = words.reply()
        file = Attachment(f"job-{job.id}.txt", content.encode("utf-8", "replace"))
        return Reply(reply.body, attachment=file)
    words.verbatim("\n").quote(shown(job.title, 200))
    shown_now = happened[-PHONE_LINES:]
    if len(happened) > len(shown_now):
        words.line("… {count} earlier", count=len(happened) - len(shown_now))
    for each in shown_now:
        words.line("{time} ", time=TimeOfDay(each.at)).plain(each.said)
        if each.of:
            words.verbatim(" ").code(shown(each.of, 90))
    return words.reply(*_below(job, is_cut=len(happened) > len(shown_now)))


def _below(job: Job, *, is_cut: bool) -> list[list[Button]]:
    row = [Button(phrase("All of it"), f"tw:{job.id}")] if is_cut else []
    if job.is_finished:
        row.append(Button(phrase("Try again"), f"ty:{job.id}"))
    else:
        row.append(stop_button(job))
    return [row]


def _happenings(job: Job, steps: Sequence[Step], approvals: Sequence[Approval]) -> list[Happening]:
    found = [Happening(job.created_at, phrase("asked for by {user}", user=job.requester))]
    if job.started_at is not None:
        found.append(Happening(job.started_at, phrase("started")))
    found += [Happening(step.at, _STEPS[step.what], step.text) for step in steps]
    for approval in approvals:
        found.append(_question(approval))
    if job.ended_at is not None:
        found.append(Happening(job.ended_at, STATES[job.state], job.reason))
    return sorted(found, key=lambda each: each.at)


_STEPS = {
    StepKind.TOOL: phrase("did"),
    StepKind.REFUSED: phrase("was refused"),
    StepKind.HEARD: phrase("heard"),
}


def _question(approval: Approval) -> Happening:
    of = in_one_line(approval.summary, 90)
    by = approval.answered_by
    match approval.state:
        case ApprovalState.PENDING:
            said = phrase("waits for a yes to")
        case ApprovalState.GIVEN | ApprovalState.USED:
            said = phrase("{user} allowed", user=by)
        case ApprovalState.REFUSED:
            said = phrase("{user} said no to", user=by)
        case ApprovalState.EXPIRED:
            said = phrase("nobody answered about")
        case ApprovalState.WITHDRAWN:
            said = phrase("no longer asked about")
    return Happening(approval.asked_at, said, of)


def _line(each: Happening) -> str:
    return f"{TimeOfDay(each.at)} UTC  {each.said} {each.of}".rstrip()
