"""What runs now, where, and what may run beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from appliance.core.jobs import Job, parallel_now
from appliance.core.model import JobId, Phrase, ProjectName
from appliance.core.replies import about_jobs
from appliance.ports import AgentSession, FreeMemory
from appliance.services.job_records import Stopped
from appliance.services.judge import Calls
from appliance.services.preparation import Terms


@dataclass(frozen=True, slots=True)
class PassedOn:
    """What the message `key` said to a job that runs."""

    key: str
    text: str


@dataclass(slots=True)
class Run:
    """A job while its agent runs, until nothing of it is left."""

    job: Job
    session: AgentSession | None = None
    stopped: Stopped | None = None
    early: list[PassedOn] = field(default_factory=list)  # for a session that there is not yet
    passed_on: list[PassedOn] = field(default_factory=list)
    calls: Calls = field(default_factory=Calls)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    halted: Phrase | None = None


class Runs:
    """The worker begins and ends them; others look at them."""

    def __init__(self, terms: Terms, free_memory: FreeMemory) -> None:
        self._terms = terms
        self._free_memory = free_memory
        self._runs: dict[JobId, Run] = {}
        self._ended = asyncio.Event()

    def begin(self, job: Job) -> None:
        self._runs[job.id] = Run(job)

    def end(self, job_id: JobId) -> None:
        del self._runs[job_id]
        self._ended.set()

    def get(self, job_id: JobId) -> Run | None:
        return self._runs.get(job_id)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._runs

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs.values())

    def __len__(self) -> int:
        return len(self._runs)

    def blocked_by(self, job: Job) -> JobId | None:
        """The unfinished earlier job this one has to wait for, None: it starts at once."""
        for run in self._runs.values():
            is_beside = job.parallel or run.job.parallel
            is_same = (run.job.project, run.job.workplace) == (job.project, job.workplace)
            if is_same and not is_beside:
                return run.job.id
        if not self._runs:
            return None
        return next(iter(self._runs)) if len(self._runs) >= self.possible() else None

    def shortage(self) -> str | Phrase:
        """Why fewer jobs run at the same time than are set, "" when as many may."""
        possible = self.possible()
        if not self._runs or possible >= self._terms.max_parallel:
            return ""
        return about_jobs.memory_is_short(possible, self._terms.max_parallel, self._terms.job_bytes)

    def possible(self) -> int:
        """How many may run at the same time while so much memory is free."""
        terms, running = self._terms, len(self._runs)
        return parallel_now(terms.max_parallel, running, self._free_memory(), terms.job_bytes)

    async def gone(self, job_id: JobId) -> None:
        """Wait until nothing is left of a job that has ended."""
        while job_id in self._runs:
            self._ended.clear()
            await self._ended.wait()

    async def all_gone(self) -> None:
        while self._runs:
            self._ended.clear()
            await self._ended.wait()

    def works_there(self, project: ProjectName, workplace: str) -> JobId | None:
        """The job that may write there now."""
        for run in self._runs.values():
            is_same = (run.job.project, run.job.workplace) == (project, workplace)
            if is_same and not run.job.parallel and not run.job.read_only:
                return run.job.id
        return None
