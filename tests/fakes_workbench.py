"""The port `Workbench` without a sandbox: programs run as the test itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from appliance.core.model import Project
from appliance.errors import AgentFailed
from appliance.ports import Output


class LocalWorkbench:
    """`ran` keeps what was run; `failure` is raised instead of running anything."""

    def __init__(self, timeout_seconds: float = 60, failure: AgentFailed | None = None) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.failure = failure
        self._timeout_seconds = timeout_seconds

    async def run(
        self,
        project: Project,
        argv: Sequence[str],
        *,
        directory: str = ".",
        limit_bytes: int = 1 << 20,
        stdin: bytes = b"",
    ) -> Output:
        if self.failure is not None:
            raise self.failure
        self.ran.append(tuple(argv))
        where = Path(project.path, directory).resolve()
        if not where.is_relative_to(project.path) or not where.is_dir():
            raise AgentFailed(f"{where} is not a directory of project {project.name}")
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=where,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise AgentFailed(f"there is no program {argv[0]}") from error
        try:
            async with asyncio.timeout(self._timeout_seconds):
                stdout, stderr = await process.communicate(stdin)
        except TimeoutError as error:
            raise AgentFailed("stopped: its time was over") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        if process.returncode < 0:
            raise AgentFailed(f"killed (signal {-process.returncode})")
        if len(stdout) > limit_bytes:
            return Output(-1, stdout[:limit_bytes], "", is_cut=True)
        return Output(process.returncode, stdout, stderr.decode("utf-8", "replace"), is_cut=False)
