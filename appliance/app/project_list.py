"""The launcher's list of projects, as the settings have it: written by the daemon, or by root.

Where the launcher is the daemon's child, the daemon writes the list into its state directory.
Where it is a unit of systemd, the list is root's, and `dispatchctl project` writes it.
"""

from __future__ import annotations

from pathlib import Path

from appliance.app.programs import claude_path
from appliance.config import ClaudeSettings, Settings
from appliance.task.projects import Projects
from appliance.voice.transcriber import is_installed, places

CANARY = "dispatch.canary"
"""The project of the test at start-up; no project of the settings can have a dot in its name."""

UNIT_CANARY = Path("/var/lib/dispatch-canary")
"""Its directory under systemd: the daemon's and the agent's, made by systemd-tmpfiles."""


def project_list(settings: Settings) -> Projects:
    """What a launcher may start tasks in, and what it hides from them."""
    projects = {str(name): project.path for name, project in settings.workplaces.items()}
    claude = settings.claude
    settings_file = Path(settings.file).absolute()  # as a person named it, from where they were
    return Projects(
        projects={**projects, CANARY: str(canary_directory(settings))},
        home=_home(settings),
        hidden=(
            settings.daemon.state,
            settings.daemon.credentials,
            settings.daemon.policies,
            str(settings_file),
            str(list_file(settings_file)),
        ),
        readable=(
            *(() if claude is None else (str(claude_path(claude).parent),)),
            *(places(settings.voice.model) if settings.voice and is_installed() else ()),
        ),
        inboxes=settings.inbox_directory,
        unsafe_no_sandbox=settings.daemon.unsafe_no_sandbox,
    )


def list_file(settings_file: Path) -> Path:
    """Where root keeps the list."""
    return settings_file.with_name("projects.json")


def _home(settings: Settings) -> str:
    """The agent's; where recipes have none to share, the daemon's own."""
    if settings.claude is None and not settings.daemon.task_socket:
        return settings.daemon.state
    return (settings.claude or ClaudeSettings()).home


def canary_directory(settings: Settings) -> Path:
    """Where the test at start-up takes place."""
    if settings.daemon.task_socket:
        return UNIT_CANARY
    return Path(settings.daemon.state, "canary")
