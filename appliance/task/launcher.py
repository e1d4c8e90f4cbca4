"""`dispatch-task`: receive one header, start its program behind a wall, see it end, leave nothing.

The life of a launcher: try out the wall and fork the process-to-be while nobody waits yet →
receive the header → refuse, or start the program and say so → wait until it exits, goes beyond a
limit, or the other end closes → stop and kill whatever is left → say how it ended.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.core.model import Ceiling, Isolation
from appliance.errors import SandboxRefused
from appliance.task import processes, unit
from appliance.task.confinement import limit_processes
from appliance.task.descriptors import Descriptors, receive
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
from appliance.task.preparation import Site, prepared, site
from appliance.task.projects import ProjectsFile
from appliance.task.sandbox import Wall, chosen, probe
from appliance.task.starter import Starter
from appliance.task.supervisor import Charge, Supervisor
from appliance.task.watch import Watch, processes_of_user
from appliance.task.way_out import PORT, WayOut

MISUSED = 64


@dataclass(frozen=True, slots=True)
class Host:
    """What is found out while nobody waits yet.

    `processes`: how many the task's user has beside it, where they count as its own.
    """

    wall: Wall
    processes: int | None

    @staticmethod
    def looked_at(*, claims_unit: bool) -> Host:
        wall = probe(claims_unit=claims_unit)
        processes.end_all()  # a probe that was killed leaves what it has started
        is_counted = wall.isolation is not Isolation.UNIT and os.geteuid() != 0
        return Host(wall, processes_of_user() if is_counted else None)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the one task that comes by standard input."""
    options = build_parser().parse_args(argv)
    try:
        control = socket.socket(fileno=os.dup(0))
    except OSError:
        sys.stderr.write("dispatch-task: error: standard input is not a socket\n")
        return MISUSED
    processes.become_subreaper()
    host = Host.looked_at(claims_unit=options.unit)
    projects_file = ProjectsFile(options.projects)
    _rehearse(projects_file, host)
    with control, closing(WayOut()) as way_out, closing(Starter()) as starter:
        serve(control, projects_file, host, starter, way_out)
    return 0


def serve(
    control: socket.socket,
    projects_file: ProjectsFile,
    host: Host,
    starter: Starter,
    way_out: WayOut,
) -> None:
    """One task from header to last word. A refusal is an answer, not an error."""
    try:
        if not _is_called(control, starter, way_out):
            return  # at our end another launcher is taken
        received = receive(control)
        if received is not None:
            _run(control, *received, projects_file, host, starter, way_out)
    except BadMessage as error:
        _tell(control, TaskRefused(Fault.TASK, f"the launcher refuses the task: {error}"))
    except SandboxRefused as error:
        _tell(control, TaskRefused(Fault.SANDBOX, error.message))
    except OSError as error:
        _tell(control, TaskRefused(Fault.TASK, f"the task cannot be started: {error}"))


def _is_called(control: socket.socket, starter: Starter, way_out: WayOut) -> bool:
    """Wait for the other end's word; False as soon as one in waiting has died, killed by somebody:
    the task that comes would find nobody who becomes its program."""
    called = control.fileno()
    readable, _, _ = select.select([called, starter.fileno(), way_out.fileno()], [], [])
    return readable == [called]


def _run(
    control: socket.socket,
    header: TaskHeader,
    descriptors: Descriptors,
    projects_file: ProjectsFile,
    host: Host,
    starter: Starter,
    way_out: WayOut,
) -> None:
    with Supervisor() as supervisor, _temporary_directory() as temporary:
        try:
            projects = projects_file.current()
            wall = chosen(host.wall, header.minimum_isolation, projects)
            where = site(header, projects, wall, temporary)
            charge = _start(header, descriptors, where, host, starter, way_out)
        finally:
            descriptors.close()  # the agent's copies are the only ones now
        group = unit.control_group() if wall.isolation is Isolation.UNIT else None
        watch = Watch(header.ceiling, group)
        _tell(control, TaskStarted(charge.program, wall.isolation))
        ended = supervisor.see_through(control, charge, watch, header.timeout_seconds)
    _tell(control, ended)


def _start(
    header: TaskHeader,
    descriptors: Descriptors,
    where: Site,
    host: Host,
    starter: Starter,
    way_out: WayOut,
) -> Charge:
    """The task's program runs, and if it has a way out, somebody listens for it."""
    channel, port = descriptors.channel, None
    if channel is not None:
        port = PORT if where.has_to_make_network else way_out.open(channel, where.proxy_port)
    ready = prepared(header, descriptors, where, port, host.processes)
    try:
        program = starter.start(ready.command)
    finally:
        ready.hand_over()
    if ready.gate is not None:
        with closing(ready.gate):
            child = ready.gate.child()
            if channel is not None and where.has_to_make_network:
                way_out.open(channel, PORT, beside=child)
            limit_processes(child, header.ceiling)
            ready.gate.open()
    return Charge(program, ready.gate is not None, way_out.pid)


def _rehearse(projects_file: ProjectsFile, host: Host) -> None:
    """Go once through all that a header brings about, because the first time is the slowest."""
    with suppress(SandboxRefused, BadMessage), Path(os.devnull).open() as null:
        projects = projects_file.current()
        wall = chosen(host.wall, Isolation.NONE, projects)
        name = min(projects.projects)
        some = TaskHeader(name, "", ("true",), {}, "", 1, Isolation.NONE, Ceiling())
        header = decode(encode(some))
        assert isinstance(header, TaskHeader)
        with Supervisor(), _temporary_directory() as temporary:
            where = site(header, projects, wall, temporary)
            descriptors = Descriptors(*[null.fileno()] * 3)
            prepared(header, descriptors, where, None, host.processes).abandon()


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
    parser.add_argument(
        "--unit", action="store_true", help="started by systemd, in a unit that is the task's alone"
    )
    return parser
