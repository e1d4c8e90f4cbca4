"""Conversations: sessions, what a message goes on with, and what became of a changed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.hidden import shown
from appliance.core.jobs import Job, PastSession
from appliance.core.model import Button, JobId, Millis, Reply
from appliance.core.words import Words, age, phrase, plural, say

ARRIVED = "👀"
"""The sign on a message that a running job was given."""


def fresh_start() -> Reply:
    return say("Forgotten. The next message starts afresh; /sessions lists the earlier ones.")


def sessions(project: str, past: Sequence[PastSession], current: str, now: Millis) -> Reply:
    """The latest first, a button for each but the current one."""
    if not past:
        return say("Nothing to go on with here yet in {project}.", project=project)
    words = Words().bold("Earlier here in {project}", project=project)
    for session in past:
        words.line("{job} · ", job=session.latest.id).verbatim(shown(session.first.title, 60))
        words.verbatim("\n    ").plain(age(now - session.latest.created_at)).verbatim(" · ")
        words.plain(plural(session.jobs, "{count} job", "{count} jobs"))
        if session.latest.session == current:
            words.verbatim(" · ").plain("now")
    others = [session for session in past if session.latest.session != current]
    return words.reply(*([_go_on_button(session)] for session in others))


def _go_on_button(session: PastSession) -> Button:
    title = shown(session.first.title, 24)
    label = phrase("Go on: {title}", title=title)
    return Button(label, f"to:{session.latest.id}")


def session_opened(job: Job) -> Reply:
    return say("The next message goes on from job {job}.", job=job.id)


def no_such_session() -> Reply:
    return say("There is no such session here. /sessions lists them.")


def astray() -> Reply:
    return _aside(say("That message has no session to go on with, so this starts afresh."))


def not_passed_on(job: JobId) -> Reply:
    return _aside(say("Job {job} takes nothing more, so this is a job of its own.", job=job))


def _aside(reply: Reply) -> Reply:
    """Whoever has just written is looking: no phone rings."""
    return replace(reply, silent=True)


def not_read(job: Job, count: int) -> Reply:
    return (
        Words()
        .plain(
            plural(
                count,
                "Job {job} ended before it had read your last message; it is worked on now.",
                "Job {job} ended before it had read your last {count} messages; "
                "they are worked on now.",
                job=job.id,
            )
        )
        .reply()
    )


# messages that were changed


def changed(job: Job) -> Reply:
    return _aside(say("Job {job} has the changed text.", job=job.id))


def changed_too_late(job: Job | None) -> Reply:
    if job is None:
        return _aside(say("That is done already. Send the change as a new message."))
    if job.is_finished:
        return _aside(say("Job {job} has ended. Send the change as a new message.", job=job.id))
    return _aside(
        say(
            "Job {job} has already started. Send the change as a new message, and it hears of it.",
            job=job.id,
        )
    )


def changed_to_no_task(job: Job) -> Reply:
    return say("Job {job} will not start: its message is no task any more.", job=job.id)
