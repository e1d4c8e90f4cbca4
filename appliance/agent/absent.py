"""What stands in for a coding agent where none is configured: says so, runs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.core.model import Task
from appliance.errors import AgentFailed
from appliance.ports import AgentSession, Judge


class AbsentAgent:
    """See `appliance.ports.Agent`; it is never ready, and `why` and `hint` say what to do."""

    def __init__(self, why: str, hint: str) -> None:
        self._why = why
        self._hint = hint

    @property
    def is_ready(self) -> bool:
        return False

    async def ready(self) -> None:
        raise AgentFailed(self._why, hint=self._hint)

    @asynccontextmanager
    async def start(self, task: Task, judge: Judge) -> AsyncIterator[AgentSession]:
        await self.ready()
        raise AssertionError("never ready")
        yield  # this makes it the generator that the decorator wants
