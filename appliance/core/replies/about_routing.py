"""The way to the other side: from the workspace to the project, and back."""

from __future__ import annotations

from appliance.core.jobs import Job
from appliance.core.model import WORKSPACE, Button, Prompt
from appliance.core.router import looks_like_question
from appliance.core.words import phrase


def mover(job: Job) -> tuple[Button, ...]:
    """One tap that moves a task; none where it is clear where it belongs."""
    if job.project == WORKSPACE:
        return (Button(phrase("Move to the project"), f"tm:{job.id}"),)
    match job.work:
        case Prompt(text=text, session=None, files=()) if looks_like_question(text):
            return (Button(phrase("Just answer it"), f"tm:{job.id}"),)
        case _:
            return ()
