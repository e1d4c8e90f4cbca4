"""The one command that comes after a restore: what is missing first, then the start."""

from __future__ import annotations

from pathlib import Path

from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.credential_files import kept_credentials
from appliance.app.project_units import Places, outdated
from appliance.config import Settings, load
from appliance.errors import ApplianceError
from appliance.host.machine import runs_systemd

START = "systemctl enable --now dispatch.target"


def next_step(file: Path) -> str:
    """A command, and why where that is not plain."""
    try:
        settings = load(file)
    except ApplianceError as error:
        return f"dispatchctl config check {file}  ({error.message.splitlines()[0]})"
    if missing := _missing_credential(settings):
        return f"dispatchctl credential set {missing}"
    if not settings.daemon.task_socket or not runs_systemd():
        return "dispatchd" if file == DEFAULT_FILE else f"dispatchd --config {file}"
    if outdated(settings, Places.beside(file)):
        return "dispatchctl project apply"
    return START


def _missing_credential(settings: Settings) -> str:
    wanted = [settings.telegram.token] if settings.telegram else []
    wanted += [settings.claude.login] if settings.claude and settings.claude.login else []
    try:
        kept = kept_credentials(Path(settings.daemon.credentials))
    except ApplianceError:  # only root sees them
        return ""
    return next((name for name in wanted if name not in kept), "")
