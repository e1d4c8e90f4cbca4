"""The port `Agent` for Claude Code: fit for use or not, and one live task per session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from appliance.agent.canary import Finding, fly
from appliance.agent.gates import StrictGates
from appliance.agent.program import Account, ClaudeProgram
from appliance.agent.session import ClaudeSession, Terms
from appliance.agent.task_link import TaskLink
from appliance.core.events import AgentTested, Event
from appliance.core.model import ASK_PEOPLE, END_PLANNING, WORKSPACE, Project, Prompt, Task
from appliance.errors import AgentFailed, AuditUnavailable
from appliance.ports import Judge, Ready

log = logging.getLogger(__name__)

NAME = "claude"
TOOLS = (
    *("Bash", "Read", "Glob", "Grep", "Edit", "Write", "NotebookEdit", "WebFetch", "WebSearch"),
    *("Agent", ASK_PEOPLE, END_PLANNING),
)
"""Without those that act later or elsewhere (Cron, Monitor, Workflow) and without skills."""

WORKSPACE_TOOLS = ("Read", "WebFetch", "WebSearch", ASK_PEOPLE)
"""To answer questions with: no shell, and nothing that changes anything."""
WORKSPACE_BRIEFING = (
    "You answer a question away from any project: there are no project files and no shell here. "
    "If it can only be answered or done with a project's files or commands, say so in one "
    "sentence and stop; the person can move it to the project with one tap."
)

RETRY_SECONDS = 120.0
"""A login that is refused is tried again by the CLI for minutes; nobody waits that long."""


class ClaudeAgent:
    """Claude Code in tasks of `link`.

    `program` is the resolved path of `claude`. `canary` is an empty directory that the launcher
    knows as a project, for the test of the gates. `record` gets an `AgentTested` for every test,
    usually `audit.append`. `account` says who pays.
    """

    def __init__(
        self,
        link: TaskLink,
        program: Path,
        *,
        canary: Project,
        record: Callable[[Event], Awaitable[object]],
        account: Account | None = None,
        tools: tuple[str, ...] = TOOLS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.version = ""  # of the program that was tested last
        self._program = ClaudeProgram(link, program, tools)
        self._canary = canary
        self._record = record
        self._account = account or Account()
        self._retry_seconds = retry_seconds
        self._testing = asyncio.Lock()
        self._fit: object = None  # identity of the program that passed
        self._live: set[str] = set()

    async def run(self, ready: Ready) -> None:
        """Test the gates at start-up, in the background: the daemon is ready before."""
        ready()
        try:
            await self.ready()
        except AgentFailed as error:
            log.warning("%s", error.message)

    @property
    def is_ready(self) -> bool:
        with suppress(AgentFailed):
            return self._identity() == self._fit
        return False

    async def ready(self) -> None:
        """Passes only when both gates of the program as it is now held; waits for that test.

        A program that failed is tested again each time: what failed may have been the moment.
        """
        async with self._testing:
            identity = self._identity()
            if identity == self._fit:
                return
            finding = await fly(self._program, self._canary)
            self.version = finding.version
            await self._note(finding)
            if not finding.passed:
                raise AgentFailed(f"{NAME} must not be used: {finding.reason}")
            self._fit = identity

    @asynccontextmanager
    async def start(self, task: Task, judge: Judge) -> AsyncIterator[ClaudeSession]:
        """See `appliance.ports.Agent`. Nothing starts before the gates have been tested."""
        await self.ready()
        resumed = task.work.session if isinstance(task.work, Prompt) else None
        with self._held(resumed) as hold:
            terms = self._terms(task, hold)
            async with self._program.converse(
                task, judge, StrictGates(), self._account, terms
            ) as session:
                yield session

    def _terms(self, task: Task, hold: Callable[[str], None]) -> Terms:
        if task.project.name == WORKSPACE:
            return Terms(WORKSPACE_TOOLS, self._retry_seconds, hold, WORKSPACE_BRIEFING)
        return Terms(self._program.tools, self._retry_seconds, hold)

    def _identity(self) -> object:
        """Changes when the program does."""
        try:
            found = self._program.path.stat()
        except OSError as error:
            raise AgentFailed(
                f"there is no {NAME} at {self._program.path}: {error.strerror}",
                hint="install Claude Code, or set its path in dispatch.toml",
            ) from error
        return found.st_size, found.st_mtime_ns, found.st_ino

    async def _note(self, finding: Finding) -> None:
        event = AgentTested(
            agent=NAME, version=finding.version, passed=finding.passed, reason=finding.reason
        )
        try:
            await self._record(event)
        except AuditUnavailable as error:
            raise AgentFailed(f"the test of {NAME} cannot be recorded: {error.message}") from error

    @contextmanager
    def _held(self, resumed: str | None) -> Iterator[Callable[[str], None]]:
        """Claims on sessions: the CLI itself lets two processes write one transcript."""
        ours: set[str] = set()

        def hold(session: str) -> None:
            if session in self._live - ours:
                raise AgentFailed(
                    "another job is working in this session", hint="wait for it, or use /new"
                )
            self._live.add(session)
            ours.add(session)

        if resumed is not None:
            hold(resumed)
        try:
            yield hold
        finally:
            self._live -= ours
