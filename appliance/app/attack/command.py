"""`dispatchctl doctor --attack`: as whom it runs, in which project, and how it is told.

dispatchd's user is who may start tasks, so root becomes that user; what only root can find, such
as where a secret is, was found before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pwd
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

from appliance.agent.beside import Beside
from appliance.agent.egress_link import EgressLink
from appliance.agent.launchers import ChildLaunchers, ConnectedLaunchers, Launchers
from appliance.agent.task_link import TaskLink
from appliance.app.attack.assault import Assault
from appliance.app.attack.findings import Finding, Result, findings
from appliance.app.attack.loot import loot, owner_of
from appliance.app.attack.stage import Paths, stage
from appliance.app.cli import run_program
from appliance.app.egress_access import egress_of
from appliance.app.policy_files import PolicyDirectory
from appliance.app.project_list import project_list
from appliance.config import Settings, load
from appliance.core.events import Event
from appliance.core.model import (
    Allowed,
    Isolation,
    JobId,
    Limits,
    Platform,
    Proceed,
    Project,
    ProjectName,
    Prompt,
    Refuse,
    Task,
    ToolCall,
    ToolRequest,
    Verdict,
)
from appliance.errors import ConfigError
from appliance.host.clock import SystemClock
from appliance.policy.loaded import LoadedPolicy
from appliance.ports import Judge
from appliance.task import launcher_command
from appliance.task.projects import Projects

ROOT = 0
DECOYS = "attack-"
NOWHERE = Path("/var/tmp")  # noqa: S108 - in it a directory of our own
SIGNS = {Result.REFUSED: "✓", Result.WORKED: "✗", Result.BEYOND: "~", Result.NOT_TRIED: "-"}


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known before we become somebody else."""

    settings: Settings
    project: Project
    policy: LoadedPolicy
    listed: Projects
    real: Paths


def run_attack(arguments: argparse.Namespace) -> int:
    """Exit status 1 when an attempt worked that the wall in force is there to refuse."""
    settings = load(arguments.config)
    project = _project(settings, arguments.project)
    listed = project_list(settings)
    plan = Plan(
        settings,
        project,
        PolicyDirectory(settings).load(),
        listed,
        loot(settings, listed, project),
    )

    def attacking() -> int:
        return _attack(plan, as_json=arguments.json)

    daemon = owner_of(Path(settings.daemon.state))
    if daemon == os.geteuid():
        return attacking()
    if os.geteuid() != ROOT:
        raise ConfigError(
            f"tasks are started by user {daemon}, who has {settings.daemon.state}",
            hint="run it as root",
        )
    return as_user(daemon, attacking)


def _project(settings: Settings, name: str | None) -> Project:
    if name is None:
        return next(iter(settings.projects.values()))
    if (found := settings.projects.get(ProjectName(name))) is None:
        raise ConfigError(
            f"there is no project {name}", hint="see which there are: dispatchctl project list"
        )
    return found


def as_user(uid: int, act: Callable[[], int]) -> int:
    """The exit status of `act`, run by a child of ours that is this user and no other."""
    account = pwd.getpwuid(uid)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(uid)
            os.chdir("/")
            status = run_program("dispatchctl", act)
            sys.stdout.flush()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# --- the attack


def _attack(plan: Plan, *, as_json: bool) -> int:
    if not os.access(sys.executable, os.X_OK):
        raise ConfigError(
            f"user {os.geteuid()}, who starts tasks, cannot run {sys.executable}",
            hint="install where that user can read it",
        )
    isolation, found = asyncio.run(_attacked(plan))
    if as_json:
        print(json.dumps(_as_json(plan, isolation, found)))
    else:
        for line in report(plan.project, isolation, found):
            print(line)
    return int(any(finding.result is Result.WORKED for finding in found))


async def _attacked(plan: Plan) -> tuple[Isolation, list[Finding]]:
    with _private(Path(plan.settings.daemon.state)) as hidden, _private(NOWHERE) as nowhere:
        async with stage(hidden, nowhere) as targets, _link(plan, hidden) as link:
            assault = Assault(link, _task(plan), targets.beside(plan.real), _judge(plan))
            await assault.run()
            await assault.bomb()
    return assault.isolation, findings(assault.attempts, assault.isolation)


@contextmanager
def _private(directory: Path) -> Iterator[Path]:
    """A directory of our own in there."""
    try:
        made = tempfile.TemporaryDirectory(prefix=DECOYS, dir=directory)
    except OSError as error:
        raise ConfigError(
            f"nothing can be put into {directory}: {error.strerror}",
            hint="start dispatchd once, which makes its state directory",
        ) from error
    with made as path:
        yield Path(path)


@asynccontextmanager
async def _link(plan: Plan, directory: Path) -> AsyncIterator[TaskLink]:
    """To launchers as dispatchd has them, and to a way out as its tasks have it."""
    async with _egress(plan.settings, directory) as egress:
        yield TaskLink(
            _launchers(plan, directory),
            lambda task, judge: egress.session(task, judge, _forgotten),
        )


def _launchers(plan: Plan, directory: Path) -> Launchers:
    if plan.settings.daemon.task_socket:
        return ConnectedLaunchers(Path(plan.settings.daemon.task_socket))
    # a Python that lies in a home would not be seen
    readable = (*plan.listed.readable, str(Path(sys.base_prefix).resolve()))
    file = directory / "projects.json"
    file.write_text(replace(plan.listed, readable=readable).encode())
    file.chmod(0o600)
    return ChildLaunchers(launcher_command(file))


@asynccontextmanager
async def _egress(settings: Settings, directory: Path) -> AsyncIterator[EgressLink]:
    link, program = egress_of(settings, directory, SystemClock())
    if program is None:
        yield link
        return
    ready = asyncio.Event()
    async with Beside(program.run(ready.set)):
        await ready.wait()
        yield link


def _task(plan: Plan) -> Task:
    limits = Limits(120, plan.settings.daemon.minimum_isolation, plan.project.ceiling)
    return Task(JobId(1), plan.project, Prompt("attack"), limits)


async def _forgotten(_event: Event) -> None:
    """No job's, so not for the log."""


def _judge(plan: Plan) -> Judge:
    """By the policy, for the user whom it allows most."""
    project = plan.project

    async def judge(call: ToolCall) -> Verdict:
        for user in plan.settings.users:
            request = ToolRequest(
                user,
                project.name,
                project.path,
                call.cwd,
                call.tool,
                call.input,
                Platform.TERMINAL,
            )
            if isinstance(plan.policy.decide(request), Allowed):
                return Proceed(call.input)
        return Refuse("no rule of the policy allows it")

    return judge


# --- words


def report(project: Project, isolation: Isolation, found: Sequence[Finding]) -> Iterator[str]:
    yield f"a task in project {project.name}, isolation {isolation}"
    for group, members in groupby(found, key=lambda finding: finding.group):
        yield ""
        yield group
        for finding in members:
            yield f"  {SIGNS[finding.result]} {_says(finding, isolation)}"
            if finding.fix:
                yield f"      → {finding.fix}"
    yield ""
    yield summary(found)


def _says(finding: Finding, isolation: Isolation) -> str:
    match finding.result:
        case Result.REFUSED:
            return f"{finding.name:<48} {finding.detail}"
        case Result.NOT_TRIED:
            return f"{finding.name:<48} not tried: {finding.detail}"
        case Result.BEYOND:
            return f"{finding.name:<48} WORKED: isolation {isolation} cannot refuse it"
        case Result.WORKED:
            return f"{finding.name:<48} WORKED {finding.detail}"


def summary(found: Sequence[Finding]) -> str:
    """The last line: how many of those that were tried were refused, and what is missing."""
    count = {result: sum(f.result is result for f in found) for result in Result}
    tried = len(found) - count[Result.NOT_TRIED]
    parts = [f"{count[Result.REFUSED]} of {tried} refused"]
    if count[Result.BEYOND]:
        parts.append(f"{count[Result.BEYOND]} cannot be refused at this level")
    if count[Result.NOT_TRIED]:
        parts.append(f"{count[Result.NOT_TRIED]} not tried")
    return "; ".join(parts)


def _as_json(plan: Plan, isolation: Isolation, found: Sequence[Finding]) -> dict[str, object]:
    return {
        "v": 1,
        "project": plan.project.name,
        "isolation": isolation,
        "summary": summary(found),
        "attempts": [asdict(finding) for finding in found],
    }
