"""bubblewrap: a task in namespaces of its own.

It has its own processes, ipc, host name, control groups and network, no capabilities, no
terminal, fewer system calls (`seccomp.py`), and an empty root with `places.py` mounted into it:

    /run, /tmp, /var/tmp are its own, in memory, gone afterwards
    .git/hooks, .git/config, .claude of the project are read-only where they exist

The deepest path wins, so that a project inside a home is visible and a hidden directory inside a
project is not. What lies in memory is limited so that all of it together cannot be more than the
task may use.

When its namespaces are made, bubblewrap stands at a `Gate` until we let it go on: this is when
limits that count by user namespace are set, and when somebody begins to listen in its network.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import SandboxRefused
from appliance.task import places
from appliance.task.projects import Projects

PROGRAM = "bwrap"
LIBRARY = Path("/run/unreadable.so")
PROBE_SECONDS = 5
_PRIVATE = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - inside the sandbox these are the task's own
_MAX_INFO = 4096

NAMESPACES = (
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--new-session",
)
OWN_NETWORK = ("--unshare-net",)


def shortfall(path: str, *, own_network: bool) -> str:
    """Why it does not work here, "" when it does.

    It is tried out, because it may be there and still not be allowed to work, and looked for on
    `path`, whoever asks: daemon and launcher mean the same program.
    """
    network = OWN_NETWORK if own_network else ()
    command = (PROGRAM, *NAMESPACES, *network, "--ro-bind", "/", "/", "--proc", "/proc", "true")
    try:
        tried = subprocess.run(  # noqa: S603 - a constant command
            command,
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return "bubblewrap is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start here: {error}"
    if tried.returncode:
        why = tried.stderr.decode(errors="replace").strip().partition("\n")[0]
        return f"bubblewrap does not work here: {why}"
    return ""


@dataclass(frozen=True, slots=True)
class Sandboxed:
    """A command behind bubblewrap, and the descriptors that it reads before it starts it."""

    argv: tuple[str, ...]
    descriptors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a task has behind it.

    `own_network`: a network of its own, with nothing but a loopback. `system_calls`: the filter's
    program. `library`: a file of ours that its program loads first, and finds at LIBRARY. `inbox`:
    a directory with what people sent for it.
    """

    projects: Projects
    project: Path
    directory: Path
    memory_bytes: int
    own_network: bool
    system_calls: bytes
    library: Path | None = None
    inbox: Path | None = None

    def around(self, argv: tuple[str, ...], gate: Gate) -> Sandboxed:
        """`argv` in here."""
        copied = _opened(Path(self.projects.home, places.COPIED))
        filtering = _readable(self.system_calls)
        command = (
            PROGRAM,
            *NAMESPACES,
            *(OWN_NETWORK if self.own_network else ()),
            *("--cap-drop", "ALL", "--seccomp", str(filtering)),
            *("--info-fd", str(gate.info), "--block-fd", str(gate.block)),
            *("--dev", "/dev", "--proc", "/proc"),
            *_mounted(_mounts(self), self.memory_bytes),
            *_copy(copied, Path(self.projects.home, places.COPIED)),
            *(("--setenv", "LD_PRELOAD", str(LIBRARY)) if self.library else ()),
            *("--remount-ro", "/", "--chdir", str(self.directory), "--", *argv),
        )
        return Sandboxed(command, (*copied, filtering, gate.info, gate.block))


class Gate:
    """Where bubblewrap waits with a sandbox that is built and empty. `info` and `block` are its."""

    def __init__(self) -> None:
        self._info, self.info = os.pipe()
        self.block, self._block = os.pipe()

    def child(self) -> int:
        """The first process inside, once it is there. Raises SandboxRefused when it never will.

        Call it when bubblewrap runs and its own copies of our descriptors are the only ones.
        """
        info = b""
        while chunk := os.read(self._info, _MAX_INFO):
            info += chunk
        try:
            child = json.loads(info)["child-pid"]
        except (ValueError, KeyError) as error:
            raise SandboxRefused("bubblewrap could not build the sandbox") from error
        assert isinstance(child, int)
        return child

    def open(self) -> None:
        """Let it go on."""
        os.write(self._block, b"1")

    def close(self) -> None:
        """Let go of our ends; theirs are closed with what else was handed over."""
        os.close(self._info)
        os.close(self._block)


Mounts = dict[Path, tuple[str, ...]]
"""What is mounted where: the option and its source."""

_PRIVATE_TMPFS = ("--perms", "0700", "--tmpfs")
_HOME_TMPFS = ("--perms", "0755", "--tmpfs")


def _mounts(sandbox: Sandbox) -> Mounts:
    """Later entries win over earlier ones of the same path."""
    projects, project = sandbox.projects, sandbox.project
    library: Mounts = {LIBRARY: ("--ro-bind", str(sandbox.library))} if sandbox.library else {}
    hidden = places.hidden(projects, project)
    visible = places.readable(projects)
    private: Mounts = dict.fromkeys(map(Path, _PRIVATE), _PRIVATE_TMPFS)
    return (
        private
        | {Path(projects.home): _HOME_TMPFS}
        | _same("--ro-bind", visible)
        | library
        | _same("--bind", places.kept(projects))
        | _project_mounts(project)
        | {path: _nothing_at(path) for path in hidden if _is_within(path, [*visible, project])}
        | _same("--ro-bind", [sandbox.inbox] if sandbox.inbox else [])
    )


def _project_mounts(project: Path) -> Mounts:
    places.hold_settings(project)
    guarded = ((project / name).resolve() for name in places.GUARDED)
    inside = [path for path in guarded if path != project and path.is_relative_to(project)]
    # a mount point cannot be renamed: without it `.git` could be swapped for an unguarded copy
    git = project / ".git"
    held = [git] if git.is_dir() and not git.is_symlink() else []
    return _same("--bind", [project, *held]) | _same("--ro-bind", places.existing(inside))


def _mounted(mounts: Mounts, memory_bytes: int) -> Iterable[str]:
    in_memory = sum("--tmpfs" in mount for mount in mounts.values())
    for path, mount in sorted(mounts.items(), key=lambda item: len(item[0].parts)):
        if "--tmpfs" in mount:
            yield from ("--size", str(memory_bytes // in_memory))
        yield from (*mount, str(path))


def _same(option: str, paths: Iterable[Path]) -> Mounts:
    """The host's own files at their own place."""
    return {path: (option, str(path)) for path in paths}


def _is_within(path: Path, places_seen: Iterable[Path]) -> bool:
    """Links such as /bin are looked through: what is hidden has none."""
    return any(path.is_relative_to(place.resolve()) for place in places_seen)


def _nothing_at(path: Path) -> tuple[str, ...]:
    return _PRIVATE_TMPFS if path.is_dir() else ("--ro-bind", "/dev/null")


def _opened(path: Path) -> tuple[int, ...]:
    try:
        return (os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW),)
    except OSError:
        return ()


def _readable(content: bytes) -> int:
    """The end of a pipe with this in it."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as file:
        file.write(content)
    return read_end


def _copy(descriptors: tuple[int, ...], path: Path) -> Iterable[str]:
    for descriptor in descriptors:
        yield from ("--perms", "0600", "--file", str(descriptor), str(path))
