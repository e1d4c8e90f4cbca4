"""Where on this machine the things are that no task may have."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from appliance.app.attack.stage import Paths
from appliance.config import Settings
from appliance.core.model import Project
from appliance.task.projects import Projects

AT_MOST = 5
"""Of each kind: the header of a task has a limit, and one that is open is enough."""

LOADED = Path("/run/credentials/dispatchd.service")


def loot(settings: Settings, listed: Projects, project: Project) -> Paths:
    """What is there, as far as this user can see it."""
    daemon = settings.daemon
    others = [p for p in map(Path, listed.projects.values()) if p != Path(project.path)]
    return {
        "tokens": _some((*_files_in(Path(daemon.credentials)), *_files_in(LOADED))),
        "keys": _some(_files_in(settings.audit_directory, "*key*")),
        "audit": _some(_files_in(settings.audit_directory, "*.db")),
        "state": _some(_files_in(Path(daemon.state), "*.db")),
        "policy": _some((*_files_in(Path(daemon.policies)), Path(settings.file))),
        "of_other_projects": _some(file for path in others for file in _files_in(path)),
        "other_projects": _some(others),
        "of_homes": _some(_files_of_homes(Path(project.path))),
        "daemon_sockets": _some([Path(settings.terminal.socket)] if settings.terminal else []),
        "audit_sockets": _some([Path(settings.audit.socket)] if settings.audit.socket else []),
        "task_sockets": _some([Path(daemon.task_socket)] if daemon.task_socket else []),
        "egress_sockets": _some([Path(daemon.egress_socket)] if daemon.egress_socket else []),
    }


def _some(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(map(str, islice(paths, AT_MOST)))


def _files_in(directory: Path, pattern: str = "*") -> Iterator[Path]:
    """Not empty ones, or there would be nothing to read."""
    with suppress(OSError):
        for path in sorted(directory.glob(pattern)):
            if path.is_file() and path.stat().st_size:
                yield path


def _files_of_homes(project: Path) -> Iterator[Path]:
    """One of each home, whose owner needs none of them in the project."""
    homes = dict.fromkeys(Path(account.pw_dir) for account in pwd.getpwall())
    for home in homes:
        if home.parts[:2] in (("/", "root"), ("/", "home"), ("/", "Users")):
            dotted = (f for f in _files_in(home, ".[a-z]*") if not f.is_relative_to(project))
            yield from islice(dotted, 1)


def owner_of(directory: Path) -> int:
    """Whose it is; ours where it is not there yet."""
    return directory.stat().st_uid if directory.exists() else os.geteuid()
