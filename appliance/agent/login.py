"""Whether the installed `claude` can be used: is it there, new enough, logged in?

Asked of the program itself, before anybody sends a task; the canary is the proof about its gates,
this is only for words on a page and in `dispatchctl doctor`.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from appliance.agent.program import ENVIRONMENT
from appliance.agent.session import MINIMUM_VERSION

SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class ProgramState:
    """`problem` is one sentence with what to do, "" when the program can be used."""

    version: str
    problem: str = ""


def examine(program: Path, home: Path, *, has_key: bool) -> ProgramState:
    """Ask the program for its version and, unless it is given a key, for its login.

    Takes some tenths of a second; runs the program, so never on the event loop.
    """
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", _ask(program, home, "--version"))
    if found is None:
        return ProgramState("", f"{program} does not run; install Claude Code")
    version = found[0]
    if tuple(map(int, found.groups())) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        return ProgramState(
            version, f"claude {version} is too old, {wanted} is needed; run: claude update"
        )
    if has_key or _is_logged_in(_ask(program, home, "auth", "status")):
        return ProgramState(version)
    return ProgramState(version, "Claude Code is not logged in; run: claude auth login")


def _ask(program: Path, home: Path, *arguments: str) -> str:
    environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", **ENVIRONMENT}
    try:
        answer = subprocess.run(  # noqa: S603 - an absolute path from the settings
            [program, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout


def _is_logged_in(answer: str) -> bool:
    try:
        status = json.loads(answer)
    except ValueError:
        return False
    return isinstance(status, dict) and status.get("loggedIn") is True
