"""Which parts of the file system a task may have, whoever builds the wall.

    the system       read-only, and nothing that the list of projects hides
    its project      read-write
    its inbox        read-only: what people sent for this job
    the agent's home its transcripts and credentials are the real thing; `.claude.json` is a copy
                     that is thrown away, and the rest is the task's own, because the owner's
                     `claude` runs hooks and servers that are named there
    everything else  is not there: other projects, homes, /run, /var, /srv, …

Every command of a task can read the login file, because the agent must, and runs them as the same
user. A key by descriptor is better: see `appliance.agent`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from appliance.task.projects import Projects

SYSTEM = ("/bin", "/etc", "/lib", "/lib32", "/lib64", "/opt", "/sbin", "/sys", "/usr")
RESOLVER = "/run/systemd/resolve"
"""Where /etc/resolv.conf often points to."""

DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")
TRANSCRIPTS = ".claude/projects"
CREDENTIALS = ".claude/.credentials.json"
COPIED = ".claude.json"
SETTINGS = ".claude"
GUARDED = (".git/hooks", ".git/config", SETTINGS)
"""Of a project: people and daemons outside run what stands there."""


def readable(projects: Projects) -> list[Path]:
    """The system, and what the list adds."""
    return existing(map(Path, (*SYSTEM, RESOLVER, *projects.readable)))


def hidden(projects: Projects, project: Path) -> list[Path]:
    """What the list hides, the other projects, and what people sent for other jobs."""
    others = (Path(path) for path in projects.projects.values())
    return existing(
        [
            *map(Path, projects.hidden),
            *([Path(projects.inboxes)] if projects.inboxes else []),
            *(other for other in others if not project.is_relative_to(other)),
        ]
    )


def hold_settings(project: Path) -> None:
    """Make the directory that `claude` reads settings from, so that a task cannot: it is guarded.

    Its owner is the project's. Where it cannot be made, because of a link for one, nothing is.
    """
    with suppress(OSError):
        (project / SETTINGS).mkdir()
        if os.geteuid() == 0:
            owner = project.stat()
            os.chown(project / SETTINGS, owner.st_uid, owner.st_gid, follow_symlinks=False)


def kept(projects: Projects) -> list[Path]:
    """Of the agent's home, what outlives the task."""
    home = Path(projects.home)
    # without this directory no transcript would be kept, and no session could be resumed
    (home / TRANSCRIPTS).mkdir(mode=0o700, parents=True, exist_ok=True)
    return existing((home / TRANSCRIPTS, home / CREDENTIALS))


def existing(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]
