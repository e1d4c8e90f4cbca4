"""What a job changed, shown on a phone and taken back: /diff and /revert.

Each page is read anew from the job's snapshots, which do not change: nothing of a review is kept
in memory, and a button works as long as the snapshots are there. Reading takes a moment in the
project's sandbox, so it is done beside the gate, which has decided and recorded the request. What
a crash cuts off is asked for again by its button; a revert that was half done then does the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from appliance.core import diffs
from appliance.core.commands import Fate, RevertChanges, SettleTree, ShowChanges
from appliance.core.diffs import FileChange
from appliance.core.events import ChangesShown, RevertStarted, Who, WorktreeSettled
from appliance.core.jobs import Job
from appliance.core.jobs import State as JobState
from appliance.core.model import Attachment, Button, ButtonKind, Reply
from appliance.core.redact import redact
from appliance.core.replies import about_changes, about_requests
from appliance.core.review import Page, Under, file_token, page, presentable
from appliance.core.snapshots import Snapshots
from appliance.core.words import phrase, say
from appliance.errors import AgentFailed, AuditUnavailable, SandboxRefused
from appliance.ports import Audit, Painter, Policy, Ready, State
from appliance.services.cases import Case, answer, turn_page
from appliance.services.changes import Changes, NotShown
from appliance.services.lockdowns import WhyBarred
from appliance.services.outbox import Outbox
from appliance.services.runs import Runs
from appliance.services.worktrees import Worktrees

AT_ONCE = 2
"""So many reviews are read at the same time; each is a program in a sandbox."""

FILE_BUTTONS = 6


class Review:
    """Does what the gate has let through, one task for each request."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        changes: Changes,
        worktrees: Worktrees,
        painter: Painter,
        outbox: Outbox,
        runs: Runs,
        why_barred: WhyBarred,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._changes = changes
        self._worktrees = worktrees
        self._painter = painter
        self._outbox = outbox
        self._runs = runs
        self._why_barred = why_barred
        self._cases: asyncio.Queue[Case] = asyncio.Queue()
        self._room = asyncio.Semaphore(AT_ONCE)

    def take(self, case: Case) -> None:
        """It is answered in a moment."""
        with self._state.transaction():
            self._state.mark_handled(case.incoming.key)
        self._cases.put_nowait(case)

    async def run(self, ready: Ready) -> None:
        ready()
        async with asyncio.TaskGroup() as tasks:
            while True:
                case = await self._cases.get()
                tasks.create_task(self._answer(case))

    async def _answer(self, case: Case) -> None:
        async with self._room:
            try:
                reply = await self._reply(case)
            except AuditUnavailable as error:
                reply = about_requests.audit_is_broken(error.message)
        is_anew = isinstance(case.command, ShowChanges) and case.command.is_anew
        if is_anew or reply.attachment is not None:  # a text cannot become a picture
            answer(case, reply, self._state, self._outbox)
        else:
            turn_page(case, reply, self._state, self._outbox)

    async def _reply(self, case: Case) -> Reply:
        job = case.wish.about
        if job is None:
            return about_changes.no_such_job()
        if not job.is_finished:
            return about_changes.still_running(job.id)
        await self._runs.gone(job.id)  # its answer comes a moment before its program has ended
        if (barred := self._why_barred()) is not None:
            return say(barred)
        if isinstance(case.command, SettleTree):
            if case.command.fate is Fate.REMOVE and not case.command.is_sure:
                return about_changes.sure_to_remove(job.id)
            return await self._settled(case, job, case.command.fate)
        found = self._state.snapshots(job.id)
        if found is None or not found.before:
            return about_changes.cannot_show(job.id, _why_none(job, found))
        try:
            match case.command:
                case ShowChanges() as wanted:
                    return await self._shown(case, job, await self._closed(job, found), wanted)
                case RevertChanges(is_sure=True):
                    return await self._reverted(case, job, await self._closed(job, found))
                case _:
                    return about_changes.sure(job.id, found.counts)
        except NotShown as error:
            if (barred := self._why_barred()) is not None:
                return say(barred)
            if isinstance(case.command, RevertChanges):
                return about_changes.not_reverted(job.id, error.why)
            return about_changes.cannot_show(job.id, error.why)

    async def _closed(self, job: Job, found: Snapshots) -> Snapshots:
        """With what the job left; one that could write nothing has left what was there."""
        was_cut_off = job.state is JobState.INTERRUPTED
        if not found.after and (found.trouble or was_cut_off):
            await self._changes.close(found.job)
        return self._state.snapshots(found.job) or found

    # showing

    async def _shown(self, case: Case, job: Job, found: Snapshots, wanted: ShowChanges) -> Reply:
        if not found.after:
            await self._record(case, job, "")
            if found.trouble:
                return about_changes.cannot_show(job.id, found.trouble)
            return about_changes.nothing_changed(job.id)
        changes = await self._changes.between(found, found.before, found.after)
        if wanted.whole:
            return await self._whole(case, job, found)
        if wanted.file and changes:
            place = min(wanted.file, len(changes))
            return await self._file(case, job, found, changes, place, wanted.part)
        ignored = await self._changes.newly_ignored(found)
        await self._record(case, job, "")
        if not changes and not ignored:
            return about_changes.nothing_changed(job.id)
        buttons = self._buttons(job, changes)
        return about_changes.overview(job, changes, diffs.counts(changes), ignored, buttons)

    async def _file(
        self,
        case: Case,
        job: Job,
        found: Snapshots,
        changes: Sequence[FileChange],
        place: int,
        part: int,
    ) -> Reply:
        change = changes[place - 1]
        await self._record(case, job, about_changes.name_of(change.path))
        is_text = not change.is_binary and diffs.REPOSITORY not in (
            change.old.mode,
            change.new.mode,
        )
        lines = await self._changes.lines(found, change) if is_text else ()
        shown = page(presentable(lines), part)
        picture = await self._picture(shown)
        under = Under.PICTURE if picture else Under.TEXT
        buttons = about_changes.nav(job.id, place, len(changes), shown, under)
        where = (place, len(changes))
        return about_changes.file_page(job.id, change, where, shown, picture, buttons)

    async def _picture(self, shown: Page) -> Attachment | None:
        painted = await self._painter.lines(shown.lines) if shown.is_wide else None
        return Attachment("change.png", painted, is_picture=True) if painted else None

    async def _whole(self, case: Case, job: Job, found: Snapshots) -> Reply:
        await self._record(case, job, "all")
        patch = (await self._changes.patch(found)).decode("utf-8", "surrogateescape")
        content = redact(patch).encode("utf-8", "surrogateescape")
        return about_changes.whole(job.id, found.counts, content)

    def _buttons(self, job: Job, changes: Sequence[FileChange]) -> tuple[tuple[Button, ...], ...]:
        files = tuple(
            Button(str(place), file_token(job.id, place))
            for place in range(1, min(len(changes), FILE_BUTTONS) + 1)
        )
        whole = Button(phrase("All as a file"), f"vw:{job.id}")
        revert = Button(phrase("Revert"), f"vr:{job.id}", ButtonKind.DENY)
        has_commit = any(recipe.words == ("commit",) for recipe in self._policy.recipes())
        commit: tuple[Button, ...] = ()
        if job.tree is None and has_commit:
            commit = (Button(phrase("Commit"), f"vc:{job.id}", ButtonKind.APPROVE),)
        tree = about_changes.tree_buttons(job.id) if job.tree is not None else ()
        ask = (Button(phrase("Ask for a change"), f"to:{job.id}"),) if job.session else ()
        rows = (files, (*commit, revert), (*ask, whole), tree)
        return tuple(row for row in rows if row)

    # reverting

    async def _reverted(self, case: Case, job: Job, found: Snapshots) -> Reply:
        if not found.after:
            return about_changes.reverted(job.id, (), ())
        if (running := self._runs.works_there(job.project, job.workplace)) is not None:
            return about_changes.busy(job.id, running)

        async def record(files: Sequence[bytes]) -> None:
            if (barred := self._why_barred()) is not None:
                raise NotShown(barred)
            event = RevertStarted(
                who=Who.user(case.actor),
                cause=(case.incoming.key, f"job:{job.id}"),
                job=job.id,
                project=job.project,
                commit=found.before,
                files=tuple(about_changes.name_of(path) for path in files),
            )
            await self._audit.append(event)

        restored = await self._changes.restore(found, record)
        return about_changes.reverted(job.id, restored.files, restored.left)

    # worktrees

    async def _settled(self, case: Case, job: Job, fate: Fate) -> Reply:
        places = (job.workplace, ".") if fate is Fate.MERGE else (job.workplace,)
        for place in places:
            if (running := self._runs.works_there(job.project, place)) is not None:
                return about_changes.busy_tree(job.id, running)
        event = WorktreeSettled(
            who=Who.user(case.actor),
            cause=(case.incoming.key, f"job:{job.id}"),
            job=job.id,
            project=job.project,
            fate=fate,
        )
        await self._audit.append(event)
        try:
            is_done = await self._worktrees.settle(job, fate)
        except (AgentFailed, SandboxRefused) as error:
            return about_changes.not_settled(job.id, error.message)
        if not is_done:
            return about_changes.conflicts(job.id)
        match fate:
            case Fate.MERGE:
                return about_changes.merged(job.id)
            case Fate.KEEP:
                return about_changes.kept(job.id, job.worktree or job.id)
            case Fate.REMOVE:
                return about_changes.removed(job.id)

    async def _record(self, case: Case, job: Job, what: str) -> None:
        event = ChangesShown(
            who=Who.user(case.actor),
            cause=(case.incoming.key, f"job:{job.id}"),
            job=job.id,
            project=job.project,
            what=what or "list",
        )
        await self._audit.append(event)


def _why_none(job: Job, found: Snapshots | None) -> str:
    if found is not None and found.trouble:
        return found.trouble
    return str(about_changes.none_kept(job.kind))
