"""`start [COMMAND…]`: in a container there is no systemd, so this starts the programs.

As with systemd each one has a user of its own, and whoever connects to the task socket gets a
launcher as the agent's user, who can choose neither that nor the list of projects. What a container
has not: a control group and a network of its own for each task. The wall inside is what the
launcher can build here, and `dispatchctl doctor` says which one that is.

One program that ends ends all the others: the container's restart policy begins again. With a
COMMAND it makes the places and runs that instead, as `dispatchctl setup`.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.app.cli import run_program
from appliance.errors import ConfigError

SETTINGS = Path("/etc/dispatch/dispatch.toml")
BEGINNING = Path("/usr/share/dispatch-container/dispatch.toml")
POLICIES = Path("/usr/share/dispatch-container/policies")
TASK_SOCKET = Path("/run/dispatch-task/socket")
MAX_WAITING = 80
GRACE_SECONDS = 40.0
START_SECONDS = 30.0
PAUSE_SECONDS = 0.1
MASK = 0o077


@dataclass(frozen=True, slots=True)
class Program:
    """One that runs as long as we do. `socket`: there when it can be spoken to."""

    user: str
    argv: tuple[str, ...]
    socket: Path


PROGRAMS = (
    Program(
        "dispatch-audit",
        ("/usr/bin/dispatch-audit", "--writer", "dispatch"),
        Path("/run/dispatch-audit/socket"),
    ),
    Program(
        "dispatch-egress",
        ("/usr/bin/dispatch-egress", "--daemon", "dispatch"),
        Path("/run/dispatch-egress/socket"),
    ),
    Program("dispatch", ("/usr/bin/dispatchd",), Path("/run/dispatch/control.sock")),
)
LAUNCHER = ("/usr/bin/dispatch-task", "--projects", "/etc/dispatch/projects.json")
PLACES = {
    # path: (owner, group, mode); a socket in a directory with a set group id is of that group
    "/run/dispatch": ("dispatch", "dispatch", 0o750),
    "/run/dispatch-audit": ("dispatch-audit", "dispatch", 0o2750),
    "/run/dispatch-egress": ("dispatch-egress", "dispatch", 0o2750),
    "/run/dispatch-task": ("root", "dispatch", 0o750),
    "/var/lib/dispatch": ("dispatch", "dispatch", 0o700),
    "/var/lib/dispatch-audit": ("dispatch-audit", "dispatch-audit", 0o700),
}
"""What systemd makes for the units; the others are systemd-tmpfiles' here, too."""


def main() -> int:
    return run_program("start", lambda: _main(sys.argv[1:]))


def _main(command: Sequence[str]) -> int:
    prepare()
    if command:
        os.execvp(command[0], list(command))  # raises, or never returns
    if not _has_users():
        raise ConfigError(
            "nobody is named in /etc/dispatch/dispatch.toml",
            hint="run dispatchctl setup in a container with these volumes (see the README)",
        )
    return asyncio.run(supervise())


def prepare() -> None:
    """Directories, and settings to begin with, in volumes that may be empty."""
    if not SETTINGS.exists():
        shutil.copyfile(BEGINNING, SETTINGS)
    if not (SETTINGS.parent / "policies").exists():
        shutil.copytree(POLICIES, SETTINGS.parent / "policies")
    for path, (user, group, mode) in PLACES.items():
        directory = Path(path)
        directory.mkdir(parents=True, exist_ok=True)
        shutil.chown(directory, user, group)
        directory.chmod(mode)
    subprocess.run(["systemd-tmpfiles", "--create", "dispatch-appliance.conf"], check=True)
    # the launcher, which is the agent's user, reads the list of projects there, and nothing else
    SETTINGS.parent.chmod(0o755)
    _hand_over(SETTINGS.parent / "credentials")


def _hand_over(credentials: Path) -> None:
    """Nobody else loads them for dispatchd, so it reads them itself."""
    for path in (credentials, *credentials.iterdir()):
        shutil.chown(path, "dispatch", "dispatch")


def _has_users() -> bool:
    return any(line.startswith("[users.") for line in SETTINGS.read_text().splitlines())


# --- while it runs


async def supervise() -> int:
    """Until a signal, or until one of the programs ends; the exit status."""
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, is_over.set)
    running: list[Process] = []
    with _task_listener() as tasks:
        async with asyncio.TaskGroup() as group:
            launching = group.create_task(_launch(tasks, group))
            try:
                for program in PROGRAMS:  # in their order, and each ready before the next
                    process = await _started(program)
                    running.append(process)
                    if process.returncode is not None:
                        return _status(running)
                waits = [group.create_task(process.wait()) for process in running]
                waits.append(group.create_task(_rung(is_over)))
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                return _status(running)
            finally:
                await _end(running)
                launching.cancel()
                is_over.set()


async def _rung(bell: asyncio.Event) -> int:
    await bell.wait()
    return 0


async def _started(program: Program) -> Process:
    """Running and to be spoken to, or ended."""
    program.socket.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(*program.argv, **_as_user(program.user))
    try:
        async with asyncio.timeout(START_SECONDS):
            while process.returncode is None and not program.socket.exists():  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
    return process


async def _end(running: Sequence[Process]) -> None:
    """Backwards: dispatchd lets its jobs finish, and the log's writer goes last."""
    for process in reversed(running):
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _status(running: Sequence[Process]) -> int:
    for process, program in zip(running, PROGRAMS, strict=False):
        if process.returncode is not None:
            print(f"start: {program.argv[0]} ended: {process.returncode}", file=sys.stderr)
            return abs(process.returncode) or 1
    return 0


# --- tasks


@contextmanager
def _task_listener() -> Iterator[socket.socket]:
    """For dispatchd alone: who connects there has passed no gate."""
    TASK_SOCKET.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(TASK_SOCKET))
        shutil.chown(TASK_SOCKET, "dispatch", "dispatch")
        TASK_SOCKET.chmod(0o600)
        listener.listen(MAX_WAITING)
        listener.setblocking(False)
        yield listener


async def _launch(tasks: socket.socket, group: asyncio.TaskGroup) -> None:
    """A launcher for each connection, as inetd would."""
    loop = asyncio.get_running_loop()
    while True:
        connection, _ = await loop.sock_accept(tasks)
        with connection:
            connection.setblocking(True)
            launcher = await asyncio.create_subprocess_exec(
                *LAUNCHER, stdin=connection.fileno(), **_as_user("dispatch-agent")
            )
        group.create_task(launcher.wait())


def _as_user(name: str) -> dict[str, Any]:
    """Options of a new process: a user's, who gains nothing again."""
    user = pwd.getpwnam(name)
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": user.pw_dir, "LANG": "C.UTF-8"}
    options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "umask": MASK}
    return {**options, "env": environment, "cwd": "/"}
