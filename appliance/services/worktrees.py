"""Where a job works: in its project, there on a branch of its own, or in a worktree of its own."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core import worktrees
from appliance.core.commands import Fate
from appliance.core.hidden import readable
from appliance.core.jobs import Job
from appliance.core.model import Project, Projects, Workplace
from appliance.core.replies import about_changes
from appliance.core.worktrees import CONFLICT, NO_COMMIT
from appliance.errors import AgentFailed
from appliance.ports import Output, Workbench

LONGEST_TITLE = 72


class Worktrees:
    """Makes and settles them in the project's sandbox."""

    def __init__(self, workbench: Workbench, projects: Projects) -> None:
        self._workbench = workbench
        self._projects = projects

    async def prepare(self, job: Job) -> None:
        """The job's place is there. Raises AgentFailed or SandboxRefused."""
        project = self._projects.get(job.project)
        if project is None:  # a workspace, which is nobody's
            return
        if job.worktree is not None:
            await self._done(project, worktrees.make(job.worktree))
        elif job.is_task and project.work is Workplace.BRANCH:
            await self._done(project, worktrees.branch(job.id))

    async def settle(self, job: Job, fate: Fate) -> bool:
        """Merge, keep or remove a job's worktree; False: merging it contradicts what is there.

        Raises AgentFailed or SandboxRefused.
        """
        project = self._projects.get(job.project)
        if project is None or job.worktree is None:
            raise AgentFailed(str(about_changes.no_tree(job.id)))
        argv = worktrees.settle(fate, job.worktree, _title(job))
        output = await self._workbench.run(project, argv)
        if output.status == CONFLICT:
            return False
        _check(output)
        return True

    async def _done(self, project: Project, argv: Sequence[str]) -> None:
        _check(await self._workbench.run(project, argv))


def place_of(project: Project, job: Job) -> str:
    """The directory of the job's work, absolute."""
    return project.path if job.tree is None else f"{project.path}/{job.workplace}"


def _title(job: Job) -> str:
    """The message of its commit."""
    title = " ".join(readable(job.title).split())[:LONGEST_TITLE].strip()
    return title or f"job {job.id}"


def _check(output: Output) -> None:
    if output.status == NO_COMMIT:
        raise AgentFailed(
            "the project has no commit yet, and a branch or worktree begins with one",
            hint="make a first commit, or let its jobs work in the directory",
        )
    if output.status != 0:
        words = " ".join(readable(output.stderr).split())[-200:]
        raise AgentFailed(f"git: {words or output.status}")
