"""What a job is doing, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.commands import shown
from appliance.core.jobs import Job, State
from appliance.core.model import (
    Button,
    ButtonKind,
    JobId,
    Markdown,
    Millis,
    Reply,
    ToolCall,
    Usage,
)
from appliance.core.replies.about_calls import doing
from appliance.core.words import Words, age, duration, say


def memory_is_short(possible: int, wanted: int, job_bytes: int) -> str:
    """One line for /status."""
    return (
        f"{possible} of {wanted} jobs at a time: the next one starts beside others "
        f"when {job_bytes // 2**20:,} MiB are free"
    )


def queued(job: Job, behind: JobId | None) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(f" is waiting · {job.project}")
    if job.after is not None:
        words.plain(f"\nStarts when job {job.after} has succeeded.")
    elif behind is not None:
        words.plain(f"\nStarts after job {behind}.")
    return words.reply([_stop_button(job)])


def started(job: Job) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(f" started · {job.project}")
    return words.reply([_stop_button(job)])


def steered(job: Job) -> Reply:
    return say(f"Passed on to job {job.id}, which is running.")


_ENDINGS = {
    State.SUCCEEDED: "✓ done",
    State.FAILED: "✗ failed",
    State.CANCELLED: "stopped",
    State.TIMED_OUT: "✗ out of time",
    State.INTERRUPTED: "interrupted",
    State.REFUSED: "refused",
    State.EXPIRED: "expired",
    State.DENIED: "not allowed",
}


def ended_line(job: Job) -> Reply:
    """What the "started" message becomes."""
    words = Words().bold(f"Job {job.id}").plain(f" {_ENDINGS[job.state]} · {job.project}")
    facts = _facts(job.usage)
    return (words.plain(f" · {facts}") if facts else words).reply()


def answer(job: Job, text: str, refused: int) -> Reply:
    """The result as a message of its own. An agent's text is markdown."""
    if job.state is State.SUCCEEDED:
        note = f"\n\n_{refused} steps were refused on the way._" if refused > 1 else ""
        return Reply(Markdown((text or "(no output)") + note))
    if job.state is State.FAILED and job.kind != "prompt":
        return Reply(Markdown(f"**Job {job.id}** failed\n\n{text}"))
    ending = _ENDINGS[job.state]
    if text.startswith(ending):  # "stopped by bob"
        ending, text = text, ""
    words = Words().bold(f"Job {job.id}").plain(f" {ending}")
    return words.plain(f": {text}" if text else ".").reply()


def interrupted(job: Job) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(f" was interrupted: {job.reason} while it ran. ")
    words.plain("What it had done so far stays done.")
    rows = [[Button("Resume", f"r:{job.id}", ButtonKind.APPROVE)]] if job.session else []
    return words.reply(*rows)


def stopping(job: Job) -> Reply:
    return say(f"The appliance is stopping. Job {job.id} gets a moment to finish.")


def cannot_resume(job_id: JobId) -> Reply:
    return say(f"Job {job_id} cannot be resumed. /jobs lists the latest ones.")


def stop_asked(job: Job) -> Reply:
    return say(f"Stopping job {job.id}.")


def nothing_to_stop() -> Reply:
    return say("Nothing of yours is running here. /jobs lists the latest jobs.")


def after_unknown(job_id: JobId) -> Reply:
    return say(f"There is no job {job_id} to wait for. /jobs lists the latest ones.")


def jobs(latest: Sequence[Job], now: Millis) -> Reply:
    if not latest:
        return say("No jobs yet. Write what to do, or /help.")
    words = Words().bold("Latest jobs")
    for job in latest:
        words.verbatim(f"\n{job.id} · ").plain(_state_word(job.state)).verbatim(" · ")
        words.plain(age(now - job.created_at)).verbatim(" · ")
        words.plain(shown(job.title, 48))
    return words.reply()


def progress(job: Job, now: Millis, what: str) -> str:
    since = duration(now - (job.started_at or now))
    return f"Job {job.id} · {job.project} · {since}\n{what}"


def tool_refused(job: Job, call: ToolCall, reason: str) -> Reply:
    words = Words().bold(f"Job {job.id}").plain(": refused ").code(doing(call))
    return words.plain(f"\n{shown(reason, 300)}").reply()


def _stop_button(job: Job) -> Button:
    return Button("Stop", f"s:{job.id}", ButtonKind.PLAIN)


def _state_word(state: State) -> str:
    return state.value.replace("_", " ")


def _facts(usage: Usage) -> str:
    facts = [duration(usage.duration_ms)] if usage.duration_ms else []
    if usage.cost_microdollars:
        facts.append(f"${usage.cost_microdollars / 1_000_000:.2f}")
    return " · ".join(facts)
