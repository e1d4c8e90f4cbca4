"""Whether the installed `claude` can be used: is it there, new enough, logged in? And its login.

Asked of the program itself, before anybody sends a task; the canary is the proof about its gates,
this is only for words on a page and in `dispatchctl`. `within` is put before its command, such as
what makes it run as another user.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.agent.program import ENVIRONMENT
from appliance.agent.session import MINIMUM_VERSION

SECONDS = 4.0
NO_LOGIN = "Claude Code is not logged in; run: dispatchctl agent login claude"


@dataclass(frozen=True, slots=True)
class ProgramState:
    """`problem` is one sentence with what to do, "" when the program can be used."""

    version: str
    problem: str = ""


def examine(
    program: Path, home: Path, *, has_key: bool, within: Sequence[str] = ()
) -> ProgramState:
    """Ask the program for its version and, unless it is given a key, for its login.

    Takes some tenths of a second; runs the program, so never on the event loop.
    """
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", _ask(program, home, within, "--version"))
    if found is None:
        return ProgramState("", f"{program} does not run; install Claude Code")
    version = found[0]
    if tuple(map(int, found.groups())) < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        return ProgramState(
            version, f"claude {version} is too old, {wanted} is needed; run: claude update"
        )
    if has_key or _is_logged_in(_ask(program, home, within, "auth", "status")):
        return ProgramState(version)
    return ProgramState(version, NO_LOGIN)


def sign_in(program: Path, home: Path, terminal: str, *, within: Sequence[str] = ()) -> int:
    """Let a person go through the program's own login; its exit status. `terminal`: its kind.

    Raises OSError when it does not start.
    """
    return subprocess.run(  # noqa: S603 - an absolute path from the settings
        [*within, program, "auth", "login"],
        env=_environment(home) | {"TERM": terminal},
        cwd=home,
        check=False,
    ).returncode


def _ask(program: Path, home: Path, within: Sequence[str], *arguments: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - an absolute path from the settings
            [*within, program, *arguments],
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout


def _environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", **ENVIRONMENT}


def _is_logged_in(answer: str) -> bool:
    try:
        status = json.loads(answer)
    except ValueError:
        return False
    return isinstance(status, dict) and status.get("loggedIn") is True
