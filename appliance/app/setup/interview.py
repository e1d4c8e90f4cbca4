"""The questions of the wizard: only about what is not set yet."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.credential_files import kept_credentials
from appliance.app.setup.answers import (
    Answers,
    BotAnswers,
    ClaudeAnswers,
    ProjectAnswers,
    UserAnswers,
)
from appliance.app.setup.screen import Screen
from appliance.app.setup.settings_text import at, beginning, sections_of
from appliance.config import NAME, DaemonSettings, TelegramSettings
from appliance.errors import ConfigError

ABOUT_BOTFATHER = (
    "A bot is made in Telegram: open https://t.me/BotFather, write /newbot, choose two names.",
    "BotFather answers with a token. Copy it here; it is kept where only the daemon reads it.",
)
HOMES = ("home", "root")
TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")


def interview(file: Path, screen: Screen) -> Answers:
    """What is missing in the settings, asked for. Raises ConfigError when nobody answers."""
    text = file.read_text(encoding="utf-8") if file.exists() else beginning(file)
    values = sections_of(file, text)
    users = {} if values.get("users") else _first_user(screen)
    projects = {} if values.get("projects") else _first_project(screen)
    claude = None if at(values, ("claude",)) is not None else _agent(file, screen)
    telegram, token = _bot(values, screen)
    return Answers(telegram, users, projects, token, claude)


def _first_user(screen: Screen) -> dict[str, UserAnswers]:
    uid = int(os.environ.get("SUDO_UID", os.getuid()))  # noqa: TID251 - who asked sudo for this
    screen.say("Who are you? A name for the policy and the log, not shown to anybody else.")
    name = screen.ask("Your name here", _suggested_name(uid), _wrong_name)
    # root may do everything on this host anyway, and is who runs setup
    return {name: UserAnswers(unix=tuple(dict.fromkeys((uid, os.getuid()))))}


def _suggested_name(uid: int) -> str:
    try:
        login = pwd.getpwuid(uid).pw_name
    except KeyError:
        login = ""
    return login if NAME.fullmatch(login) and login != "root" else "me"


def _wrong_name(name: str) -> str:
    if NAME.fullmatch(name):
        return ""
    return "A small letter, then up to 31 small letters, digits and -, please."


def _first_project(screen: Screen) -> dict[str, ProjectAnswers]:
    screen.say("Which directory may the agent work in? More of them later: dispatchctl project add")
    path = Path(screen.ask("A project's directory", wrong=_wrong_directory)).expanduser().resolve()
    name = screen.ask("What to call it in the chat", _as_name(path.name), _wrong_name)
    return {name: ProjectAnswers(path=str(path), grant=True)}


def _wrong_directory(answer: str) -> str:
    if not answer:
        return "Please name a directory."
    return "" if Path(answer).expanduser().is_dir() else f"There is no directory {answer}."


def _as_name(text: str) -> str:
    letters = re.sub(r"[^a-z0-9]+", "-", text.lower()).lstrip("0123456789-")
    return letters[:32].strip("-") or "project"


def _agent(file: Path, screen: Screen) -> ClaudeAnswers | None:
    program = shutil.which("claude")
    if program is None:
        screen.note("Claude Code is not on the PATH here: without it only the recipes work.")
    elif file == DEFAULT_FILE and Path(program).resolve().parts[1] in HOMES:
        screen.note(f"{program} is in somebody's home, which the agent's user cannot see.")
    else:
        return ClaudeAnswers() if screen.confirm(f"May {program} do the tasks?") else None
    screen.say("  Install Claude Code for all users, and run dispatchctl setup again.")
    return None


def _bot(values: Mapping[str, object], screen: Screen) -> tuple[BotAnswers | None, str]:
    """The answers about Telegram, and the token when one was typed."""
    there = at(values, ("telegram",))
    if there is not None and _has_token(values, there):
        return None, ""
    if there is None and not screen.confirm("Write to the agent from Telegram?"):
        return None, ""
    for line in ABOUT_BOTFATHER:
        screen.say(line)
    token = screen.secret("Token")
    if not TOKEN.fullmatch(token):
        raise ConfigError(
            "that is no token: digits, a colon, letters",
            hint="copy it from @BotFather as it is, and run dispatchctl setup again",
        )
    name = screen.ask("Its name in chats (empty: as it is)", wrong=_wrong_bot_name)
    return BotAnswers(name=name, api=str((there or {}).get("api", BotAnswers().api))), token


def _has_token(values: Mapping[str, object], telegram: Mapping[str, object]) -> bool:
    daemon = at(values, ("daemon",)) or {}
    directory = daemon.get("credentials", DaemonSettings().credentials)
    name = telegram.get("token", TelegramSettings().token)
    return str(name) in kept_credentials(Path(str(directory)))


def _wrong_bot_name(name: str) -> str:
    return "At most 64 characters, please." if len(name) > 64 else ""
