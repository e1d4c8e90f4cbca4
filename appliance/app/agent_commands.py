"""`dispatchctl agent login|status`: the agent's own login, as the agent's own user.

Who owns the agent's home is the agent's user. The program's login runs as that user, in a terminal
of its own, so that nothing it starts can type into the one of root. API keys and tokens that reach
the agent by descriptor are credentials: `dispatchctl credential set`.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.control_commands import add_config
from appliance.errors import AgentFailed, ConfigError

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.agent.login import ProgramState
    from appliance.config import ClaudeSettings


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang `agent …` into dispatchctl; the chosen function is in `arguments.run`."""
    group = commands.add_parser("agent", help="the agent's login")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    login = actions.add_parser("login", help="log the agent in, as its own user")
    login.add_argument("agent", choices=("claude",), help="which agent")
    login.set_defaults(run=run_login)
    status = actions.add_parser("status", help="is it there, new enough, logged in")
    status.add_argument("--json", action="store_true", help="answer as JSON")
    status.set_defaults(run=run_status)
    for parser in (login, status):
        add_config(parser)


def run_login(arguments: argparse.Namespace) -> int:
    return log_in(arguments.config)


def log_in(config: Path) -> int:
    """The program's own login at this terminal; status 0 when it can be used afterwards."""
    from appliance.agent.login import sign_in
    from appliance.app.programs import claude_path

    claude = _claude(config)
    home = Path(claude.home)
    terminal = os.environ.get("TERM", "dumb")  # noqa: TID251 - app/ reads the environment
    try:
        sign_in(claude_path(claude), home, terminal, within=_as_owner(home, has_terminal=True))
    except OSError as error:
        raise AgentFailed(f"claude does not start: {error}", hint="install Claude Code") from error
    return _tell(claude)


def run_status(arguments: argparse.Namespace) -> int:
    claude = _claude(arguments.config)
    if not arguments.json:
        return _tell(claude)
    state = examined(claude)
    answer = {"v": 1, "agent": "claude", "version": state.version, "problem": state.problem}
    print(json.dumps(answer))
    return int(bool(state.problem))


def _tell(claude: ClaudeSettings) -> int:
    """Status 0 when it can be used."""
    state = examined(claude)
    how = "given its key by descriptor" if claude.login else "logged in"
    print(state.problem or f"claude {state.version}, {how}")
    return int(bool(state.problem))


def examined(claude: ClaudeSettings) -> ProgramState:
    """What the program says of itself to the user whose home it has. Raises ConfigError."""
    from appliance.agent.login import examine
    from appliance.app.programs import claude_path

    home = Path(claude.home)
    return examine(claude_path(claude), home, has_key=bool(claude.login), within=_as_owner(home))


def _claude(config: Path) -> ClaudeSettings:
    from appliance.config import load

    claude = load(config).claude
    if claude is None:
        raise ConfigError(f"{config} has no [claude] section", hint="add [claude] to it")
    return claude


def _as_owner(home: Path, *, has_terminal: bool = False) -> tuple[str, ...]:
    """What makes a command run as the owner of a home. Raises ConfigError."""
    import pwd

    try:
        owner = home.stat().st_uid
    except OSError as error:
        raise ConfigError(
            f"there is no home for the agent: {home}: {error.strerror}",
            hint="systemd-tmpfiles --create makes it, or set home in [claude]",
        ) from error
    if owner == os.geteuid():
        return ()
    if os.geteuid() != 0:
        raise ConfigError(f"{home} belongs to user {owner}", hint="run it as root")
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        raise ConfigError(f"{home} belongs to nobody: there is no user {owner}") from None
    # a terminal of its own: whoever shares one may put characters into it (TIOCSTI)
    terminal = ("--pty",) if has_terminal else ()
    return ("/usr/sbin/runuser", "-u", name, *terminal, "--", "/usr/bin/env", f"HOME={home}")
