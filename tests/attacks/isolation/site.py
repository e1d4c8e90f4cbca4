"""A machine with things worth stealing, a project among them, and an intruder in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.app.attack.assault import Assault
from appliance.app.attack.findings import Attempt
from appliance.app.attack.stage import Targets, stage
from appliance.core.model import Isolation
from tests.grounds import Grounds, refuse


@dataclass(frozen=True, slots=True)
class Site:
    """`grounds` to attack from, and what the intruder is told."""

    grounds: Grounds
    targets: Targets

    async def attacked(self, *names: str) -> Sequence[Attempt]:
        """What becomes of these attempts, or of all of them; the tasks have no way out."""
        return await self.assault().run(*names)

    def assault(self) -> Assault:
        """Tasks in the project."""
        # as the tasks' path has it: ours may lie in an environment of its own
        link, task = self.grounds.link(), self.grounds.task("x")
        return Assault(link, task, self.targets, refuse, python="python3")

    @property
    def project(self) -> Path:
        return Path(self.grounds.project.path)


@asynccontextmanager
async def site(directory: Path, level: Isolation) -> AsyncIterator[Site]:
    """Everything in place; tasks get this wall, and no network but at level NONE."""
    grounds = Grounds.make(directory).at(level)
    project, home = Path(grounds.project.path), Path(grounds.home)
    for name in (".git/hooks", ".claude"):
        (project / name).mkdir(parents=True)
    (project / ".git/config").write_text("[core]\n")
    (home / "diary").write_text("today")
    grounds = grounds.with_projects(
        projects={**grounds.projects.projects, "other": str(directory / "other")},
        hidden=tuple(str(directory / name) for name in ("credentials", "audit", "state", "etc")),
        unsafe_host_network=level is Isolation.NONE,
    )
    async with stage(directory, directory / "nowhere") as targets:
        yield Site(grounds, targets.beside({"of_homes": (str(home / "diary"),)}))
