"""A daemon for one test: keeps a launcher waiting, starts a task, and waits to be killed.

python daemon_stub.py PROJECT_DIRECTORY LAUNCHER… -- PROGRAM…
"""

from __future__ import annotations

import asyncio
import sys

from appliance.agent.beside import Beside
from appliance.agent.launchers import ChildLaunchers
from appliance.agent.task_link import Launch, TaskLink
from appliance.core.model import (
    Isolation,
    JobId,
    Limits,
    Project,
    ProjectName,
    Prompt,
    Task,
)


async def main(directory: str, *words: str) -> None:
    launcher, argv = words[: words.index("--")], words[words.index("--") + 1 :]
    project = Project(ProjectName("demo"), directory)
    task = Task(JobId(1), project, Prompt(""), Limits(60, Isolation.NONE, project.ceiling))
    link, ready = TaskLink(ChildLaunchers(launcher)), asyncio.Event()
    async with Beside(link.run(ready.set)):
        await ready.wait()
        async with link.start(task, Launch(argv, {})) as running:
            print((await running.stdout.readline()).decode(), end="", flush=True)
            await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
