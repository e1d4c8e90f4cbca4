"""The `claude` program: its flags, its environment, a conversation with it in a task."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.agent.beside import Beside
from appliance.agent.gates import Gates
from appliance.agent.session import ClaudeSession, Terms
from appliance.agent.stream import SESSION
from appliance.agent.task_link import Launch, Secret, TaskLink
from appliance.core.model import Prompt, Task
from appliance.errors import AgentFailed
from appliance.ports import Judge

ENVIRONMENT = {
    "CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",  # else approvals arrive after the result
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "DISABLE_AUTOUPDATER": "1",  # a new program is tested first
}
"""The launcher adds HOME, PATH, LANG, TERM and directories for temporary files: nothing else."""

SETTINGS = {
    "permissions": {"ask": ["*"], "disableBypassPermissionsMode": "disable"},
    "env": {"LD_PRELOAD": ""},
}
"""`ask` for everything is gate 2. What keeps the agent's key (`appliance.task.unreadable`) is for
the agent alone: its commands do not load it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays: a key by descriptor, or None for the login in the agent's home.

    `api_base_url` and `config_directory` are for tests and the canary.
    """

    key: Secret | None = field(default=None, repr=False)
    api_base_url: str | None = None
    config_directory: str | None = None

    def environment(self) -> dict[str, str]:
        named = {
            "ANTHROPIC_BASE_URL": self.api_base_url,
            "CLAUDE_CONFIG_DIR": self.config_directory,
        }
        return {name: value for name, value in named.items() if value is not None}


class ClaudeProgram:
    """Starts `path` in tasks."""

    def __init__(self, link: TaskLink, path: Path, tools: tuple[str, ...]) -> None:
        self.path = path
        self.tools = tools
        self._link = link

    @asynccontextmanager
    async def converse(
        self, task: Task, judge: Judge, gates: Gates, account: Account, terms: Terms
    ) -> AsyncIterator[ClaudeSession]:
        """Run the task's prompt. Entering raises SandboxRefused or AgentFailed."""
        prompt = task.work
        if not isinstance(prompt, Prompt):
            raise AgentFailed("Claude Code works on prompts; recipes have a runner of their own")
        launch = Launch(
            argv=self._argv(task, prompt, terms),
            environment=ENVIRONMENT | account.environment(),
            directory=task.directory,
            secret=account.key,
            has_own_stderr=True,
        )
        async with self._link.connected(task, launch, judge) as running:
            session = ClaudeSession(running, task, prompt.text, judge, gates, terms)
            async with Beside(session.run()) as conversation:
                yield session
                session.release()
                if session.has_ended:  # it may still write what a later task resumes
                    await asyncio.wait([conversation])

    def _argv(self, task: Task, prompt: Prompt, terms: Terms) -> tuple[str, ...]:
        """Options with a value from outside are one word: it can never become another option."""
        if prompt.session is not None and not SESSION.fullmatch(prompt.session):
            raise AgentFailed(f"{prompt.session!r} is not a session that can be resumed")
        chosen = {
            "--resume": prompt.session,
            "--model": prompt.model,
            "--max-turns": prompt.max_turns,
            "--add-dir": task.directory or task.project.path,
            "--append-system-prompt": terms.briefing or None,
        }
        inbox = (f"--add-dir={task.inbox.path}",) if task.inbox else ()
        return (
            *(str(self.path), "-p", "--verbose"),
            *("--output-format", "stream-json", "--input-format", "stream-json"),
            *("--permission-prompt-tool", "stdio"),
            *("--permission-mode", "plan" if prompt.is_plan else "default"),
            *("--restricted", "--setting-sources=", "--strict-mcp-config"),
            *("--tools", ",".join(terms.tools), "--settings", json.dumps(SETTINGS)),
            *(f"{option}={value}" for option, value in chosen.items() if value is not None),
            *inbox,
        )
