"""The directories that the agent works in."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from appliance.app.doctor.check import Check, failed, passed, warned
from appliance.app.project_commands import AGENT_USER
from appliance.app.project_units import Places, grants, may_write, outdated
from appliance.config import Settings
from appliance.core.model import Project
from appliance.errors import ConfigError
from appliance.host.machine import runs_systemd
from appliance.task.places import GUARDED


def checks(settings: Settings) -> Iterator[Check]:
    for project in settings.projects.values():
        yield _project(settings, project)
    if settings.daemon.task_socket and runs_systemd():
        yield _told(settings)


def _project(settings: Settings, project: Project) -> Check:
    name, directory = "project", Path(project.path)
    if not directory.is_dir():
        found = f"{project.name}: {directory} is no directory"
        return failed(name, found, f"make it, or: dispatchctl project remove {project.name}")
    if refusal := _refusal(settings, directory):
        return failed(name, f"{project.name}: {refusal[0]}", refusal[1])
    if links := [guarded for guarded in GUARDED if _is_elsewhere(directory / guarded)]:
        found = f"{project.name}: a link leads from {links[0]}, which cannot be protected there"
        return warned(name, found, f"put a plain {links[0]} into {directory}")
    return passed(name, f"{project.name}: {directory}")


def _refusal(settings: Settings, directory: Path) -> tuple[str, str] | None:
    """Why the agent cannot work there, and what would let it."""
    if not settings.daemon.task_socket:
        if os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            return None
        return f"{directory} cannot be written by you", "run doctor as dispatchd's user"
    if os.geteuid() != 0:  # only root can ask for others
        return None
    try:
        if may_write(AGENT_USER, directory):
            return None
    except ConfigError as error:
        return error.message, error.hint or ""
    fix = " && ".join(shlex.join(command) for command in grants(AGENT_USER, directory))
    return f"{AGENT_USER} cannot write {directory}", fix


def _is_elsewhere(path: Path) -> bool:
    return path.exists() and path.resolve() != path


def _told(settings: Settings) -> Check:
    """What systemd and the launcher were told is what the settings say."""
    stale = outdated(settings, Places.beside(Path(settings.file)))
    if stale:
        found = f"{', '.join(map(str, stale[:3]))} is not what the settings say"
        return failed("drop-ins", found, "dispatchctl project apply")
    return passed("drop-ins", "systemd and the launcher know the projects as they are")
