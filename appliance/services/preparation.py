"""What a job needs before its agent starts: its task with all limits, its files, its approval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from appliance.core.approvals import JOB_ITSELF, Approval, work_fingerprint
from appliance.core.jobs import Job
from appliance.core.model import Isolation, Limits, Program, Projects, Prompt, Task
from appliance.errors import AgentFailed
from appliance.ports import BeforeRisk
from appliance.services.approvals import Approvals
from appliance.services.inboxes import Inboxes
from appliance.services.worktrees import place_of


@dataclass(frozen=True, slots=True)
class Terms:
    """What the administrator set for every task.

    `job_bytes`: memory that must be free before a job starts beside another one.
    """

    max_parallel: int
    isolation: Isolation  # what this host gives
    minimum_isolation: Isolation  # below which a task is refused
    prompt_timeout_seconds: int
    model: str | None = None
    max_turns: int | None = None
    job_bytes: int = 1024 * 1024 * 1024


class Preparation:
    """Both methods raise AgentFailed, in one sentence: the job is not started."""

    def __init__(
        self,
        projects: Projects,
        terms: Terms,
        inboxes: Inboxes,
        approvals: Approvals,
        before_risk: BeforeRisk,
    ) -> None:
        self._projects = projects
        self._terms = terms
        self._inboxes = inboxes
        self._approvals = approvals
        self._before_risk = before_risk

    async def task(self, job: Job) -> Task:
        """What came with the job is there before its agent starts."""
        task, inbox = self._with_limits(job), self._inboxes.of(job)
        if inbox is None or not isinstance(task.work, Prompt):
            return task
        if not task.work.files:
            return replace(task, inbox=inbox)
        text = await self._inboxes.fill(job, task.work)
        return replace(task, work=replace(task.work, text=text), inbox=inbox)

    def _with_limits(self, job: Job) -> Task:
        project = self._projects.get(job.project)
        if project is None:
            raise AgentFailed(f"project {job.project} is not in the settings any more")
        work = job.work
        timeout = self._terms.prompt_timeout_seconds
        match work:
            case Prompt():
                work = replace(work, model=self._terms.model, max_turns=self._terms.max_turns)
            case Program():
                timeout = work.timeout_seconds
                inside = Path(project.path, work.directory).resolve()
                if not inside.is_relative_to(project.path):
                    raise AgentFailed(f"directory of /{work.recipe} leads out of the project")
                work = replace(work, directory=str(inside))
        limits = Limits(timeout, self._terms.minimum_isolation, project.ceiling)
        directory = "" if job.tree is None else place_of(project, job)
        return Task(job.id, project, work, limits, directory=directory)

    async def redeem(self, job: Job) -> Approval | None:
        """A job that had to be approved starts only with that approval, and uses it up."""
        approval = self._approvals.given_for(job.id)
        if approval is None:
            return None
        await self._before_risk(f"approval:{approval.id}")
        if not self._approvals.redeem(
            approval,
            request=JOB_ITSELF,
            input_sha256=work_fingerprint(job.work),
            directory=self._projects[job.project].path,
        ):
            raise AgentFailed("its approval does not fit what would run; nothing was started")
        return approval
