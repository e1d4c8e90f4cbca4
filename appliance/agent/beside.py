"""Work that runs beside a body and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Beside:
    """`async with Beside(work):` runs `work` while the body runs, and cancels it afterwards.

    A TaskGroup alone would wrap what the body raises in an ExceptionGroup, and callers of a port
    could not catch AgentFailed by its name. Here the body's exceptions pass as they are; only an
    error of `work` itself cancels the body and comes out in a group: it is a bug.
    """

    def __init__(self, work: Coroutine[None, None, None]) -> None:
        self._work = work
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> asyncio.Task[None]:
        await self._group.__aenter__()
        self._task = self._group.create_task(self._work)
        return self._task

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await self._group.__aexit__(None, None, None)
