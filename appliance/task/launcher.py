"""`dispatch-task`: receive one header, start its program behind a wall, see it end, leave nothing.

The life of a launcher: try out the wall and fork the process-to-be while nobody waits yet →
receive the header → refuse, or start the program and say so → wait until it exits, its time is
over, or the other end closes → stop and kill whatever is left → say how it ended.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from appliance.core.model import Isolation
from appliance.errors import SandboxRefused
from appliance.task import processes
from appliance.task.descriptors import Descriptors, receive
from appliance.task.environment import child_environment
from appliance.task.header import (
    BadMessage,
    Fault,
    Message,
    TaskHeader,
    TaskRefused,
    TaskStarted,
    decode,
    encode,
)
from appliance.task.projects import Projects, ProjectsFile
from appliance.task.sandbox import Wall, bubblewrap, chosen, probe
from appliance.task.starter import Command, Starter
from appliance.task.supervisor import Supervisor

MISUSED = 64
SANDBOX_TEMPORARY = "/tmp"  # noqa: S108 - inside the sandbox it is the task's own


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the one task that comes by standard input."""
    options = build_parser().parse_args(argv)
    try:
        control = socket.socket(fileno=os.dup(0))
    except OSError:
        sys.stderr.write("dispatch-task: error: standard input is not a socket\n")
        return MISUSED
    processes.become_subreaper()
    wall = probe()
    processes.reap_all()
    projects_file = ProjectsFile(options.projects)
    _rehearse(projects_file, wall)
    with control, closing(Starter()) as starter:
        serve(control, projects_file, wall, starter)
    return 0


def serve(
    control: socket.socket, projects_file: ProjectsFile, wall: Wall, starter: Starter
) -> None:
    """One task from header to last word. A refusal is an answer, not an error."""
    try:
        received = receive(control)
        if received is not None:
            _run(control, *received, projects_file, wall, starter)
    except BadMessage as error:
        _tell(control, TaskRefused(Fault.TASK, f"the launcher refuses the task: {error}"))
    except SandboxRefused as error:
        _tell(control, TaskRefused(Fault.SANDBOX, error.message))
    except OSError as error:
        _tell(control, TaskRefused(Fault.TASK, f"the task cannot be started: {error}"))


def _run(
    control: socket.socket,
    header: TaskHeader,
    descriptors: Descriptors,
    projects_file: ProjectsFile,
    wall: Wall,
    starter: Starter,
) -> None:
    with Supervisor() as supervisor, _temporary_directory() as temporary:
        try:
            projects = projects_file.current()
            isolation = chosen(wall, header.minimum_isolation, projects)
            command = prepared(header, descriptors, projects, isolation, temporary)
            pid = starter.start(command)
        finally:
            descriptors.close()  # the agent's copies are the only ones now
        _tell(control, TaskStarted(pid, isolation))
        ended = supervisor.see_through(control, pid, isolation, header.timeout_seconds)
    _tell(control, ended)


def prepared(
    header: TaskHeader,
    descriptors: Descriptors,
    projects: Projects,
    isolation: Isolation,
    temporary: Path,
) -> Command:
    """The command a header asks for, behind this wall. Raises BadMessage."""
    project = _project(header, projects)
    directory = _directory(header, project)
    program = _program(header.argv[0], directory, projects.path)
    is_walled = isolation is Isolation.BUBBLEWRAP
    environment = child_environment(
        header.environment,
        header.secret_variable,
        descriptors.secret,
        path=projects.path,
        home=projects.home,
        temporary=SANDBOX_TEMPORARY if is_walled else str(temporary),
    )
    argv = (program, *header.argv[1:])
    same = [] if descriptors.secret is None else [descriptors.secret]
    if is_walled:
        sandboxed = bubblewrap(argv, projects, project, directory)
        argv = sandboxed.argv
        same += sandboxed.descriptors
    standard = {0: descriptors.stdin, 1: descriptors.stdout, 2: descriptors.stderr}
    return Command(argv, directory, environment, standard | {number: number for number in same})


def _project(header: TaskHeader, projects: Projects) -> Path:
    path = projects.projects.get(header.project)
    if path is None:
        raise BadMessage(f"there is no project {header.project} in the list of projects")
    if not Path(path).is_dir():
        raise BadMessage(f"the directory of project {header.project} does not exist: {path}")
    return Path(path)


def _directory(header: TaskHeader, project: Path) -> Path:
    directory = (project / header.directory).resolve()
    if not directory.is_relative_to(project) or not directory.is_dir():
        raise BadMessage(f"{directory} is not a directory of project {header.project}")
    return directory


def _program(name: str, directory: Path, path: str) -> str:
    """Where it is: a name is looked up on the path, "./name" in the task's directory."""
    found = shutil.which(str(directory / name) if "/" in name else name, path=path)
    if found is None:
        where = f"in {directory}" if "/" in name else f"on {path}"
        raise BadMessage(f"there is no program {name} {where}")
    return found


def _rehearse(projects_file: ProjectsFile, wall: Wall) -> None:
    """Go once through all that a header brings about, because the first time is the slowest."""
    with suppress(SandboxRefused, BadMessage), Path(os.devnull).open() as null:
        projects = projects_file.current()
        isolation = chosen(wall, Isolation.NONE, projects)
        some = TaskHeader(min(projects.projects), "", ("true",), {}, "", 1, Isolation.NONE)
        header = decode(encode(some))
        assert isinstance(header, TaskHeader)
        with Supervisor(), _temporary_directory() as temporary:
            prepared(header, Descriptors(*[null.fileno()] * 3), projects, isolation, temporary)


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """A directory of the task's own; after a SIGKILL of ours it stays, readable by us only."""
    path = tempfile.mkdtemp(prefix="dispatch-task-")
    try:
        yield Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _tell(control: socket.socket, message: Message) -> None:
    with suppress(ConnectionError):  # nobody listens any more
        control.sendall(encode(message))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dispatch-task",
        description="Run one task of an agent in a sandbox; its header comes by standard input.",
    )
    parser.add_argument(
        "--projects", required=True, type=Path, metavar="FILE", help="the list of projects"
    )
    return parser
