"""What is told after a backup was restored: what is not known any more, and what was held back."""

from __future__ import annotations

from appliance.core.hidden import shown
from appliance.core.jobs import Job
from appliance.core.model import Button, Millis, Reply
from appliance.core.words import Words, age, phrase, plural


def restored(made_at: Millis, now: Millis, messages: int, posts: int) -> Reply:
    """Once in each place where something was under way."""
    words = Words().bold("Restored from a backup")
    words.line(
        "It was made {age}. What was said and done since then is not known here.",
        age=age(now - made_at),
    )
    if messages:
        words.line(
            plural(
                messages,
                "{count} message was not looked at: send it again if it is still needed.",
                "{count} messages were not looked at: send them again if they are still needed.",
            )
        )
    if posts:
        words.line(
            plural(
                posts,
                "{count} answer of then was perhaps never sent: /jobs shows what was done.",
                "{count} answers of then were perhaps never sent: /jobs shows what was done.",
            )
        )
    return words.reply()


def held(job: Job) -> Reply:
    """A job that had not begun; a person decides whether it is still to be done."""
    words = Words().bold("Job {job}", job=job.id)
    words.plain(
        " was waiting when the backup was made. It may have been done since, so it is not started."
    )
    words.verbatim(f"\n{shown(job.title, 80)}")
    return words.reply([Button(phrase("Try again"), f"ty:{job.id}")])
