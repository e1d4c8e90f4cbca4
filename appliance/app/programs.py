"""Where the agent's program is, for the daemon and for doctor alike."""

from __future__ import annotations

import shutil
from pathlib import Path

from appliance.config import ClaudeSettings


def claude_path(configured: ClaudeSettings) -> Path:
    """The program, links resolved, so that the sandbox can show it to the task."""
    found = shutil.which(configured.program)
    return Path(found or configured.program).resolve()
