"""What a place is told of a job from its start to its end: one live message, then the answer.

The phone rings for the answer, for a question, and when nothing is heard of a job for long. All
else is silent, and gives way where a chat takes only so many calls. How much is told is the
place's choice (`Verbosity`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from appliance.core.diffs import Counts
from appliance.core.jobs import Job, State, heard
from appliance.core.model import (
    JobId,
    Millis,
    Platform,
    PostId,
    Prompt,
    Said,
    TaskEvent,
    ToolStarted,
    Urgency,
)
from appliance.core.preferences import Verbosity
from appliance.core.replies import about_jobs, about_watching
from appliance.core.watching import Sight, begin, seen, stirred, tick_seconds
from appliance.core.words import one_below_the_other
from appliance.ports import Clock, Ready
from appliance.ports import State as StatePort
from appliance.services.outbox import Outbox

LOOK_SECONDS = 5.0
SAID_EVERY_MS = 15_000
"""In one chat: all topics of a forum share what it takes."""
MAX_UNSAID = 20
"""Of what the agent says while nothing of it can be sent: the oldest goes."""


@dataclass(slots=True)
class Watched:
    """A running job. `post` is its live message, None where the place wants none."""

    job: Job
    sight: Sight
    post: PostId | None
    shown_at: Millis
    notice: PostId | None = None  # that nothing is heard of it
    unsaid: list[str] = field(default_factory=list)
    said_post: PostId | None = None


class Watching:
    """`stall_minutes` without a sign of life are told; 0: never."""

    def __init__(self, state: StatePort, outbox: Outbox, clock: Clock, stall_minutes: int) -> None:
        self._state = state
        self._outbox = outbox
        self._clock = clock
        self._stall_ms = stall_minutes * 60_000
        self._watched: dict[JobId, Watched] = {}
        self._said_at: dict[tuple[Platform, str], Millis] = {}
        self._begun = asyncio.Event()

    # from start to end; what writes is called inside the worker's transaction

    def started(self, job: Job) -> None:
        now = self._clock.now()
        self._watched[job.id] = Watched(job, begin(now), self._first_post(job), shown_at=now)
        self._begun.set()

    def _first_post(self, job: Job) -> PostId | None:
        """The message that said the job waits in line becomes the live one."""
        if job.parallel:  # what only looks at something has its answer at once
            return None
        reply = about_watching.started(job)
        for post, place in self._state.posts_labelled(live_label(job)):
            if place == job.place:
                self._outbox.edit(post, place, reply)
                return post
        if self._verbosity(job) is Verbosity.QUIET:
            return None
        return self._outbox.put(job.place, reply, label=live_label(job), job=job.id)

    def noted(self, job_id: JobId, event: TaskEvent) -> None:
        """The agent did something."""
        watched = self._watched.get(job_id)
        if watched is None:
            return
        self._woke(watched)
        self._keep_said(watched, event)
        watched.sight = seen(watched.sight, event, self._clock.now())
        self._say(watched)
        self._show(watched)

    def stirred(self, job_id: JobId) -> None:
        """Something else happened to the job: a call of its was judged."""
        if watched := self._watched.get(job_id):
            watched.job = self._state.job(job_id) or watched.job
            self._woke(watched)
            watched.sight = stirred(watched.sight, self._clock.now())
            self._show(watched)

    def ended(self, job: Job, text: str, refused: int, changed: Counts | None = None) -> None:
        """The answer, then the last word of the live message: the answer is waited for."""
        watched = self._watched.get(job.id)
        reply = about_jobs.answer(job, text, refused)
        if watched is not None:
            self._say_the_rest(watched, text)
            if isinstance(job.work, Prompt):
                footer = about_watching.footer(job, watched.sight, changed)
                reply = replace(reply, footer=one_below_the_other(footer, reply.footer))
            if watched.notice is not None:
                self._outbox.edit(watched.notice, job.place, about_watching.ended_silently(job))
        reply = replace(reply, urgency=Urgency.ANSWER, answers=job.answers)
        self._outbox.put(job.place, reply, job=job.id)
        self._outbox.edit_labelled(live_label(job), about_jobs.ended_line(job))

    def interrupted(self, job: Job) -> None:
        notice = about_jobs.interrupted(job, heard(self._state.steps(job.id)))
        self._outbox.put(job.place, replace(notice, urgency=Urgency.ANSWER), job=job.id)
        self._outbox.edit_labelled(live_label(job), about_jobs.ended_line(job))
        self._outbox.edit_labelled(_stall_label(job), about_watching.ended_silently(job))

    def forget(self, job: Job) -> None:
        """After the transaction that ended the job."""
        self._watched.pop(job.id, None)
        self._outbox.show(job.id, job.place, None, None)

    # meanwhile

    async def run(self, ready: Ready) -> None:
        """Let time be seen to pass, and say when nothing else does."""
        ready()
        while True:
            self._begun.clear()
            for watched in tuple(self._watched.values()):
                self._look_at(watched)
            if self._watched:
                await self._clock.sleep(LOOK_SECONDS)
            else:
                await self._begun.wait()

    def _look_at(self, watched: Watched) -> None:
        now, sight = self._clock.now(), watched.sight
        job = self._state.job(watched.job.id)
        if job is None or job.is_finished:
            return
        is_other = job.state is not watched.job.state
        watched.job = job
        if job.state is State.WAITING_APPROVAL:  # it is people who are silent
            watched.sight = stirred(sight, now)
        elif self._stall_ms and now - sight.heard_at >= self._stall_ms:
            self._tell_silence(watched, now)
        self._say(watched)
        tick_ms = tick_seconds((now - sight.since) / 1000) * 1000
        if is_other or now - watched.shown_at >= tick_ms:
            self._show(watched)

    def _tell_silence(self, watched: Watched, now: Millis) -> None:
        if watched.notice is not None:
            return
        job = watched.job
        notice = about_watching.silent_for(job, watched.sight, now)
        with self._state.transaction():
            watched.notice = self._outbox.put(
                job.place, notice, label=_stall_label(job), job=job.id
            )

    def _woke(self, watched: Watched) -> None:
        if watched.notice is None:
            return
        silence = self._clock.now() - watched.sight.heard_at
        again = about_watching.heard_again(watched.job, silence)
        with self._state.transaction():
            self._outbox.edit(watched.notice, watched.job.place, again)
        watched.notice = None

    def _show(self, watched: Watched) -> None:
        if watched.post is None:
            return
        watched.shown_at = now = self._clock.now()
        reply = about_watching.live(watched.job, watched.sight, now)
        self._outbox.show(watched.job.id, watched.job.place, reply, watched.post)

    # what the agent says on the way

    def _keep_said(self, watched: Watched, event: TaskEvent) -> None:
        """What is followed by something else is not the answer."""
        is_followed = isinstance(event, Said | ToolStarted)
        if watched.sight.said and is_followed and self._verbosity(watched.job) is Verbosity.FULL:
            watched.unsaid = [*watched.unsaid, watched.sight.said][-MAX_UNSAID:]

    def _say(self, watched: Watched) -> None:
        """One message at a time, and not too often: the answer must not wait behind many."""
        now = self._clock.now()
        place = watched.job.place
        is_too_soon = now - self._said_at.get((place.platform, place.chat), 0) < SAID_EVERY_MS
        is_under_way = watched.said_post and not self._state.message_id(watched.said_post)
        if not watched.unsaid or is_under_way or is_too_soon:
            return
        with self._state.transaction():
            watched.said_post = self._put_unsaid(watched)
        self._said_at[place.platform, place.chat] = now

    def _say_the_rest(self, watched: Watched, answer: str) -> None:
        last = watched.sight.said
        if last and last not in answer and self._verbosity(watched.job) is Verbosity.FULL:
            watched.unsaid.append(last)
        if watched.unsaid:
            self._put_unsaid(watched)

    def _put_unsaid(self, watched: Watched) -> PostId:
        texts, watched.unsaid = tuple(watched.unsaid), []
        job = watched.job
        return self._outbox.put(job.place, about_watching.said(texts), job=job.id)

    def _verbosity(self, job: Job) -> Verbosity:
        return self._state.preferences(job.place).verbosity


def live_label(job: Job) -> str:
    """What a job's live message is labelled with, and the one that says it waits in line."""
    return f"job:{job.id}"


def _stall_label(job: Job) -> str:
    return f"stall:{job.id}"
