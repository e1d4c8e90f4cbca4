"""What people send with a task is put where its agent can read it.

Nothing is fetched before the task was allowed and its turn has come; then all of it, or the task
does not start. A crash in between leaves a directory without a number, and the files are fetched
again. Old ones go some days after their job, or when new ones need the room.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.core.events import FileReceived
from appliance.core.files import FileLimits, StoredFile, safe_names, size_in_words, task_with_files
from appliance.core.jobs import Job
from appliance.core.model import Inbox, IncomingFile, JobId, Platform, Prompt
from appliance.core.pictures import FIRST_BYTES, picture_in
from appliance.errors import AgentFailed, ChatRefused, ChatUnavailable, StorageUnavailable
from appliance.ports import Audit, Clock, FileSource, InboxStore, Ready, State
from appliance.services.fetching import fetched

log = logging.getLogger(__name__)

FETCH_SECONDS = 300.0
"""For all files of one task: a far side that trickles does not keep a slot for ever."""
TIDY_SECONDS = 3600.0
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long files are kept after their job, and how many bytes of all together."""

    days: int = 7
    max_bytes: int = 1024**3


class Inboxes:
    """`sources`: where the files of a platform are."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        store: InboxStore,
        sources: Mapping[Platform, FileSource],
        limits: FileLimits,
        keeping: Keeping,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._store = store
        self._sources = sources
        self._limits = limits
        self._keeping = keeping
        self._clock = clock

    def of(self, job: Job) -> Inbox | None:
        """Where the files are that came with the job, or with an earlier one of its session."""
        if not isinstance(job.work, Prompt):
            return None
        if job.work.files:
            return Inbox(job.id, self._store.path(job.id))
        earlier = self._state.files.job_with_files(job.work.session) if job.work.session else None
        if earlier is None or earlier not in self._store.sizes():
            return None
        return Inbox(earlier, self._store.path(earlier))

    async def fill(self, job: Job, prompt: Prompt) -> str:
        """Fetch the files; returns the task's text with what the agent has to know of them.

        Raises AgentFailed, in one sentence, when they are not all there, and AuditUnavailable.
        """
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                stored = await self._fetch_all(job, prompt.files)
        except TimeoutError:
            minutes = round(FETCH_SECONDS / 60)
            raise AgentFailed(
                f"the files did not arrive within {minutes} minutes", hint="send them again"
            ) from None
        except StorageUnavailable as error:
            raise AgentFailed(error.message) from error
        return task_with_files(prompt.text, self._store.path(job.id), stored)

    async def _fetch_all(self, job: Job, files: Sequence[IncomingFile]) -> list[StoredFile]:
        source = self._sources.get(job.sender.platform)
        if source is None:
            raise AgentFailed("the chat that these files came from is not in the settings any more")
        self._make_room(sum(file.size for file in files))
        self._store.begin(job.id)
        named = zip(safe_names(files), files, strict=True)
        stored = [await self._fetch(source, job.id, name, file) for name, file in named]
        await self._audit.append(*(_received(job, file) for file in stored))
        self._store.publish(job.id)
        return stored

    async def _fetch(
        self, source: FileSource, job: JobId, name: str, file: IncomingFile
    ) -> StoredFile:
        async def received() -> StoredFile:
            return await self._received(source, job, name, file)

        try:
            return await fetched(received, f"a file of job {job}", self._clock, job)
        except ChatRefused as error:
            raise AgentFailed(f"{name}: {error.message}", hint="send it again") from None
        except ChatUnavailable as error:
            raise AgentFailed(
                f"{name} could not be fetched: {error.message}", hint="try again with /retry"
            ) from None

    async def _received(
        self, source: FileSource, job: JobId, name: str, file: IncomingFile
    ) -> StoredFile:
        digest, size, head = hashlib.sha256(), 0, b""
        with self._store.writing(job, name) as write:
            async for chunk in source.fetch(file):
                size += len(chunk)
                if size > self._limits.max_bytes:  # whatever was said of it before
                    most = size_in_words(self._limits.max_bytes)
                    raise AgentFailed(f"{name} has more than the {most} that can be taken here")
                digest.update(chunk)
                head += chunk[: FIRST_BYTES - len(head)]
                write(chunk)
        return StoredFile(name, size, digest.hexdigest(), picture_in(head))

    # tidying up

    async def run(self, ready: Ready) -> None:
        """Remove what is old, now and every hour."""
        ready()
        while True:
            try:
                self._tidy()
            except StorageUnavailable as error:
                log.error("old files stay: %s", error.message)
            await self._clock.sleep(TIDY_SECONDS)

    def _tidy(self) -> None:
        before = self._clock.now() - self._keeping.days * DAY_MS
        for number in self._store.sizes():
            job = self._state.job(number)
            if job is None or (job.is_finished and (job.ended_at or job.created_at) < before):
                self._store.remove(number)

    def _make_room(self, size: int) -> None:
        """The oldest go first. Raises AgentFailed when those that are in use leave too little."""
        sizes = dict(self._store.sizes())
        for number in sorted(sizes):
            if sum(sizes.values()) + size <= self._keeping.max_bytes:
                return
            job = self._state.job(number)
            if job is None or job.is_finished:
                self._store.remove(number)
                del sizes[number]
        if sum(sizes.values()) + size > self._keeping.max_bytes:
            raise AgentFailed(
                "there is no room for these files beside those of other tasks",
                hint="raise disk_mib in [files], or wait until other tasks have ended",
            )


def _received(job: Job, file: StoredFile) -> FileReceived:
    return FileReceived(
        cause=(job.key,), job=job.id, file=file.name, size=file.size, sha256=file.sha256
    )
