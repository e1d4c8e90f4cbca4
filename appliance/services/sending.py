"""Sends files of a project to whoever asks for one and may read it.

It is a reading like an agent's: judged as one, with the rights of whoever asks, before the file is
opened and again by the name it really has. What holds secrets is not sent, and what is sent was
recorded before.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from appliance.core.events import FileSent, RequestDenied, Who
from appliance.core.file_requests import SendFile
from appliance.core.files import named_files
from appliance.core.hidden import shown
from appliance.core.jobs import Job
from appliance.core.model import (
    Actor,
    Allowed,
    Asks,
    Click,
    Decision,
    Denied,
    Phrase,
    Place,
    Project,
    ProjectName,
    Projects,
    Reply,
    ToolRequest,
)
from appliance.core.pictures import is_showable
from appliance.core.replies import about_files, about_projects, about_requests
from appliance.core.sent_files import Found, found, holds_secrets, limit_bytes, reading
from appliance.core.words import phrase
from appliance.errors import AgentFailed, SandboxRefused
from appliance.ports import Audit, Clock, Policy, State, Workbench
from appliance.services.cases import Case, answer
from appliance.services.outbox import Outbox
from appliance.services.refusals import Refusals

READ_SECONDS = 20.0
"""Everybody else waits while a file is read."""

_THERE = 'for f; do [ -f "$f" ] && [ -s "$f" ] && printf "%s\\0" "$f"; done; true'


class Sending:
    """`send` for who asks; `offer` puts buttons below an answer that names files."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        policy: Policy,
        projects: Projects,
        workbench: Workbench,
        refusals: Refusals,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._policy = policy
        self._projects = projects
        self._workbench = workbench
        self._refusals = refusals
        self._outbox = outbox
        self._clock = clock

    async def send(self, case: Case, wanted: SendFile) -> None:
        """Raises AuditUnavailable: nothing was sent."""
        path, name = self._meant(wanted, case)
        if not path:
            return self._answer(case, about_files.nowhere())
        project = self._projects.get(name) if name else None
        if project is None:
            return self._answer(case, about_projects.no_project())
        decision = self._judged(case, project, path)
        if not isinstance(decision, Allowed):
            return await self._deny(case, project, path, decision)
        file = await self._read(project, path)
        if isinstance(file, Phrase):
            return self._refuse(case, path, file)
        return await self._pass_on(case, project, path, file)

    def _meant(self, wanted: SendFile, case: Case) -> tuple[str, ProjectName | None]:
        if wanted.job is None:
            return wanted.path, case.project
        job = self._state.job(wanted.job)
        named = self._state.files.named(wanted.job)
        is_here = job is not None and job.place == case.incoming.place
        if job is None or not is_here or wanted.number >= len(named):
            return "", case.project
        return named[wanted.number], job.project

    async def _pass_on(self, case: Case, project: Project, path: str, file: Found) -> None:
        if not PurePosixPath(file.path).is_relative_to(project.path):
            return self._refuse(case, path, phrase("it leads out of the project."))
        decision = self._judged(case, project, file.path)
        if not isinstance(decision, Allowed):
            return await self._deny(case, project, file.path, decision)
        if holds_secrets(file.content):
            return self._refuse(
                case, path, phrase("there is something like a password or a key in it.")
            )
        await self._audit.append(
            FileSent(
                who=Who.user(case.actor),
                cause=(case.incoming.key,),
                project=project.name,
                place=str(case.incoming.place),
                path=file.path,
                size=len(file.content),
                sha256=hashlib.sha256(file.content).hexdigest(),
                rule=str(decision.rule),
            )
        )
        name = PurePosixPath(path).name
        with self._state.transaction():
            self._outbox.put(
                case.incoming.place,
                about_files.sent(name, file.content, is_picture=is_showable(file.content)),
            )
            self._acknowledge(case)
        return None

    async def _read(self, project: Project, path: str) -> Found | Phrase:
        try:
            async with asyncio.timeout(READ_SECONDS):
                output = await self._workbench.run(
                    project, reading(path), limit_bytes=limit_bytes()
                )
        except TimeoutError:
            return phrase("reading it took too long.")
        except (AgentFailed, SandboxRefused) as error:
            return phrase("it cannot be read: {reason}.", reason=error.message)
        return found(output.status, output.stdout)

    # judging

    def _request(self, actor: Actor, project: Project, path: str, place: Place) -> ToolRequest:
        return ToolRequest(
            user=actor.name,
            project=project.name,
            root=project.path,
            cwd=project.path,
            tool="Read",
            input={"file_path": path},
            via=place.platform,
            at=self._clock.now(),
        )

    def _judged(self, case: Case, project: Project, path: str) -> Decision:
        return self._policy.decide(self._request(case.actor, project, path, case.incoming.place))

    async def _deny(self, case: Case, project: Project, path: str, decision: Asks | Denied) -> None:
        if isinstance(decision, Asks):
            return self._answer(case, about_requests.cannot_wait(decision))
        await self._audit.append(
            RequestDenied(
                who=Who.user(case.actor),
                cause=(case.incoming.key,),
                act="Read",
                object=shown(path, 200),
                project=project.name,
                rule=str(decision.rule or ""),
                reason=decision.reason,
            )
        )
        request = self._request(case.actor, project, path, case.incoming.place)
        in_short = replace(decision, reason=decision.because or decision.reason)
        with self._state.transaction():
            self._refusals.note(case.incoming.place, request, decision)
            self._answer(case, about_requests.denied(in_short))
        return None

    def _refuse(self, case: Case, path: str, reason: Phrase) -> None:
        self._answer(case, about_files.cannot_send(path, reason))

    def _answer(self, case: Case, reply: Reply) -> None:
        answer(case, reply, self._state, self._outbox)

    def _acknowledge(self, case: Case) -> None:
        """The file itself is the answer; a click wants one of its own."""
        if isinstance(case.incoming, Click):
            self._answer(case, about_files.on_its_way())
        else:
            self._state.mark_handled(case.incoming.key)

    # what an answer names

    async def offer(self, job: Job, answer_text: str) -> None:
        """Buttons for the files that an answer names, those that are there and may be read."""
        project = self._projects.get(job.project)
        paths = [_below(job.workplace, path) for path in named_files(answer_text)]
        if project is None or not paths:
            return
        actor = Actor(job.requester, job.sender)
        readable = [path for path in paths if self._may_read(actor, project, path, job.place)]
        there = await self._there(project, readable)
        if not there:
            return
        with self._state.transaction():
            self._state.files.name(job.id, there)
            self._outbox.put(job.place, about_files.named(job.id, there), job=job.id)

    def _may_read(self, actor: Actor, project: Project, path: str, place: Place) -> bool:
        decision = self._policy.decide(self._request(actor, project, path, place))
        return isinstance(decision, Allowed)

    async def _there(self, project: Project, paths: Sequence[str]) -> tuple[str, ...]:
        """Those of the paths that are files with something in them."""
        if not paths:
            return ()
        words = [path if path.startswith("/") else f"./{path}" for path in paths]
        try:
            output = await self._workbench.run(project, ("sh", "-c", _THERE, "sh", *words))
        except (AgentFailed, SandboxRefused):
            return ()
        there = set(output.stdout.decode("utf-8", "replace").split("\0"))
        return tuple(path for path, word in zip(paths, words, strict=True) if word in there)


def _below(workplace: str, path: str) -> str:
    """As seen from the project, what an agent names as seen from where it works."""
    return path if path.startswith("/") else str(PurePosixPath(workplace, path))
