"""The wall around a task: which one this host can build, and the command that builds it.

With bubblewrap a task has its own process, ipc, host-name and control-group namespaces, no
capabilities, no terminal, and sees:

    /                the system, read-only; /run empty but for name resolution
    /tmp, /var/tmp   its own, gone afterwards
    homes            empty, but for the agent's login and what the list calls readable
    the project      read-write; `.git/hooks`, `.git/config` and `.claude` read-only where they
                     exist, because people and daemons outside run what stands there
    hidden           nothing

Of the login only what the agent must keep is the real thing: its transcripts, to resume from, and
its credentials, whose tokens are renewed. `.claude.json` is a copy that is thrown away, and the
rest of `.claude` is empty, because the owner's own `claude` runs hooks and servers named there.

The deepest path wins, so that a project inside a home is visible and a hidden directory inside a
project is not. The network is not walled off here: that is the egress proxy's work.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.core.model import ISOLATION_ORDER, Isolation
from appliance.errors import SandboxRefused
from appliance.task.projects import DEFAULT_PATH, Projects

BUBBLEWRAP = "bwrap"
HOMES = ("/home", "/root")
PRIVATE = ("/run", "/tmp", "/var/tmp")  # noqa: S108 - inside the sandbox these are the task's own
RESOLVER = Path("/run/systemd/resolve")
PRIVATE_TMPFS = ("--perms", "0700", "--tmpfs")
HOME_TMPFS = ("--perms", "0755", "--tmpfs")
TRANSCRIPTS = ".claude/projects"
CREDENTIALS = ".claude/.credentials.json"
COPIED = ".claude.json"
GUARDED = (".git/hooks", ".git/config", ".claude")
PROBE_SECONDS = 5

NAMESPACES = (
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--new-session",
)


@dataclass(frozen=True, slots=True)
class Wall:
    """The strongest wall this host can build; `shortfall` says why it is not a stronger one."""

    isolation: Isolation
    shortfall: str = ""


@dataclass(frozen=True, slots=True)
class Sandboxed:
    """A command behind its wall, and the descriptors the wall's builder reads."""

    argv: tuple[str, ...]
    descriptors: tuple[int, ...]


def probe(path: str = DEFAULT_PATH) -> Wall:
    """Try the wall out, because bubblewrap may be there and still not be allowed to work.

    It is looked for on `path`, whoever asks: daemon and launcher mean the same program.
    """
    command = (BUBBLEWRAP, *NAMESPACES, "--ro-bind", "/", "/", "--proc", "/proc", "true")
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
        return Wall(Isolation.NONE, "bubblewrap is not installed")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Wall(Isolation.NONE, f"bubblewrap does not start here: {error}")
    if tried.returncode:
        why = tried.stderr.decode(errors="replace").strip().partition("\n")[0]
        return Wall(Isolation.NONE, f"bubblewrap does not work here: {why}")
    return Wall(Isolation.BUBBLEWRAP)


def chosen(wall: Wall, minimum: Isolation, projects: Projects) -> Isolation:
    """The wall a task gets. Raises SandboxRefused when it would be weaker than `minimum`."""
    if projects.unsafe_no_sandbox:
        wall = Wall(Isolation.NONE, "the list of projects says unsafe_no_sandbox")
    if ISOLATION_ORDER.index(wall.isolation) < ISOLATION_ORDER.index(minimum):
        raise SandboxRefused(
            f"the task needs isolation {minimum} and this host has {wall.isolation}: "
            f"{wall.shortfall}"
        )
    return wall.isolation


def bubblewrap(
    argv: tuple[str, ...], projects: Projects, project: Path, directory: Path
) -> Sandboxed:
    """`argv` in `directory` of `project`, behind bubblewrap."""
    mounts = sorted(_mounts(projects, project).items(), key=lambda item: len(item[0].parts))
    copied = _open(Path(projects.home, COPIED))
    command = (
        BUBBLEWRAP,
        *NAMESPACES,
        *("--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *(word for path, mount in mounts for word in (*mount, str(path))),
        *_copy(copied, Path(projects.home, COPIED)),
        *("--chdir", str(directory), "--", *argv),
    )
    return Sandboxed(command, copied)


Mounts = dict[Path, tuple[str, ...]]
"""What is mounted where: the option and its source."""


def _mounts(projects: Projects, project: Path) -> Mounts:
    """Everything but the system itself; later entries win over earlier ones of the same path."""
    home = Path(projects.home)
    # without this directory no transcript would be kept, and no session could be resumed
    (home / TRANSCRIPTS).mkdir(mode=0o700, parents=True, exist_ok=True)
    return (
        dict.fromkeys(_existing(map(Path, PRIVATE)), PRIVATE_TMPFS)
        | dict.fromkeys(_existing((*map(Path, HOMES), home)), HOME_TMPFS)
        | _same("--ro-bind", (RESOLVER, *map(Path, projects.readable)))
        | _same("--bind", (home / TRANSCRIPTS, home / CREDENTIALS))
        | _project_mounts(project)
        | {path: _nothing_at(path) for path in _existing(map(Path, projects.hidden))}
    )


def _project_mounts(project: Path) -> Mounts:
    guarded = ((project / name).resolve() for name in GUARDED)
    inside = [path for path in guarded if path != project and path.is_relative_to(project)]
    # a mount point cannot be renamed: without it `.git` could be swapped for an unguarded copy
    git = project / ".git"
    held = [git] if git.is_dir() and not git.is_symlink() else []
    return _same("--bind", (project, *held)) | _same("--ro-bind", inside)


def _same(option: str, paths: Iterable[Path]) -> Mounts:
    """The host's own files at their own place."""
    return {path: (option, str(path)) for path in _existing(paths)}


def _nothing_at(path: Path) -> tuple[str, ...]:
    return PRIVATE_TMPFS if path.is_dir() else ("--ro-bind", "/dev/null")


def _existing(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]


def _open(path: Path) -> tuple[int, ...]:
    try:
        return (os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW),)
    except OSError:
        return ()


def _copy(descriptors: tuple[int, ...], path: Path) -> Iterable[str]:
    for descriptor in descriptors:
        yield from ("--perms", "0600", "--file", str(descriptor), str(path))
