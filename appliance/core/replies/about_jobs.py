"""What a job is doing, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.hidden import shown
from appliance.core.jobs import Job, State
from appliance.core.model import (
    WORKSPACE,
    Button,
    ButtonKind,
    Denied,
    JobId,
    Markdown,
    Millis,
    Phrase,
    Prompt,
    Reply,
    ToolCall,
    Wording,
)
from appliance.core.replies.about_calls import doing
from appliance.core.replies.about_routing import mover
from appliance.core.words import Words, age, dollars, duration, number, phrase, say


def memory_is_short(possible: int, wanted: int, job_bytes: int) -> Phrase:
    """One line for /status."""
    return phrase(
        "{possible} of {wanted} jobs at a time: the next one starts beside others "
        "when {size} MiB are free",
        possible=possible,
        wanted=wanted,
        size=number(job_bytes // 2**20),
    )


def queued(job: Job, behind: JobId | None) -> Reply:
    words = titled(job, phrase("is waiting"))
    if job.after is not None:
        words.line("Starts when job {job} has succeeded.", job=job.after)
    elif behind is not None:
        words.line("Starts after job {job}.", job=behind)
    return replace(words.reply([stop_button(job)]), silent=True)


def titled(job: Job, how: Phrase) -> Words:
    """ "Job 12 started · demo"."""
    words = Words().bold("Job {job}", job=job.id).verbatim(" ").plain(how)
    return words.verbatim(f" · {whose(job)}")


def whose(job: Job) -> str:
    """ "demo", or "alice · demo" where others read along."""
    return f"{job.requester} · {job.project}" if job.is_in_company else job.project


def steered(job: Job) -> Reply:
    return say("Passed on to job {job}, which is running.", job=job.id)


_ENDINGS = {
    State.SUCCEEDED: phrase("✓ done"),
    State.FAILED: phrase("✗ failed"),
    State.CANCELLED: phrase("stopped"),
    State.TIMED_OUT: phrase("✗ out of time"),
    State.INTERRUPTED: phrase("interrupted"),
    State.REFUSED: phrase("refused"),
    State.EXPIRED: phrase("expired"),
    State.DENIED: phrase("not allowed"),
}
STATES = _ENDINGS | {
    State.SUCCEEDED: phrase("done"),
    State.FAILED: phrase("failed"),
    State.TIMED_OUT: phrase("out of time"),
    State.RECEIVED: phrase("received"),
    State.WAITING_APPROVAL: phrase("waiting for approval"),
    State.QUEUED: phrase("in line"),
    State.RUNNING: phrase("running"),
}


def ended_line(job: Job) -> Reply:
    """What the "started" message becomes; time and cost stand below an agent's answer."""
    words = titled(job, _ENDINGS[job.state])
    for fact in () if isinstance(job.work, Prompt) else facts(job):
        words.verbatim(" · ").plain(fact)
    return words.reply()


def facts(job: Job) -> list[Phrase]:
    """How long it took, and what it cost, where that is known."""
    known = [duration(job.usage.duration_ms)] if job.usage.duration_ms else []
    if job.usage.cost_microdollars:
        known.append(dollars(job.usage.cost_microdollars))
    return known


def answer(job: Job, text: str, refused: int) -> Reply:
    """The result as a message of its own. An agent's text is markdown."""
    if job.state is State.SUCCEEDED:
        reply = Reply(Markdown(text)) if text else say("It is done, and said nothing.")
        footer = _refused_on_the_way(refused) if refused > 1 else None
        rows = (mover(job),) if job.project == WORKSPACE else ()
        return replace(reply, footer=footer, buttons=rows)
    if job.state is State.FAILED and job.kind != "prompt":
        title = Words().bold("Job {job}", job=job.id).verbatim(" ").plain("failed")
        return Reply(Markdown(text), footer=title.wording())
    ending = _ENDINGS[job.state]
    words = Words().bold("Job {job}", job=job.id).verbatim(" ")
    if text.startswith(str(ending)):  # "stopped by bob"
        words.plain(ending)
        return words.verbatim(f"{text.removeprefix(str(ending))}.").reply()
    return words.plain(ending).verbatim(f": {text}" if text else ".").reply()


def _refused_on_the_way(count: int) -> Wording:
    return Words().italic("{count} steps were refused on the way.", count=count).wording()


def interrupted(job: Job, heard: Sequence[str] = ()) -> Reply:
    """`heard`: what it was told while it ran, and may not have read."""
    words = Words().bold("Job {job}", job=job.id)
    words.plain(" was interrupted: {reason} while it ran. ", reason=job.reason)
    words.plain("What it had done so far stays done.")
    if heard:
        words.line("It may not have read this:").verbatim("\n").quote(shown(heard[-1], 200))
    if heard and job.session:
        words.line("“Resume” tells it once more.")
    resume = Button(phrase("Resume"), f"r:{job.id}", ButtonKind.APPROVE)
    return words.reply(*([[resume]] if job.session else []))


def stopping(job: Job) -> Reply:
    reply = say("The appliance is stopping. Job {job} gets a moment to finish.", job=job.id)
    return replace(reply, silent=True)


def cannot_resume(job_id: JobId) -> Reply:
    return say("Job {job} cannot be resumed. /jobs lists the latest ones.", job=job_id)


def stop_asked(job: Job) -> Reply:
    return say("Stopping job {job}.", job=job.id)


def nothing_to_stop() -> Reply:
    return say("Nothing of yours is running here. /jobs lists the latest jobs.")


def after_unknown(job_id: JobId) -> Reply:
    return say("There is no job {job} to wait for. /jobs lists the latest ones.", job=job_id)


def jobs(latest: Sequence[Job], now: Millis) -> Reply:
    if not latest:
        return say("No jobs yet. Write what to do, or /help.")
    words = Words().bold("Latest jobs")
    for job in latest:
        words.verbatim(f"\n{job.id} · ").plain(STATES[job.state]).verbatim(" · ")
        words.plain(age(now - job.created_at)).verbatim(f" · {shown(job.title, 48)}")
    unfinished = [job for job in latest if not job.is_finished]
    return words.reply(*([_buttons(unfinished[0])] if unfinished else []))


def _buttons(job: Job) -> list[Button]:
    return [
        Button(phrase("Stop {job}", job=job.id), f"s:{job.id}"),
        Button(phrase("Log of {job}", job=job.id), f"tl:{job.id}"),
    ]


def tool_refused(job: Job, call: ToolCall, denied: Denied) -> Reply:
    words = Words().bold("Job {job}", job=job.id).plain(": refused ").code(doing(call))
    return replace(
        words.verbatim(f"\n{shown(denied.because or denied.reason, 300)}").reply(), silent=True
    )


def stop_button(job: Job) -> Button:
    return Button(phrase("Stop"), f"s:{job.id}")
