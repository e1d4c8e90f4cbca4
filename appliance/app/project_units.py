"""What systemd and the launcher are told about projects: drop-ins, and the root-owned list.

The units know no project by themselves. For each one there is a drop-in of `dispatch-task@.service`
that shows it to tasks, read-write but for what people outside run, and one of `dispatchd.service`
that hides it from the daemon. Which of them a task sees is decided inside the unit, by the list
`projects.json` (`appliance.task.projects`).

Only what exists as a directory or file is named, so that it becomes a mount point, which can be
neither renamed nor replaced by a link from inside. A path that an agent could make itself is never
named: a link of its making would be followed by systemd, for all tasks.
"""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.app.files import remove, write
from appliance.app.project_list import list_file, project_list
from appliance.config import Settings
from appliance.core.model import Project
from appliance.errors import ConfigError
from appliance.task.places import GUARDED, hold_settings

UNIT_DIRECTORY = Path("/etc/systemd/system")
TASK_UNIT = "dispatch-task@.service"
DAEMON_UNIT = "dispatchd.service"
PREFIX = "project-"
HEADING = "# Written by dispatchctl project; what is changed here is lost.\n"
CHECK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Places:
    """Where it is written to."""

    projects_file: Path
    units: Path = UNIT_DIRECTORY

    @staticmethod
    def beside(settings_file: Path) -> Places:
        return Places(list_file(settings_file))


def apply(settings: Settings, places: Places) -> bool:
    """Bring list and drop-ins to what the settings say; whether anything changed.

    Raises ConfigError, with what was written before left as it is.
    """
    for project in settings.projects.values():
        hold_settings(Path(project.path))
    wanted = dict(_files(settings, places))
    stale = [file for file in _drop_ins(places) if file not in wanted]
    written = [_write(file, content) for file, content in wanted.items()]
    removed = [remove(file) for file in stale]
    return any(written) or any(removed)


def outdated(settings: Settings, places: Places) -> list[Path]:
    """The files that `apply` would write or remove. Raises ConfigError."""
    wanted = dict(_files(settings, places))
    differing = [file for file, content in wanted.items() if not _says(file, content)]
    return differing + [file for file in _drop_ins(places) if file not in wanted]


def task_drop_in(project: Path) -> str:
    """What a project adds to the unit of a task."""
    # git's directory held in place: else it could be swapped for one with other hooks
    shown = [project, *(path for path in [project / ".git"] if _is_own(path) and path.is_dir())]
    guarded = [path for path in (project / name for name in GUARDED) if _is_own(path)]
    lines = [f"BindPaths={_word(f'-{path}')}" for path in shown]
    lines += [f"ReadOnlyPaths={_word(f'-{path}')}" for path in guarded]
    return f"{HEADING}[Service]\n" + "".join(f"{line}\n" for line in lines)


def daemon_drop_in(project: Path) -> str:
    """What a project adds to the unit of the daemon."""
    return f"{HEADING}[Service]\nInaccessiblePaths={_word(f'-{project}')}\n"


def may_write(user: str, directory: Path) -> bool:
    """Whether a user could work in a directory, whatever is above it: a unit goes by a mount.

    Raises ConfigError when there is no such user.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        hint = "make it with: systemd-sysusers"
        raise ConfigError(f"there is no user {user}", hint=hint) from None
    done = subprocess.run(
        ["/usr/bin/test", "-r", ".", "-a", "-w", ".", "-a", "-x", "."],
        cwd=directory,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        env={},
        timeout=CHECK_SECONDS,
        check=False,
    )
    return done.returncode == 0


def grants(user: str, directory: Path) -> Iterator[tuple[str, ...]]:
    """The commands that give a user a project, and keep it its owner's, new files included."""
    owner = directory.stat().st_uid
    yield ("setfacl", "-R", "-m", f"u:{user}:rwX", str(directory))
    yield ("setfacl", "-R", "-d", "-m", f"u:{user}:rwX,u:{owner}:rwX", str(directory))


# --- files


def _files(settings: Settings, places: Places) -> Iterator[tuple[Path, str]]:
    for project in settings.projects.values():
        directory = _expressible(project)
        name = f"{PREFIX}{project.name}.conf"
        yield places.units / f"{TASK_UNIT}.d" / name, task_drop_in(directory)
        yield places.units / f"{DAEMON_UNIT}.d" / name, daemon_drop_in(directory)
    yield places.projects_file, project_list(settings).encode()


def _drop_ins(places: Places) -> list[Path]:
    directories = [places.units / f"{unit}.d" for unit in (TASK_UNIT, DAEMON_UNIT)]
    return [file for directory in directories for file in directory.glob(f"{PREFIX}*.conf")]


def _write(file: Path, content: str) -> bool:
    if _says(file, content):
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, content, mode=0o644)
    return True


def _says(file: Path, content: str) -> bool:
    try:
        return file.read_text() == content
    except FileNotFoundError:
        return False


def _is_own(path: Path) -> bool:
    """There, and no link on the way to it."""
    return path.exists() and path.resolve() == path


def _expressible(project: Project) -> Path:
    if not project.path.isprintable():
        raise ConfigError(f"no unit can name the path of project {project.name}: {project.path!r}")
    return Path(project.path)


def _word(text: str) -> str:
    """One word for systemd: neither blanks, quotes, colons nor specifiers mean anything in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
