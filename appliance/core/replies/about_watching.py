"""What a place is told of a running job, and the line below its answer."""

from __future__ import annotations

from dataclasses import replace

from appliance.core.approvals import Approval
from appliance.core.diffs import Counts
from appliance.core.hidden import shown
from appliance.core.jobs import Job, State
from appliance.core.model import Button, Markdown, Millis, Phrase, Reply, Urgency, Wording
from appliance.core.replies.about_calls import doing, in_one_line
from appliance.core.replies.about_changes import counted
from appliance.core.replies.about_jobs import stop_button, titled
from appliance.core.replies.about_routing import mover
from appliance.core.watching import Call, Sight
from appliance.core.words import Words, dollars, duration, number, phrase, plural

LONG_CALL_MS = 10_000
"""A call that takes longer than that is worth a time of its own."""
MAX_SAID = 3000
MAX_TITLE = 100


def started(job: Job) -> Reply:
    return replace(titled(job, phrase("started")).reply(_buttons(job)), silent=True)


def live(job: Job, sight: Sight, now: Millis) -> Reply:
    """What the "started" message says while the job runs."""
    is_held = job.state is State.WAITING_APPROVAL
    words = titled(job, phrase("waits for an answer") if is_held else phrase("is running"))
    if not is_held or sight.doing is not None:  # who waits does not think
        _now(words.verbatim("\n"), sight, now)
    words.verbatim("\n")
    if sight.steps:
        words.plain(plural(sight.steps, "{count} step", "{count} steps")).verbatim(" · ")
    words.plain(duration(now - sight.since))
    if spent := _spent(job, sight):
        words.verbatim(" · ").plain(spent)
    return words.reply(_buttons(job))


def _now(words: Words, sight: Sight, now: Millis) -> None:
    """What it does at this moment."""
    call = sight.doing
    if sight.trouble:
        words.verbatim(shown(sight.trouble, 200))
    elif call is not None:
        words.code(doing(call.call))
        if now - call.at >= LONG_CALL_MS:
            words.verbatim(" · ").plain(duration(now - call.at))
    elif sight.said:
        words.verbatim(shown(sight.said, 200))
    else:
        words.plain("thinking")


def _spent(job: Job, sight: Sight) -> Phrase | None:
    """The cost where it is known, until then what the model has read and written."""
    if job.usage.cost_microdollars:
        return dollars(job.usage.cost_microdollars)
    tokens = sight.tokens or job.usage.input_tokens + job.usage.output_tokens
    return phrase("{count} tokens", count=number(tokens)) if tokens else None


def said(texts: tuple[str, ...]) -> Reply:
    """What the agent said on the way; the newest of it when it is much."""
    text = "\n\n".join(texts)
    if len(text) > MAX_SAID:
        text = "… " + text[-MAX_SAID:]
    return Reply(Markdown(text), silent=True, urgency=Urgency.SPARE)


def footer(job: Job, sight: Sight, changed: Counts | None) -> Wording:
    """ "2 min 5 s · $0.12 · 3 files changed +24 -5", and how its last tests went."""
    words = Words().plain(duration((job.ended_at or sight.heard_at) - sight.since))
    if spent := _spent(job, sight):
        words.verbatim(" · ").plain(spent)
    if changed is not None and changed.files:
        counted(words.verbatim(" · "), changed)
    if sight.tests:
        words.line("tests: ").code(sight.tests)
    return words.wording()


def silent_for(job: Job, sight: Sight, now: Millis) -> Reply:
    """Nothing has been heard of a running job for a while."""
    words = Words().bold("Job {job}", job=job.id)
    words.plain(" has shown no sign of life for {time}.", time=duration(now - sight.heard_at))
    if sight.last is not None:
        words.verbatim("\n").plain(_did(sight, sight.last)).verbatim(" ")
        words.code(doing(sight.last.call))
    words.line("It may still be at work. Stop it, or leave it.")
    return words.reply([stop_button(job)])


def _did(sight: Sight, last: Call) -> Phrase:
    return phrase("Under way:") if last in sight.open else phrase("The last thing it did:")


def heard_again(job: Job, silence_ms: int) -> Reply:
    """What the notice becomes when the job goes on or ends."""
    words = Words().bold("Job {job}", job=job.id)
    words.plain(" showed no sign of life for {time}; it went on.", time=duration(silence_ms))
    return words.reply()


def ended_silently(job: Job) -> Reply:
    """What the notice becomes when the job ends without another word."""
    words = Words().bold("Job {job}", job=job.id)
    return words.plain(" showed no sign of life for a while, and has ended.").reply()


def still_waiting(approval: Approval, job: Job, now: Millis) -> Reply:
    """A reminder of a question that nobody has answered yet."""
    words = Words().bold("Still waiting for you").verbatim(": ")
    words.plain("job {job} asks whether this may run:", job=job.id).verbatim("\n")
    words.code(in_one_line(approval.summary, MAX_TITLE)).verbatim("\n")
    words.plain("expires in {time}", time=duration(approval.expires_at - now))
    words.verbatim(" · ").plain("id {id}", id=approval.id)
    return replace(words.reply(), urgency=Urgency.ANSWER)


def _buttons(job: Job) -> list[Button]:
    return [stop_button(job), *mover(job)]
