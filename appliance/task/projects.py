"""The administrator's list of projects, and what a task in one of them may see.

A JSON file that only root, or the user who runs the launcher, can write:

    {"version": 1, "projects": {"web": "/srv/web"}, "home": "/var/lib/dispatch-agent",
     "path": "/usr/local/bin:/usr/bin:/bin", "hidden": ["/etc/dispatch"],
     "readable": ["/opt/claude"], "inboxes": "/var/lib/dispatch-inbox",
     "unsafe_no_sandbox": false, "unsafe_host_network": false}

`wiring` (or `dispatchctl`, as root) writes it with `Projects.encode`; the launcher looks for
every task whether it has changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from appliance.errors import SandboxRefused

VERSION = 1
MAX_SIZE = 1024 * 1024
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Projects:
    """`projects` name → directory. `home` is the agent's: its login and nothing else of it is seen.

    `hidden`: files and directories a task never sees. `readable`: what lies in a home directory
    and is needed all the same, such as the agent's program. `inboxes`: below it, by the number of a
    job, what people sent for it; "" when nobody can. `path` is where a task's programs are
    looked for. `unsafe_no_sandbox` runs tasks without any wall although one could be built,
    `unsafe_host_network` leaves the host's network to those that come without a way out.
    """

    projects: Mapping[str, str]
    home: str
    path: str = DEFAULT_PATH
    hidden: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    inboxes: str = ""
    unsafe_no_sandbox: bool = False
    unsafe_host_network: bool = False

    def encode(self) -> str:
        """The file's content."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n"


def load(path: Path) -> Projects:
    """Read the list. Raises SandboxRefused when it is missing, wrong, or writable by others."""
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o022:
                raise SandboxRefused(f"{path} can be written by others: run chmod go-w {path}")
            found = json.loads(file.read(MAX_SIZE))
    except (OSError, ValueError, RecursionError) as error:
        raise SandboxRefused(f"the list of projects cannot be read: {error}") from error
    try:
        return _checked(found)
    except ValueError as error:
        raise SandboxRefused(f"{path}: {error}") from error


class ProjectsFile:
    """The list in a file, read again only when the file is another one than before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: object = None

    def current(self) -> Projects:
        """Raises SandboxRefused as `load` does."""
        identity = self._stat()
        if identity is None or identity != self._identity:
            self._projects = load(self._path)
            self._identity = identity
        return self._projects

    def _stat(self) -> object:
        try:
            found = self._path.stat()
        except OSError:  # `load` says why
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _checked(found: object) -> Projects:
    if not isinstance(found, dict) or found.pop("version", None) != VERSION:
        raise ValueError(f"not a list of projects of version {VERSION}")
    names = {field.name for field in fields(Projects)}
    if names != found.keys():
        raise ValueError(f"unknown or missing: {', '.join(sorted(names ^ found.keys()))}")
    return Projects(
        projects={name: _directory(path) for name, path in _table(found["projects"]).items()},
        home=_directory(found["home"]),
        path=_text(found["path"]),
        hidden=tuple(_absolute(path) for path in _list(found["hidden"])),
        readable=tuple(_absolute(path) for path in _list(found["readable"])),
        inboxes=_directory(found["inboxes"]) if found["inboxes"] != "" else "",
        unsafe_no_sandbox=found["unsafe_no_sandbox"] is True,
        unsafe_host_network=found["unsafe_host_network"] is True,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a text, not {value!r}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list, not {value!r}")
    return value


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"expected a table, not {value!r}")
    return value


def _absolute(value: object) -> str:
    path = _text(value)
    if not Path(path).is_absolute() or "\0" in path:
        raise ValueError(f"expected an absolute path, not {path!r}")
    return str(Path(path).resolve())


def _directory(value: object) -> str:
    path = _absolute(value)
    if path == "/":
        raise ValueError("the root of the file system cannot be a project or a home")
    return path
