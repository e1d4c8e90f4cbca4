"""What jobs do now, in their own messages, when there is budget to spare.

Only the newest word of a job counts, at most every three seconds, and the jobs of a chat take
turns. Nothing here is ever waited for, and nothing is said twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable

from appliance.core.model import JobId, Place, Progress
from appliance.errors import ChatRefused, ChatUnavailable
from appliance.ports import Clock

log = logging.getLogger(__name__)

Edit = Callable[[Progress], Awaitable[None]]
Room = Callable[[str], Awaitable[object]]

EVERY_SECONDS = 3.0
PAUSE_SECONDS = 30.0


class ProgressDisplay:
    """`edit` changes the job's message; `room` returns once a chat has a call to spare."""

    def __init__(self, edit: Edit, room: Room, clock: Clock) -> None:
        self._edit = edit
        self._room = room
        self._clock = clock
        self._waiting: dict[JobId, Progress] = {}
        self._shown_at: dict[JobId, float] = {}
        self._shown: dict[JobId, Progress] = {}
        self._served: set[str] = set()
        self._changed = asyncio.Event()
        self._editing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def show(self, progress: Progress) -> None:
        if progress.reply is None:
            for kept in (self._waiting, self._shown, self._shown_at):
                kept.pop(progress.job, None)
        elif progress.started_post and progress != self._shown.get(progress.job):
            self._waiting[progress.job] = progress
            self._changed.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as chats:
            while True:
                self._changed.clear()
                for chat in {progress.place.chat for progress in self._waiting.values()}:
                    if chat not in self._served:
                        self._served.add(chat)
                        chats.create_task(self._serve(chat))
                await self._changed.wait()

    async def settle(self, place: Place, message_id: str) -> None:
        """Returns once no older word about this message can come after what is said next."""
        for job, progress in tuple(self._waiting.items()):
            if (progress.place, progress.started_post) == (place, message_id):
                del self._waiting[job]
        async with self._editing[place.chat]:
            """What was being shown has been shown."""

    async def _serve(self, chat: str) -> None:
        """Show what waits in one chat until nothing does."""
        try:
            while (seconds := self._seconds_until_due(chat)) is not None:
                if seconds > 0:
                    await self._clock.sleep(seconds)
                else:
                    await self._room(chat)
                    await self._show_next(chat)
        except ChatUnavailable as error:
            await self._clock.sleep(error.retry_after_seconds or PAUSE_SECONDS)
        finally:
            self._served.discard(chat)
            self._changed.set()

    def _seconds_until_due(self, chat: str) -> float | None:
        """None: nothing waits there."""
        jobs = [job for job, progress in self._waiting.items() if progress.place.chat == chat]
        return min(map(self._seconds_for, jobs), default=None)

    def _seconds_for(self, job: JobId) -> float:
        shown_at = self._shown_at.get(job)
        return 0 if shown_at is None else shown_at + EVERY_SECONDS - self._clock.monotonic()

    async def _show_next(self, chat: str) -> None:
        async with self._editing[chat]:
            for job, progress in self._waiting.items():
                if progress.place.chat == chat and self._seconds_for(job) <= 0:
                    break
            else:
                return  # it was settled meanwhile
            del self._waiting[job]
            self._shown_at[job] = self._clock.monotonic()
            self._shown[job] = progress
            try:
                await self._edit(progress)
            except (ChatUnavailable, ChatRefused) as error:
                log.debug("progress of job %s not shown: %s", job, error.message)
