"""Fetch → hand over → only then the next offset.

Asking for updates from an offset on confirms all before it: Telegram forgets them. So the offset
moves only after the intake has made a batch durable, and a crash in between brings the same
updates again, with the same keys.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.chat.telegram.joining import first_unfinished, join
from appliance.chat.telegram.updates import Update, needs_name, read_update
from appliance.core.model import Incoming, Json
from appliance.errors import ChatRefused, ChatUnavailable, ConfigError, StorageUnavailable
from appliance.ports import Clock, Intake

log = logging.getLogger(__name__)

Fetch = Callable[[int, int], Awaitable[list[Json]]]
"""Updates from an offset on, waiting so many seconds for the first."""

POLL_SECONDS = 50
JOIN_SECONDS = 0.5
"""How long the rest of a cut text is waited for; pieces arrive within a few hundred ms."""
MAX_JOIN_ROUNDS = 25
BREATH_SECONDS = 0.02
"""Between taking messages and asking for more: who has written is answered first."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0


class Poller:
    """`strangers` counts the updates of people whom nobody knows; they are confirmed unanswered.

    `name` tells what the bot is called; it is asked once, when somebody speaks in a group.
    """

    def __init__(
        self,
        fetch: Fetch,
        bot: str,
        name: Callable[[], Awaitable[str]],
        hears: Callable[[Incoming], bool],
        clock: Clock,
    ) -> None:
        self.strangers = 0
        self._fetch = fetch
        self._bot = bot
        self._ask_name = name
        self._name = ""
        self._hears = hears
        self._clock = clock
        self._offset = 0
        self._failures = 0

    async def run(self, intake: Intake) -> None:
        """Until cancelled; failures are logged and tried again, ever more slowly."""
        while True:
            try:
                await self._round(intake)
                self._failures = 0
            except (ChatUnavailable, ChatRefused, StorageUnavailable) as error:
                await self._pause(error)

    async def _round(self, intake: Intake) -> None:
        updates = await self._read(await self._fetch(self._offset, POLL_SECONDS))
        unfinished = first_unfinished([update.incoming for update in updates])
        if unfinished is None:
            return await self._take(updates, intake)
        await self._take(updates[:unfinished], intake)
        return await self._take(await self._finished(updates[unfinished:]), intake)

    async def _finished(self, updates: Sequence[Update]) -> Sequence[Update]:
        """The same updates and those that follow, once nothing more of a cut text comes in."""
        for _ in range(MAX_JOIN_ROUNDS):
            await self._clock.sleep(JOIN_SECONDS)
            before = len(updates)
            updates = await self._read(await self._fetch(self._offset, 0))
            is_finished = first_unfinished([update.incoming for update in updates]) is None
            if is_finished or len(updates) <= before:
                break
        return updates

    async def _take(self, updates: Sequence[Update], intake: Intake) -> None:
        if not updates:
            return
        batch = join([update.incoming for update in updates if update.incoming is not None])
        known = [incoming for incoming in batch if self._hears(incoming)]
        if known:
            await intake(known)
        self.strangers += len(batch) - len(known)
        self._offset = updates[-1].id + 1
        if known:
            await self._clock.sleep(BREATH_SECONDS)

    async def _read(self, answer: Sequence[Json]) -> list[Update]:
        if not self._name and any(map(needs_name, answer)):
            self._name = await self._ask_name()
        now = self._clock.now()
        updates = [read_update(update, self._bot, now, self._name) for update in answer]
        return [update for update in updates if update is not None]

    async def _pause(self, error: ChatUnavailable | ChatRefused | StorageUnavailable) -> None:
        seconds = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10))
        if isinstance(error, ChatUnavailable) and error.retry_after_seconds is not None:
            seconds = max(seconds, error.retry_after_seconds)
        self._failures += 1
        hint = f" ({error.hint})" if error.hint else ""
        log.warning("no messages from Telegram for %.1f s: %s%s", seconds, error.message, hint)
        await self._clock.sleep(seconds)


@contextmanager
def one_poller(directory: Path, bot: str) -> Iterator[None]:
    """Held while polling; the kernel lets go of it when its holder dies.

    Two pollers of one bot would take each other's messages. Raises ConfigError when another
    process on this machine holds it, or the lock cannot be made.
    """
    path = _lock_file(directory, bot)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot open {path}: {error.strerror}") from error
    try:
        _lock(descriptor, path, bot)
        yield
    finally:
        os.close(descriptor)


def is_polled(directory: Path, bot: str) -> bool:
    """Whether a process on this machine is the bot's one poller; makes and holds nothing."""
    try:
        descriptor = os.open(_lock_file(directory, bot), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock_file(directory: Path, bot: str) -> Path:
    return directory / f"telegram-{bot}.lock"


def _lock(descriptor: int, path: Path, bot: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConfigError(
            f"another process on this machine receives for Telegram bot {bot} (it holds {path})",
            hint="stop the other dispatchd, or give this one a bot of its own",
        ) from error
