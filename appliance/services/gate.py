"""The only way in: authenticate → decide → record → act, for text, buttons, web and terminal.

What was accepted is handled in order, one at a time, and marked handled in the transaction that
holds its effects. After a crash the unhandled rest is handled; a record may then stand twice in
the log (same message key), an effect never does.
"""

from __future__ import annotations

import asyncio
import logging

from appliance.core.commands import CallRecipe, Command, ExplainRefusal, Mistake, shown
from appliance.core.events import Event, MessageReceived, RequestAllowed, RequestDenied, Who
from appliance.core.jobs import Barred, advance
from appliance.core.model import (
    Actor,
    Allowed,
    Asks,
    Click,
    CommandRequest,
    Decision,
    Denied,
    Edited,
    Incoming,
    Message,
    ProjectName,
    Reply,
)
from appliance.core.replies import about_requests
from appliance.core.requests import command_of, words_of
from appliance.core.words import say
from appliance.errors import AuditUnavailable, StorageUnavailable
from appliance.ports import Audit, Clock, Policy, Ready, State
from appliance.services.allowance import Allowance, Use
from appliance.services.desk import STARTS_JOB, Case, Desk
from appliance.services.drafts import Projects, project_here
from appliance.services.outbox import Outbox
from appliance.services.refusals import Refusals

log = logging.getLogger(__name__)

STORAGE_PAUSE_SECONDS = 2.0


class Gate:
    """Takes what the intake stored through the whole way in."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        allowance: Allowance,
        refusals: Refusals,
        projects: Projects,
        desk: Desk,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._allowance = allowance
        self._refusals = refusals
        self._projects = projects
        self._desk = desk
        self._outbox = outbox
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        self._wake.set()

    async def run(self, ready: Ready) -> None:
        ready()
        while True:
            self._wake.clear()
            try:
                while waiting := self._state.waiting():
                    for incoming, actor in waiting:
                        await self._handle(incoming, actor)
            except StorageUnavailable as error:
                # what was accepted stays accepted; it is handled when the disk takes it
                log.error("requests wait: %s", error.message)
                await self._clock.sleep(STORAGE_PAUSE_SECONDS)
                self._wake.set()
            await self._wake.wait()

    async def _handle(self, incoming: Incoming, actor: Actor) -> None:
        # without waiting in between: recipes, decision and limits are of one policy
        command = command_of(incoming, self._policy.recipes())
        project = project_here(incoming.place, self._state, self._projects)
        decision = self._decide(command, actor, project, incoming)
        case = Case(incoming, actor, command, decision, project)
        job = self._desk.queues_at_once(case)
        events = _records(incoming, actor, command, decision, project)
        try:
            if job is not None:
                await self._desk.queue(case, job, *events)
            else:
                await self._audit.append(*events)
                await self._act(case)
        except AuditUnavailable as error:
            self._refuse(
                incoming, about_requests.audit_is_broken(error.message), "audit unavailable"
            )

    def _decide(
        self, command: Command, actor: Actor, project: ProjectName | None, incoming: Incoming
    ) -> Decision:
        if isinstance(command, Mistake):
            return Denied(None, str(command.sentence))
        decision = self._policy.decide(self._request(command, actor, project, incoming))
        is_work = isinstance(command, STARTS_JOB)
        use = Use(
            user=actor.name,
            project=project,
            key=incoming.key,
            is_work=is_work,
            is_agents=is_work and not isinstance(command, CallRecipe),
        )
        return self._allowance.admit(decision, use)

    def _request(
        self, command: Command, actor: Actor, project: ProjectName | None, incoming: Incoming
    ) -> CommandRequest:
        return CommandRequest(
            actor.name, project, words_of(command), incoming.sender.platform, self._clock.now()
        )

    async def _act(self, case: Case) -> None:
        match case.command, case.decision:
            case Mistake(sentence), _:
                self._refuse(case.incoming, say(sentence), str(sentence))
            case _, Denied() as denied:
                self._deny(case, denied)
            case _, Allowed() | Asks():
                await self._desk.act(case)

    def _deny(self, case: Case, denied: Denied) -> None:
        with self._state.transaction():
            if not isinstance(case.command, ExplainRefusal):
                request = self._request(case.command, case.actor, case.project, case.incoming)
                self._refusals.note(case.incoming.place, request, denied)
            self._refuse(case.incoming, about_requests.denied(denied), denied.reason)

    def _refuse(self, incoming: Incoming, reply: Reply, reason: str) -> None:
        with self._state.transaction():
            self._state.mark_handled(incoming.key)
            job = self._state.job_of(incoming.key)
            if job is not None and not job.is_finished:
                self._state.save_job(advance(job, Barred(reason)))
            if isinstance(incoming, Click):
                self._outbox.toast(incoming.place, incoming.key, reply)
            else:
                self._outbox.put(incoming.place, reply)


def _said(incoming: Incoming) -> str:
    match incoming:
        case Message(text=text):
            return text
        case Edited(text=text):
            return f"[edited] {text}"
        case Click(token=token):
            return f"[button] {shown(token)}"


def _records(
    incoming: Incoming,
    actor: Actor,
    command: Command,
    decision: Decision,
    project: ProjectName | None,
) -> list[Event]:
    who = Who.user(actor)
    text = _said(incoming)
    received = MessageReceived(who=who, key=incoming.key, place=str(incoming.place), text=text)
    act, words, where = "chat", words_of(command), project or ""
    cause = (incoming.key,)
    match decision:
        case Denied(rule=rule, reason=reason):
            return [
                received,
                RequestDenied(
                    who=who,
                    cause=cause,
                    act=act,
                    object=words,
                    project=where,
                    rule=str(rule or ""),
                    reason=reason,
                ),
            ]
        case Allowed(rule=rule) | Asks(rule=rule):
            return [
                received,
                RequestAllowed(
                    who=who, cause=cause, act=act, object=words, project=where, rule=str(rule)
                ),
            ]
