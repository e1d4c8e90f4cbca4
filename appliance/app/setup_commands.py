"""`dispatchctl setup`: the way from nothing to a phone that is heard."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.control_commands import add_config
from appliance.app.lines import fitted
from appliance.errors import ApplianceError, ConfigError

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.app.setup.screen import Screen
    from appliance.app.setup.steps import Outcome
    from appliance.config import Settings

START = ("systemctl", "enable", "--now", "dispatch.target")
RESTART = ("systemctl", "restart", "dispatchd")


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Hang the command into dispatchctl; the chosen function is in `arguments.run`."""
    setup = commands.add_parser("setup", help="settings, bot, first user and project, step by step")
    setup.add_argument(
        "--answers",
        type=Path,
        metavar="FILE",
        help="what is wanted, as TOML: no questions, and nothing is started",
    )
    add_config(setup)
    setup.set_defaults(run=run_setup)


def run_setup(arguments: argparse.Namespace) -> int:
    import asyncio

    from appliance.app.setup.answers import read
    from appliance.app.setup.interview import interview
    from appliance.app.setup.screen import Screen
    from appliance.app.setup.steps import carry_out

    config = Path.cwd() / arguments.config
    is_asked = arguments.answers is None
    if is_asked and not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask on", hint="use --answers FILE")
    screen = Screen(lambda line: print(fitted(line), flush=True), can_ask=is_asked)
    answers = interview(config, screen) if is_asked else read(arguments.answers)
    outcome = asyncio.run(carry_out(config, answers, screen))
    print(f"{screen.changed} changes" if screen.changed else "nothing to change")
    if is_asked:
        return _go_on(config, outcome, screen)
    for line in _next(config, outcome):
        print(line)
    return 0


# --- what comes next


def _next(config: Path, outcome: Outcome) -> list[str]:
    """What is left to do, one command a line."""
    from appliance.app.setup.steps import people_without_account

    commands = []
    if _needs_login(outcome.settings):
        commands.append(_command(config, "agent", "login", "claude"))
    if not _is_running(config):
        commands.append(_start_command(config))
    elif outcome.needs_restart:
        commands.append(_restart_command(config))
    waiting = people_without_account(outcome.settings)
    commands += [_command(config, "pair", user) for user in waiting]
    return [f"{'then' if number else 'next'}: {line}" for number, line in enumerate(commands)]


def _go_on(config: Path, outcome: Outcome, screen: Screen) -> int:
    """Start or restart the daemon where systemd can, then pair the first phone."""
    import asyncio

    from appliance.app.agent_commands import log_in
    from appliance.app.pair_commands import pair
    from appliance.app.setup.starting import start
    from appliance.app.setup.steps import people_without_account

    if _needs_login(outcome.settings) and screen.confirm("Log Claude Code in now?"):
        log_in(config)
    is_running = _is_running(config)
    if not is_running or outcome.needs_restart:
        command = RESTART if is_running else START
        if not _can_start(config) or not screen.confirm(f"Run now: {shlex.join(command)}?"):
            for line in _next(config, outcome):
                print(line)
            return 0
        asyncio.run(start(command, lambda: _is_running(config), screen))
    for user in people_without_account(outcome.settings)[:1]:
        if not _has_account(config, user) and screen.confirm(f"Pair a phone with {user} now?"):
            return pair(config, user)
    return 0


def _needs_login(settings: Settings) -> bool:
    """Whether Claude Code is there and waits for that only; doctor tells all else about it."""
    from appliance.agent.login import NO_LOGIN
    from appliance.app.agent_commands import examined

    if settings.claude is None:
        return False
    try:
        return examined(settings.claude).problem == NO_LOGIN
    except ApplianceError:
        return False


def _has_account(config: Path, user: str) -> bool:
    from appliance.app.control_commands import connect

    with connect(config) as client:
        accounts = client.ask("users")["users"].get(user, [])
    return any(account["account"].startswith("telegram:") for account in accounts)


def _is_running(config: Path) -> bool:
    from appliance.app.control_commands import connect

    try:
        with connect(config) as client:
            client.ask("status")
    except ApplianceError:
        return False
    return True


def _can_start(config: Path) -> bool:
    from appliance.host.machine import runs_systemd

    return config == DEFAULT_FILE and runs_systemd() and os.geteuid() == 0


def _start_command(config: Path) -> str:
    if config == DEFAULT_FILE:
        return shlex.join(START)
    return shlex.join(("dispatchd", "--config", str(config)))


def _restart_command(config: Path) -> str:
    if config == DEFAULT_FILE:
        return shlex.join(RESTART)
    return f"stop dispatchd and start it again: {_start_command(config)}"


def _command(config: Path, *words: str) -> str:
    elsewhere = () if config == DEFAULT_FILE else ("--config", str(config))
    return shlex.join(("dispatchctl", *words, *elsewhere))
