"""From a header to the command that is started: checked, and behind its wall."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from appliance.core.model import Isolation
from appliance.errors import SandboxRefused
from appliance.task import bubblewrap, landlock, places, seatbelt, seccomp, unreadable
from appliance.task.bubblewrap import Gate
from appliance.task.confinement import Confinement, limits
from appliance.task.descriptors import Descriptors
from appliance.task.environment import child_environment
from appliance.task.header import BadMessage, TaskHeader
from appliance.task.landlock import Allowance
from appliance.task.projects import Projects
from appliance.task.sandbox import Wall
from appliance.task.seccomp import Ids, Sockets
from appliance.task.starter import Command
from appliance.task.way_out import PORT

PRIVATE_TEMPORARY = Path("/tmp")  # noqa: S108 - inside the sandbox it is the task's own


class Network(StrEnum):
    """What of a network a task has."""

    NONE = "none"
    BRIDGE = "bridge"  # nothing but a port on loopback, and who listens there
    HOST = "host"  # the host's, as if there was no wall


@dataclass(frozen=True, slots=True)
class Site:
    """Where a task runs, and behind what."""

    projects: Projects
    project: Path
    directory: Path
    wall: Wall
    network: Network
    temporary: Path  # a directory of ours, for this task
    inbox: Path | None = None  # what people sent for it: to be read, and nothing else

    @property
    def proxy_port(self) -> int:
        """Where its way out may listen; 0: anywhere, because others are in the same network."""
        return PORT if self.has_to_make_network or self.wall.isolation is Isolation.UNIT else 0

    @property
    def has_to_make_network(self) -> bool:
        """It is to have one of its own, and has not got it yet."""
        return self.wall.isolation is Isolation.BUBBLEWRAP and self.network is not Network.HOST


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to start. `given`: descriptors that are only the command's once it runs.

    `gate`: where it waits for us on its way; None: it does not.
    """

    command: Command
    given: tuple[int, ...] = ()
    gate: Gate | None = None

    def hand_over(self) -> None:
        """Close what the command has copies of."""
        for descriptor in self.given:
            os.close(descriptor)

    def abandon(self) -> None:
        """It is not started after all."""
        self.hand_over()
        if self.gate is not None:
            self.gate.close()


def site(header: TaskHeader, projects: Projects, wall: Wall, temporary: Path) -> Site:
    """Where the task of a header runs. Raises BadMessage when it asks for what there is not."""
    project = _project(header, projects)
    network = Network.HOST if projects.unsafe_host_network else Network.NONE
    return Site(
        projects=projects,
        project=project,
        directory=_directory(header, project),
        wall=wall,
        network=Network.BRIDGE if header.has_network else network,
        temporary=temporary,
        inbox=_inbox(header, projects),
    )


def prepared(
    header: TaskHeader,
    descriptors: Descriptors,
    site: Site,
    proxy_port: int | None,
    processes: int | None,
) -> Prepared:
    """The command that a header asks for, behind its wall. Raises BadMessage, SandboxRefused.

    `processes`: how many count as its own from the start; None: how many it has is not limited by
    counting its user's.
    """
    home, temporary = _own_directories(site)
    library = _library(site) if descriptors.secret is not None else None
    is_wrapped = site.wall.builder is Isolation.BUBBLEWRAP
    environment = child_environment(
        header.environment,
        header.secret_variable,
        descriptors.secret,
        path=site.projects.path,
        home=str(home),
        temporary=str(temporary),
        proxy_port=proxy_port,
        library=None if is_wrapped else library,
    )
    argv = (_program(header.argv[0], site), *header.argv[1:])
    same = [] if descriptors.secret is None else [descriptors.secret]
    numbers = {0: descriptors.stdin, 1: descriptors.stdout, 2: descriptors.stderr, **_same(same)}
    at_most = limits(header.ceiling, None if is_wrapped else processes)
    command = Command(argv, site.directory, environment, numbers, at_most)
    match site.wall.builder:
        case Isolation.BUBBLEWRAP:
            return _behind_bubblewrap(command, site, header.ceiling.memory_bytes, library)
        case Isolation.LANDLOCK:
            return _behind_landlock(command, site, proxy_port)
        case Isolation.SEATBELT:
            return Prepared(_behind_seatbelt(command, site, proxy_port))
        case _:
            return Prepared(command)


def _behind_bubblewrap(
    command: Command, site: Site, memory_bytes: int, library: Path | None
) -> Prepared:
    gate = Gate()
    sandboxed = bubblewrap.Sandbox(
        site.projects,
        site.project,
        site.directory,
        memory_bytes,
        own_network=site.has_to_make_network,
        system_calls=_system_calls(Sockets(unix=True, datagrams=True)),
        library=library,
        inbox=site.inbox,
    ).around(command.argv, gate)
    numbers = {**command.descriptors, **_same(sandboxed.descriptors)}
    command = replace(command, argv=sandboxed.argv, descriptors=numbers)
    return Prepared(command, sandboxed.descriptors, gate)


def _behind_landlock(command: Command, site: Site, proxy_port: int | None) -> Prepared:
    is_alone = site.wall.isolation is Isolation.UNIT
    has_all = is_alone or site.network is Network.HOST
    ports = () if proxy_port is None else (proxy_port,)
    ruleset = landlock.ruleset(_allowance(site, None if has_all else ports))
    # a path leads to everybody's sockets, the daemon's among them, and Landlock does not see it;
    # a unit has other ways to hide them
    sockets = Sockets(unix=is_alone, datagrams=has_all)
    confinement = Confinement(ruleset, _system_calls(sockets))
    return Prepared(replace(command, confinement=confinement), (ruleset,))


def _behind_seatbelt(command: Command, site: Site, proxy_port: int | None) -> Command:
    reachable = None if proxy_port is None else f"localhost:{proxy_port}"
    argv = seatbelt.sandboxed(
        command.argv,
        site.projects,
        site.project,
        temporary=site.temporary,
        inbox=site.inbox,
        reachable="*:*" if site.network is Network.HOST else reachable,
    )
    return replace(command, argv=argv)


def _allowance(site: Site, ports: tuple[int, ...] | None) -> Allowance:
    hidden = places.hidden(site.projects, site.project)
    if inside := [path for path in hidden if path.is_relative_to(site.project)]:
        raise SandboxRefused(f"{inside[0]} is hidden, and Landlock cannot hide it in a project")
    roots = (path.resolve() for path in places.readable(site.projects))
    visible = [path for root in roots for path in landlock.readable_below(root, hidden)]
    return Allowance(
        readable=(Path("/proc"), *visible, *([site.inbox] if site.inbox else [])),
        writable=(site.project, site.temporary, *places.kept(site.projects)),
        devices=tuple(map(Path, places.DEVICES)),
        ports=ports,
    )


def _library(site: Site) -> Path | None:
    """For a program that gets a key: what keeps its memory from others. There is none on macOS."""
    if sys.platform != "linux":
        return None
    path = site.temporary / "unreadable.so"
    path.write_bytes(unreadable.library(os.uname().machine))
    path.chmod(0o500)
    return path


def _system_calls(sockets: Sockets) -> bytes:
    return seccomp.program(os.uname().machine, sockets, Ids(os.geteuid(), os.getegid()))


def _own_directories(site: Site) -> tuple[Path, Path]:
    """The task's home, and its directory for temporary files."""
    home = Path(site.projects.home)
    match site.wall.builder:
        case Isolation.BUBBLEWRAP:
            return home, PRIVATE_TEMPORARY
        case Isolation.LANDLOCK | Isolation.SEATBELT:
            return _linked_home(site), _made(site.temporary / "tmp")
        case _:
            return home, site.temporary


def _linked_home(site: Site) -> Path:
    """A home of the task's own, from which links lead to what is kept of the agent's."""
    real, home = Path(site.projects.home), _made(site.temporary / "home")
    _made(home / ".claude")
    for path in places.kept(site.projects):
        (home / path.relative_to(real)).symlink_to(path)
    with suppress(OSError):  # there is none, or it is a link
        copied = os.open(real / places.COPIED, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(copied, "rb") as source, (home / places.COPIED).open("xb") as target:
            shutil.copyfileobj(source, target)
    return home


def _made(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory


def _same(descriptors: Iterable[int]) -> dict[int, int]:
    """The program knows them by the numbers that they have here."""
    return {number: number for number in descriptors}


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


def _inbox(header: TaskHeader, projects: Projects) -> Path | None:
    """The directory of that number, and not where a link leads."""
    if not header.inbox:
        return None
    path = Path(projects.inboxes, str(header.inbox))
    if not projects.inboxes or path.resolve() != path or not path.is_dir():
        raise BadMessage(f"there is no inbox of job {header.inbox}")
    return path


def _program(name: str, site: Site) -> str:
    """Where it is: a name is looked up on the path, "./name" in the task's directory."""
    directory, path = site.directory, site.projects.path
    found = shutil.which(str(directory / name) if "/" in name else name, path=path)
    if found is None:
        where = f"in {directory}" if "/" in name else f"on {path}"
        raise BadMessage(f"there is no program {name} {where}")
    return found
