"""Runs jobs: judges each tool call, shows progress, brings the answer home.

A job is `running` in the database and in the log before its agent is started. Whatever ends the
agent ends the job; what a crash leaves `running` is `interrupted` at the next start, said so in
the chat, and never run again by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from appliance.core.approvals import sha256_text
from appliance.core.events import (
    Event,
    JobCancelled,
    JobInterrupted,
    JobSteered,
    ToolFinished,
    ToolStarted,
    Who,
)
from appliance.core.events import SandboxRefused as SandboxRefusedEvent
from appliance.core.jobs import (
    Cancelled,
    Finished,
    Interrupted,
    Job,
    JobEvent,
    NamedSession,
    Started,
    Step,
    StepKind,
    runnable,
)
from appliance.core.jobs import State as JobState
from appliance.core.model import (
    Actor,
    Denied,
    Ended,
    Ending,
    Isolation,
    JobId,
    Phrase,
    Prompt,
    SessionStarted,
    TaskEvent,
    ToolCall,
    Verdict,
)
from appliance.core.model import ToolFinished as ToolFinishedEvent
from appliance.core.model import ToolStarted as ToolStartedEvent
from appliance.core.replies import about_calls, about_changes, about_conversations, about_jobs
from appliance.errors import (
    AgentFailed,
    AnchorUnavailable,
    ApplianceError,
    AuditUnavailable,
    SandboxRefused,
)
from appliance.ports import Agent, AgentSession, Audit, Clock, Ready, State
from appliance.services import job_records
from appliance.services.approvals import Approvals
from appliance.services.changes import Changes
from appliance.services.job_moves import moved, stored
from appliance.services.job_records import Stopped
from appliance.services.judge import Judge
from appliance.services.lockdowns import WhyBarred
from appliance.services.ongoing import belongs
from appliance.services.outbox import Outbox
from appliance.services.preparation import Preparation
from appliance.services.runs import PassedOn, Run, Runs
from appliance.services.second_look import SecondLook
from appliance.services.sending import Sending
from appliance.services.watching import Watching, live_label
from appliance.services.worktrees import Worktrees

log = logging.getLogger(__name__)

HALT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Slot:
    """Free for a job that need not wait in line.

    `event` is to be recorded and then `take` called, in the transaction that admits the job.
    """

    event: Event
    take: Callable[[Job], None]


class Worker:
    """Chooses what runs next and sees each job through."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        judge: Judge,
        second_look: SecondLook,
        preparation: Preparation,
        agents: Mapping[type, Agent],
        approvals: Approvals,
        outbox: Outbox,
        watching: Watching,
        changes: Changes,
        worktrees: Worktrees,
        sending: Sending,
        runs: Runs,
        isolation: Isolation,
        clock: Clock,
        wake_gate: Callable[[], None],
        why_barred: WhyBarred,
    ) -> None:
        self._state = state
        self._audit = audit
        self._judge = judge
        self._second_look = second_look
        self._preparation = preparation
        self._agents = agents
        self._approvals = approvals
        self._outbox = outbox
        self._watching = watching
        self._changes = changes
        self._worktrees = worktrees
        self._sending = sending
        self._runs = runs
        self._isolation = isolation
        self._clock = clock
        self._wake_gate = wake_gate
        self._why_barred = why_barred
        self._tasks: asyncio.TaskGroup | None = None
        self._wake = asyncio.Event()
        self._is_stopping = False

    def wake(self) -> None:
        self._wake.set()

    @contextmanager
    def slot_for(self, job: Job) -> Iterator[Slot | None]:
        """Keep a slot for a job that may start before all others; None: it has to wait in line.

        A slot that is taken when the context is left without an error is used.
        """
        if not self._may_start_at_once(job):
            yield None
            return
        self._runs.begin(job)
        taken: list[Job] = []
        is_used = False
        try:
            yield Slot(
                job_records.started(job, self._isolation),
                lambda job: taken.append(self._start(job)),
            )
            is_used = bool(taken)
        finally:
            if not is_used:
                self._runs.end(job.id)
        self._begin(*taken)  # now, and not in its turn: the agent goes before the post

    def _may_start_at_once(self, job: Job) -> bool:
        if self._is_stopping or self._tasks is None or self._why_barred() is not None:
            return False
        if job.after is not None or self._runs.blocked_by(job) is not None:
            return False
        if job.files:
            return False  # they have to be fetched
        return not self._startable() and self._agents[type(job.work)].is_ready

    async def run(self, ready: Ready) -> None:
        """Interrupt what a crash left running, then run jobs until cancelled."""
        interrupted = await self._recover()
        ready()
        async with asyncio.TaskGroup() as self._tasks:
            for job in interrupted:
                self._beside(self._changes.close(job.id))
            while True:
                self._wake.clear()
                for job in self._startable():
                    self._runs.begin(job)
                    self._begin(job)
                await self._wake.wait()

    def _begin(self, *jobs: Job) -> None:
        for job in jobs:
            self._beside(self._see_through(job))

    def _beside(self, work: Coroutine[None, None, object]) -> None:
        assert self._tasks is not None, "a slot is given only while running"
        self._tasks.create_task(work)

    async def drain(self, grace_seconds: float) -> None:
        """Start nothing more; give what runs some time, then interrupt it."""
        self._is_stopping = True
        with self._state.transaction():
            for run in self._runs:
                job = stored(run.job.id, self._state)
                if not job.is_finished:
                    self._outbox.put(job.place, about_jobs.stopping(job))
        try:
            async with asyncio.timeout(grace_seconds):
                await self._runs.all_gone()
        except TimeoutError:
            log.warning("interrupting %d jobs after %.0f s", len(self._runs), grace_seconds)

    async def steer(self, job_id: JobId, actor: Actor, key: str, text: str) -> bool:
        """Give a running job the message `key`; False: it cannot take one any more.

        An agent that is still starting gets it as soon as it can; what it ends without having
        read is offered to the gate again.
        """
        run = self._runs.get(job_id)
        if run is None or run.stop.is_set():
            return False
        await self._audit.append(JobSteered(who=Who.user(actor), cause=(key,), job=job_id))
        if self._has_ended(job_id):
            return False
        if run.session is None:
            run.early.append(PassedOn(key, text))
            return True
        if not await run.session.steer(text):
            return False
        if self._has_ended(job_id):  # while it was handed over
            return text not in run.session.unread()
        run.passed_on.append(PassedOn(key, text))
        return True

    def _has_ended(self, job_id: JobId) -> bool:
        return job_id not in self._runs or stored(job_id, self._state).is_finished

    async def _catch_up(self, run: Run, session: AgentSession) -> None:
        """Hand over what was said while the agent started."""
        while run.early and await session.steer(run.early[0].text):
            run.passed_on.append(run.early.pop(0))
        run.session = session

    async def halt(self, why: Phrase) -> None:
        """Interrupt all that runs without asking it, and give it some seconds to be gone."""
        tasks = []
        for run in self._runs:
            run.halted = why
            if run.task is not None:  # who has not begun yet asks whether he may
                run.task.cancel()
                tasks.append(run.task)
        if tasks:
            await asyncio.wait(tasks, timeout=HALT_SECONDS)

    async def stop(self, job: Job, actor: Actor, key: str) -> None:
        """Stop a job, running or not, as message `key` wants. Raises AuditUnavailable."""
        run = self._runs.get(job.id)
        if run is not None:
            run.stopped = Stopped(actor, key)
            run.stop.set()
            return
        reason = f"stopped by {actor.name}"
        await self._audit.append(
            JobCancelled(who=Who.user(actor), cause=(key,), job=job.id, reason=reason)
        )
        with self._state.transaction():
            current = stored(job.id, self._state)
            if not current.is_finished:
                self._end(current, Cancelled(self._clock.now(), reason))

    # choosing

    def _startable(self) -> tuple[Job, ...]:
        if self._is_stopping or self._why_barred() is not None:
            return ()
        unfinished = self._state.unfinished_jobs()
        running = [run.job for run in self._runs]
        queued = [job for job in unfinished if job.state is JobState.QUEUED]
        self._drop_hopeless(queued)
        if not queued:  # how much memory is free is asked for those who wait
            return ()
        awaited = [job.after for job in queued if job.after is not None]
        return runnable(
            [job for job in queued if job.id not in self._runs],
            running,
            self._state.succeeded(awaited),
            self._runs.possible(),
        )

    def _drop_hopeless(self, queued: list[Job]) -> None:
        """A job whose predecessor did not succeed never runs."""
        for job in list(queued):
            before = self._state.job(job.after) if job.after is not None else None
            if before and before.is_finished and before.state is not JobState.SUCCEEDED:
                reason = f"job {before.id} did not succeed"
                with self._state.transaction():
                    ended = self._end(job, Cancelled(self._clock.now(), reason))
                    self._outbox.put(job.place, about_jobs.answer(ended, reason, 0))
                queued.remove(job)

    # one job

    async def _see_through(self, job: Job) -> None:
        run = self._runs.get(job.id)
        assert run is not None, "it has just begun"
        run.task = asyncio.current_task()
        try:
            await self._attempt(job, run)
        except asyncio.CancelledError:
            await self._interrupt(job, str(run.halted or "the appliance stopped"))
            raise
        except SandboxRefused as error:
            await self._record(SandboxRefusedEvent(job=job.id, reason=error.message))
            await self._finish(job, run, Ended(Ending.FAILED, _sentence(error)))
        except (AgentFailed, AnchorUnavailable, AuditUnavailable) as error:
            await self._finish(job, run, Ended(Ending.FAILED, _sentence(error)))
        finally:
            self._runs.end(job.id)
            self._changes.forget(job)
            self._wake.set()

    async def _attempt(self, job: Job, run: Run) -> None:
        if (barred := self._why_barred()) is not None:
            return await self._interrupt(job, str(barred))
        agent = self._agents[type(job.work)]
        await agent.ready()
        if job.state is JobState.QUEUED and (denied := self._second_look.why_not(job)):
            return await self._bar(job, denied)
        task = await self._preparation.task(job)
        if job.files and run.stop.is_set():
            raise AgentFailed("it was stopped while its files came in")
        run.calls.inbox = task.inbox.path if task.inbox is not None else ""
        used = await self._preparation.redeem(job)
        if job.state is JobState.QUEUED:
            await self._audit.append(job_records.started(job, self._isolation))
            # said without waiting in between: the launcher has its task before the post is sent
            with self._state.transaction():
                job = self._start(job)
        await self._worktrees.prepare(job)
        self._changes.watch(job)
        async with agent.start(task, lambda call: self._judged(job, run, call)) as session:
            self._beside(self._changes.keep(job))
            if used is not None:
                self._approvals.confirm(used.id)
            # what it said last is recorded and on its way before the process has gone
            await self._finish(job, run, await self._follow(job, run, session))
        await self._changes.left(job)
        return None

    async def _judged(self, job: Job, run: Run, call: ToolCall) -> Verdict:
        try:
            return await self._judge(job, run.calls, call)
        finally:
            self._watching.stirred(job.id)

    async def _bar(self, job: Job, denied: Denied) -> None:
        """It was let in, but its turn comes when it may not start any more."""
        await self._audit.append(*job_records.barred(job, denied))
        with self._state.transaction():
            ended = self._end(
                stored(job.id, self._state), Cancelled(self._clock.now(), denied.reason)
            )
            self._second_look.note_refusal(job, denied)
            self._outbox.put(job.place, about_jobs.answer(ended, denied.reason, 0))
            self._outbox.edit_labelled(live_label(job), about_jobs.ended_line(ended))

    def _start(self, job: Job) -> Job:
        """Inside a transaction, after `job_records.started` is recorded."""
        job = moved(job, Started(self._clock.now()), self._state)
        self._watching.started(job)
        return job

    async def _follow(self, job: Job, run: Run, session: AgentSession) -> Ended:
        async with asyncio.TaskGroup() as tasks:
            stopper = tasks.create_task(_interrupt_on(run.stop, session))
            tasks.create_task(self._catch_up(run, session))
            try:
                async for event in session.events():
                    if isinstance(event, Ended):
                        return event
                    await self._note(job, run, event)
            finally:
                stopper.cancel()
        raise AgentFailed("the agent went away without a word")

    async def _note(self, job: Job, run: Run, event: TaskEvent) -> None:
        match event:
            case SessionStarted(session=session):
                self._remember_session(job, session)
            case ToolStartedEvent(call=call):
                await self._audit.append(
                    ToolStarted(who=Who.agent(job.id), job=job.id, request=call.id, tool=call.tool)
                )
                step = Step(self._clock.now(), StepKind.TOOL, about_calls.doing(call))
                self._state.add_step(job.id, step)
                if (approval := run.calls.approved.pop(call.id, None)) is not None:
                    self._approvals.confirm(approval)
            case ToolFinishedEvent(call_id=call_id, is_error=is_error, output=output):
                await self._audit.append(
                    ToolFinished(
                        who=Who.agent(job.id),
                        job=job.id,
                        request=call_id,
                        is_error=is_error,
                        output_sha256=sha256_text(output),
                        output=output,
                    )
                )
            case _:
                pass
        self._watching.noted(job.id, event)

    def _remember_session(self, job: Job, session: str) -> None:
        with self._state.transaction():
            moved(stored(job.id, self._state), NamedSession(session), self._state)
            conversation = self._state.conversation(job.place)
            is_its_project = (conversation.project or job.project) == job.project
            if job.keeps_session and is_its_project and belongs(job, conversation, self._state):
                self._state.save_conversation(job.place, replace(conversation, session=session))

    # endings

    async def _finish(self, job: Job, run: Run, ended: Ended) -> None:
        """Record the end, then say it. When the log cannot be written the answer is withheld."""
        if run.stopped is not None and ended.ending is not Ending.SUCCEEDED:
            ended = Ended(Ending.CANCELLED, f"stopped by {run.stopped.by.name}", ended.usage)
        current = stored(job.id, self._state)
        if current.is_finished:  # it failed once more while it was leaving
            return
        changed = await self._changes.settle(job)
        try:
            await self._audit.append(job_records.ended(current, ended, run.stopped))
        except AuditUnavailable as error:
            ended = Ended(Ending.FAILED, _sentence(error), ended.usage)
        with self._state.transaction():
            current = stored(job.id, self._state)
            if current.state is JobState.QUEUED:  # it failed before it was started
                current = moved(current, Started(self._clock.now()), self._state)
            reason = "" if ended.ending is Ending.SUCCEEDED else ended.text
            event = Finished(self._clock.now(), ended.ending, reason, ended.usage)
            after = self._end(current, event)
            self._watching.ended(after, ended.text, run.calls.refused, changed)
            if after.tree is not None:
                self._outbox.put(job.place, about_changes.tree_left(after, changed), job=job.id)
            self._offer_unread_again(after, run)
        self._watching.forget(after)
        if after.state is JobState.SUCCEEDED and isinstance(after.work, Prompt):
            self._beside(self._sending.offer(after, ended.text))

    def _offer_unread_again(self, job: Job, run: Run) -> None:
        """Whoever stops a job stops what was said to it, too."""
        unread = Counter(run.session.unread() if run.session else ())
        again, run.early = run.early, []
        for each in reversed(run.passed_on):  # it reads them in order: the last ones are left
            if unread[each.text] > 0:
                unread[each.text] -= 1
                again.append(each)
        if job.state is JobState.CANCELLED:
            return
        for each in again:
            self._state.offer_again(each.key)
        if again:
            self._outbox.put(job.place, about_conversations.not_read(job, len(again)), job=job.id)
            self._wake_gate()

    async def _recover(self) -> tuple[Job, ...]:
        running = tuple(job for job in self._state.unfinished_jobs() if job.has_started)
        for job in running:
            await self._interrupt(job, "the appliance restarted")
        return running

    async def _interrupt(self, job: Job, reason: str) -> None:
        await self._record(JobInterrupted(cause=(job.key,), job=job.id, reason=reason))
        with self._state.transaction():
            current = stored(job.id, self._state)
            if current.is_finished or not current.has_started:
                return
            after = self._end(current, Interrupted(self._clock.now(), reason))
            self._watching.interrupted(after)
        self._watching.forget(after)

    def _end(self, job: Job, event: JobEvent) -> Job:
        after = moved(job, event, self._state)
        self._approvals.withdraw_all(after)
        self._judge.forget(after)
        return after

    async def _record(self, event: Event) -> None:
        """For what is refused or over anyway: it stays so when the log cannot take it."""
        try:
            await self._audit.append(event)
        except AuditUnavailable as error:
            log.error("%s not recorded: %s", event.name, error.message)


async def _interrupt_on(stop: asyncio.Event, session: AgentSession) -> None:
    await stop.wait()
    await session.interrupt()


def _sentence(error: ApplianceError) -> str:
    if not error.hint:
        return error.message
    return f"{error.message}. {error.hint[0].upper()}{error.hint[1:]}."
