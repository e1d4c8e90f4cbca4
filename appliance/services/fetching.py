"""Fetching from a platform that may be away for a moment: again and again, but not for ever."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from appliance.core.model import JobId
from appliance.errors import ChatUnavailable
from appliance.ports import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 5
LONGEST_PAUSE_SECONDS = 30.0


async def fetched(
    receive: Callable[[], Awaitable[T]], what: str, clock: Clock, job: JobId | None = None
) -> T:
    """What `receive` returns, which is called anew as long as it raises ChatUnavailable.

    Raises its last ChatUnavailable, and whatever else it raises at once.
    """
    for attempt in range(ATTEMPTS):
        try:
            return await receive()
        except ChatUnavailable as error:
            last = error
            seconds = min(LONGEST_PAUSE_SECONDS, error.retry_after_seconds or 0.5 * 2**attempt)
            about = {"job": job} if job is not None else None
            log.warning("%s waits %.1f s: %s", what, seconds, error.message, extra=about)
            await clock.sleep(seconds)
    raise last
