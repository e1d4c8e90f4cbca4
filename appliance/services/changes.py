"""What jobs change in their projects: kept before they may write, counted when they end.

A snapshot is made beside the agent's start and costs a person no waiting; the judge lets nothing
that could write go on before it is there. Where it cannot be made, the project's setting says
what happens: by default nothing may write, because a revert would not be possible.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from appliance.core import diffs, snapshots
from appliance.core.diffs import BadDiff, Counts, FileChange, Side
from appliance.core.events import SnapshotTaken
from appliance.core.hidden import shown
from appliance.core.jobs import Job
from appliance.core.model import Care, JobId, Phrase, ProjectName, Projects
from appliance.core.replies import about_changes
from appliance.core.snapshots import TOO_LARGE, Snapshots, Which
from appliance.errors import AgentFailed, AuditUnavailable, SandboxRefused, StorageUnavailable
from appliance.ports import Audit, Output, State, Workbench

log = logging.getLogger(__name__)

FORGET_EVERY = 20
"""After so many jobs it is looked for snapshots that are too old."""


class NotShown(Exception):
    """What a job changed cannot be told; `why` says it to a person."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(slots=True)
class _Watch:
    """A running job: whether its project has been kept, and whether it may have written."""

    kept: asyncio.Event = field(default_factory=asyncio.Event)
    may_have_written: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What a revert did: files as they were before, and files somebody else changed since."""

    files: tuple[bytes, ...]
    left: tuple[bytes, ...]


Record = Callable[[Sequence[bytes]], Awaitable[None]]
"""Raises AuditUnavailable: it must not happen."""


class Changes:
    """Keeps, compares and restores."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        workbench: Workbench,
        projects: Projects,
    ) -> None:
        self._state = state
        self._audit = audit
        self._workbench = workbench
        self._projects = projects
        self._watches: dict[JobId, _Watch] = {}
        self._locks: defaultdict[ProjectName, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._indexes: dict[tuple[ProjectName, str], str] = {}  # by project and root, as we left it

    # a running job

    def watch(self, job: Job) -> None:
        """The job's agent is about to start: from now on `why_not` waits for `keep`."""
        if self._is_watched(job):
            self._watches[job.id] = _Watch()

    async def keep(self, job: Job) -> None:
        """Make the snapshot of before. Never fails: what hinders it is noted."""
        watch = self._watches.get(job.id)
        if watch is None:
            return
        try:
            self._state.save_snapshots(await self._before(job))
        except StorageUnavailable as error:
            log.error("job %d is not kept: %s", job.id, error.message, extra={"job": job.id})
        finally:
            watch.kept.set()
        if job.id % FORGET_EVERY == 0:
            await self._forget_old(job.project)

    async def _before(self, job: Job) -> Snapshots:
        found = Snapshots(job.id, job.project, job.workplace)
        try:
            async with self._locks[job.project]:
                return replace(found, before=await self._kept(found, Which.BEFORE))
        except NotShown as error:
            about = {"job": job.id, "project": job.project}
            log.warning("job %d of %s is not kept: %s", job.id, job.project, error, extra=about)
            return replace(found, trouble=str(error.why))

    async def why_not(self, job: Job) -> str:
        """Why nothing of this job may write, "" if it may; waits until that is known."""
        watch = self._watches.get(job.id)
        if watch is None:
            return ""
        await watch.kept.wait()
        found = self._state.snapshots(job.id)
        if (found is None or not found.before) and self._care(job) is Care.REQUIRED:
            why = found.trouble if found else "the state database could not be written"
            return str(about_changes.not_kept(why))
        watch.may_have_written = True
        return ""

    async def settle(self, job: Job) -> Counts | None:
        """How the project is now is what the job made of it; None: it cannot have changed it."""
        watch = self._watches.get(job.id)
        if watch is None or not watch.may_have_written:
            return None
        return await self.close(job.id)

    async def left(self, job: Job) -> None:
        """Nothing of the job is left that could write: it is settled once more, for good."""
        if (watch := self._watches.get(job.id)) is not None:
            await watch.kept.wait()
            await self.settle(job)

    def forget(self, job: Job) -> None:
        """Whatever became of it, the job is over."""
        self._watches.pop(job.id, None)

    async def close(self, job_id: JobId) -> Counts | None:
        """Keep what the job left; also for one that a crash has interrupted."""
        found = self._state.snapshots(job_id)
        if found is None or not found.before:
            return None
        try:
            async with self._locks[found.project]:
                after = await self._kept(found, Which.AFTER)
            counts = diffs.counts(await self.between(found, found.before, after))
            self._state.save_snapshots(replace(found, after=after, counts=counts, trouble=""))
        except NotShown as error:
            self._state.save_snapshots(replace(found, after="", trouble=str(error.why)))
            return None
        return counts

    async def _forget_old(self, project: ProjectName) -> None:
        """What is older than the latest jobs; nothing that is being made is touched by it."""
        try:
            await self._workbench.run(self._projects[project], snapshots.forget_old())
        except (AgentFailed, SandboxRefused) as error:
            log.warning("old snapshots of %s stay: %s", project, error.message)

    def _is_watched(self, job: Job) -> bool:
        """A recipe is the administrator's own and begins at once; a question may only read."""
        return job.is_task and self._care(job) is not Care.OFF

    def _care(self, job: Job) -> Care:
        project = self._projects.get(job.project)
        return project.snapshots if project is not None else Care.OFF  # a workspace

    # looking

    async def between(self, found: Snapshots, old: str, new: str) -> tuple[FileChange, ...]:
        """The files that two snapshots have differently. Raises NotShown."""
        async with self._locks[found.project]:
            return await self._between(found, old, new)

    async def _between(self, found: Snapshots, old: str, new: str) -> tuple[FileChange, ...]:
        argv = snapshots.compare(old, new)
        listing = await self._run(found, argv, limit_bytes=snapshots.LONGEST_LIST)
        try:
            return diffs.changes(listing)
        except BadDiff as error:
            raise NotShown(about_changes.unreadable(str(error))) from error

    async def lines(self, found: Snapshots, change: FileChange) -> tuple[diffs.Line, ...]:
        """The hunks of one file. Raises NotShown."""
        argv = snapshots.one_file(change.old.blob, change.new.blob)
        async with self._locks[found.project]:
            patch = await self._run(found, argv, limit_bytes=snapshots.LONGEST_PATCH)
        try:
            return diffs.lines(patch.decode("utf-8", "replace"))
        except BadDiff as error:
            raise NotShown(about_changes.unreadable(str(error))) from error

    async def patch(self, found: Snapshots) -> bytes:
        """Everything the job changed, as `git apply` reads it. Raises NotShown."""
        argv = snapshots.patch(found.before, found.after)
        async with self._locks[found.project]:
            return await self._run(found, argv, limit_bytes=snapshots.LONGEST_PATCH)

    async def newly_ignored(self, found: Snapshots) -> tuple[str, ...]:
        """What is there since and hidden from git, and so from everything else here."""
        async with self._locks[found.project]:
            before, after = [
                snapshots.ignored(await self._run(found, snapshots.notes(commit)))
                for commit in (found.before, found.after)
            ]
        return tuple(sorted(set(after) - set(before)))

    # reverting

    async def restore(self, found: Snapshots, record: Record) -> Restored:
        """Make the job's files as they were before it, but for those somebody changed since.

        `record` is told which ones, before. Raises NotShown: nothing was restored.
        """
        async with self._locks[found.project]:
            now = await self._kept(found, Which.NOW)
            changed = await self._between(found, found.before, found.after)
            since = await self._between(found, found.before, now)
            wanted, left = _restorable(changed, since)
            if wanted:
                await record([side.path for side in wanted])
                index = self._indexes.pop((found.project, found.root))
                argv = snapshots.restore(found.root, now, index)
                await self._run(found, argv, stdin=diffs.index_lines(wanted))
        return Restored(tuple(side.path for side in wanted), left)

    # git

    async def _kept(self, found: Snapshots, which: Which) -> str:
        place = (found.project, found.root)
        argv = snapshots.keep(found.job, which, found.root, self._indexes.pop(place, ""))
        output = await self._output(found, argv)
        if output.status == TOO_LARGE:
            raise NotShown(about_changes.too_large(output.stderr, snapshots.LARGEST_KIB))
        kept = snapshots.kept(output.stdout)
        if output.status != 0 or kept is None:
            raise NotShown(about_changes.git_failed(_last_words(output)))
        commit, self._indexes[place] = kept
        if which is not Which.NOW:
            await self._record(found, which, commit)
        return commit

    async def _record(self, found: Snapshots, which: Which, commit: str) -> None:
        """So that nobody who can write into the project can change what it was like, unnoticed."""
        event = SnapshotTaken(
            cause=(f"job:{found.job}",),
            job=found.job,
            project=found.project,
            moment=which,
            commit=commit,
        )
        try:
            await self._audit.append(event)
        except AuditUnavailable as error:
            raise NotShown(about_changes.git_failed(error.message)) from error

    async def _run(
        self,
        found: Snapshots,
        argv: Sequence[str],
        *,
        limit_bytes: int = 1 << 20,
        stdin: bytes = b"",
    ) -> bytes:
        output = await self._output(found, argv, limit_bytes, stdin)
        if output.is_cut:
            raise NotShown(about_changes.too_much_to_show())
        if output.status != 0:
            raise NotShown(about_changes.git_failed(_last_words(output)))
        return output.stdout

    async def _output(
        self, found: Snapshots, argv: Sequence[str], limit_bytes: int = 1 << 20, stdin: bytes = b""
    ) -> Output:
        project = self._projects.get(found.project)
        if project is None:
            raise NotShown(about_changes.project_gone(found.project))
        try:
            return await self._workbench.run(project, argv, limit_bytes=limit_bytes, stdin=stdin)
        except (AgentFailed, SandboxRefused) as error:
            raise NotShown(about_changes.git_failed(error.message)) from error


def _restorable(
    changed: Sequence[FileChange], since: Sequence[FileChange]
) -> tuple[list[Side], tuple[bytes, ...]]:
    """What each of the job's files was before, and which of them are not as the job left them.

    A file that is as before already is in neither.
    """
    made, current = _now(changed), _now(since)
    sides = [side for change in changed for side in change.sides if side.path in current]
    wanted = [side for side in sides if _is_as_left(side, made[side.path], current[side.path])]
    while stuck := _in_the_way(wanted, current):
        wanted = [side for side in wanted if side.path not in stuck]
    paths = {side.path for side in wanted}
    return wanted, tuple(side.path for side in sides if side.path not in paths)


def _is_as_left(before: Side, made: Side, there: Side) -> bool:
    return made == there and diffs.REPOSITORY not in (before.mode, there.mode)


def _in_the_way(wanted: Sequence[Side], current: Mapping[bytes, Side]) -> set[bytes]:
    """Files that cannot come back, because a directory is in their place, or a file in that of
    theirs: git would remove what is in the way."""
    taken_away = {side.path for side in wanted if not side.is_there}
    there = {path for path, side in current.items() if side.is_there} - taken_away
    above = {parent for path in there for parent in _parents(path)}
    return {
        side.path
        for side in wanted
        if side.is_there and (side.path in above or not there.isdisjoint(_parents(side.path)))
    }


def _parents(path: bytes) -> Iterator[bytes]:
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def _now(changed: Sequence[FileChange]) -> dict[bytes, Side]:
    """Each path as it is after the changes; one that was renamed away is not there."""
    found: dict[bytes, Side] = {}
    for change in changed:
        found[change.path] = change.new
        if change.old.path != change.path:
            gone = Side(change.old.path, diffs.NOTHING, "0" * len(change.old.blob))
            found.setdefault(change.old.path, gone)
    return found


def _last_words(output: Output) -> str:
    lines = output.stderr.strip().splitlines()
    return shown(lines[-1], 200) if lines else f"exit status {output.status}"
