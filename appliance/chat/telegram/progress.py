"""What jobs do now, in their own messages, when there is budget to spare.

Only the newest word of a job counts, at most every three seconds. Nothing here is ever waited
for, and nothing is said twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from appliance.core.model import JobId, Place, Progress
from appliance.errors import ChatRefused, ChatUnavailable
from appliance.ports import Clock

log = logging.getLogger(__name__)

Edit = Callable[[Progress], Awaitable[None]]

EVERY_SECONDS = 3.0
LOOK_SECONDS = 0.5
"""How often it is looked whether something may be shown now, while anything waits for that."""


class ProgressDisplay:
    """`edit` changes the job's message; `has_room` takes one call from the budget if it can."""

    def __init__(self, edit: Edit, has_room: Callable[[str], bool], clock: Clock) -> None:
        self._edit = edit
        self._has_room = has_room
        self._clock = clock
        self._waiting: dict[JobId, Progress] = {}
        self._shown_at: dict[JobId, float] = {}
        self._changed = asyncio.Event()
        self._editing = asyncio.Lock()

    def show(self, progress: Progress) -> None:
        if progress.started_post:
            self._waiting[progress.job] = progress
            self._changed.set()

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            for progress in self._due():
                await self._show_now(progress)
            if self._waiting:
                await self._clock.sleep(LOOK_SECONDS)
            else:
                self._changed.clear()

    async def settle(self, place: Place, message_id: str) -> None:
        """Returns once no older word about this message can come after what is said next."""
        for job, progress in tuple(self._waiting.items()):
            if (progress.place, progress.started_post) == (place, message_id):
                del self._waiting[job]
        async with self._editing:
            """What was being shown has been shown."""

    def _due(self) -> list[Progress]:
        now = self._clock.monotonic()
        recent = {job: at for job, at in self._shown_at.items() if now - at < EVERY_SECONDS}
        self._shown_at = recent
        return [progress for job, progress in self._waiting.items() if job not in recent]

    async def _show_now(self, progress: Progress) -> None:
        async with self._editing:
            newest = self._waiting.get(progress.job)
            if newest is None or not self._has_room(newest.place.chat):
                return
            del self._waiting[progress.job]
            self._shown_at[progress.job] = self._clock.monotonic()
            try:
                await self._edit(newest)
            except (ChatUnavailable, ChatRefused) as error:
                log.debug("progress of job %s not shown: %s", newest.job, error.message)
