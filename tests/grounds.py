"""A place where real tasks run: a project, an agent's home, and a link to real launchers."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.agent.claude import ClaudeAgent
from appliance.agent.launchers import ChildLaunchers
from appliance.agent.program import Account
from appliance.agent.task_link import Secret, TaskLink
from appliance.core.events import Event
from appliance.core.model import (
    Isolation,
    JobId,
    Limits,
    Proceed,
    Project,
    ProjectName,
    Prompt,
    Refuse,
    Task,
    ToolCall,
    Verdict,
    Work,
)
from appliance.task import landlock, launcher_command
from appliance.task.projects import DEFAULT_PATH, Projects

KEY = "sk-test-0f3b9c"
HAS_BUBBLEWRAP = shutil.which("bwrap") is not None
HAS_LANDLOCK = landlock.abi() >= landlock.MINIMUM_ABI
LEVELS = [
    pytest.param(Isolation.NONE, id="no wall"),
    pytest.param(
        Isolation.LANDLOCK,
        id="landlock",
        marks=pytest.mark.skipif(not HAS_LANDLOCK, reason="no Landlock here"),
    ),
    pytest.param(
        Isolation.BUBBLEWRAP,
        id="bubblewrap",
        marks=pytest.mark.skipif(not HAS_BUBBLEWRAP, reason="no bubblewrap here"),
    ),
]
"""All that can be tried on one machine without systemd, for `Grounds.at`."""

WALLS = LEVELS[1:]
HIDE_BUBBLEWRAP = (
    *("unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])),
    *("sh", "-c", 'mount --bind /dev/null "$(command -v bwrap)" && exec "$@"', "sh"),
)
"""A host where bubblewrap cannot be started, for the program that follows."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """`projects_file` may be rewritten with `allow`; the launcher reads it for every task."""

    project: Project
    canary: Project
    home: Path
    projects_file: Path
    projects: Projects
    prefix: tuple[str, ...] = ()

    @staticmethod
    def make(directory: Path, *, readable: tuple[Path, ...] = ()) -> Grounds:
        places = {name: directory / name for name in ("project", "canary", "home")}
        for place in places.values():
            place.mkdir()
        projects = Projects(
            {"demo": str(places["project"]), ".canary": str(places["canary"])},
            home=str(places["home"]),
            path=os.pathsep.join((DEFAULT_PATH, "/usr/sbin", "/sbin")),
            readable=tuple(map(str, readable)),
            unsafe_no_sandbox=True,
            unsafe_host_network=True,
        )
        return Grounds(
            Project(ProjectName("demo"), str(places["project"])),
            Project(ProjectName(".canary"), str(places["canary"])),
            places["home"],
            directory / "projects.json",
            projects,
        )._written()

    def walled(self) -> Grounds:
        """The same with the best sandbox of this host."""
        return replace(self, projects=replace(self.projects, unsafe_no_sandbox=False))._written()

    def at(self, level: Isolation) -> Grounds:
        """The same with this wall and no other."""
        if level is Isolation.NONE:
            return self
        prefix = HIDE_BUBBLEWRAP if level is Isolation.LANDLOCK and HAS_BUBBLEWRAP else ()
        return replace(self.walled(), prefix=prefix)

    def with_projects(self, **others: object) -> Grounds:
        """The same with another list."""
        return replace(self, projects=replace(self.projects, **others))._written()  # type: ignore[arg-type]

    @property
    def launcher(self) -> tuple[str, ...]:
        """The command that starts a launcher."""
        return (*self.prefix, *launcher_command(self.projects_file))

    def hiding(self, *paths: Path) -> Grounds:
        return replace(
            self, projects=replace(self.projects, hidden=tuple(map(str, paths)))
        )._written()

    def _written(self) -> Grounds:
        self.projects_file.write_text(self.projects.encode())
        self.projects_file.chmod(0o600)
        return self

    def link(self) -> TaskLink:
        return TaskLink(ChildLaunchers(self.launcher))

    def task(
        self,
        work: Work | str,
        *,
        timeout_seconds: int = 30,
        minimum_isolation: Isolation = Isolation.NONE,
    ) -> Task:
        prompt = Prompt(work) if isinstance(work, str) else work
        limits = Limits(timeout_seconds, minimum_isolation, self.project.ceiling)
        return Task(JobId(7), self.project, prompt, limits)

    def claude(self, program: Path, api_base_url: str) -> ClaudeAgent:
        """The adapter around a real or a stub program, with a key by descriptor."""
        key = Secret("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", KEY.encode())
        account = Account(key=key, api_base_url=api_base_url)
        return ClaudeAgent(
            self.link(), program, canary=self.canary, record=nowhere, account=account
        )


async def nowhere(_event: Event) -> None:
    """A log that forgets."""


async def allow(call: ToolCall) -> Verdict:
    return Proceed(call.input)


async def refuse(_call: ToolCall) -> Verdict:
    return Refuse("not in this test")


def marked_processes(mark: str) -> list[str]:
    """Command lines that contain `mark`, anywhere on this machine."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        line = command_line(int(directory.name))
        if mark in line:
            found.append(line)
    return found


def command_line(pid: int) -> str:
    """Its words, with a blank after each; "" when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    """None when it has ended."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in listed.split()]
