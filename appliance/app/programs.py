"""Where the agent's program is and what wall it gets, for the daemon and for doctor alike."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from appliance.config import ClaudeSettings, Settings
from appliance.core.model import Isolation
from appliance.host.machine import runs_systemd
from appliance.task.sandbox import Wall, probe


def claude_path(configured: ClaudeSettings) -> Path:
    """The program, links resolved, so that the sandbox can show it to the task."""
    found = shutil.which(configured.program)
    return Path(found or configured.program).resolve()


def host_wall(settings: Settings, has_units: Callable[[], bool] = runs_systemd) -> Wall:
    """The wall that tasks get on this host with these settings.

    Of a unit we only know that there is to be one: its launcher looks, and refuses a task. In a
    container somebody else listens on the task socket, so it is what can be built here.
    """
    if settings.daemon.unsafe_no_sandbox:
        return Wall(Isolation.NONE, "the settings say unsafe_no_sandbox")
    is_unit = settings.daemon.task_socket and has_units()
    return Wall(Isolation.UNIT) if is_unit else probe()
