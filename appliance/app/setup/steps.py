"""The steps of setup in their order. Each looks first, and says what it changed."""

from __future__ import annotations

import grp
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.app.config_commands import DEFAULT_FILE
from appliance.app.credential_files import keep, secret_of
from appliance.app.policy_files import policy_in
from appliance.app.project_commands import apply_here, granted
from appliance.app.settings_file import replaced
from appliance.app.setup import bot, roles
from appliance.app.setup.answers import Answers, BotAnswers
from appliance.app.setup.screen import Screen
from appliance.app.setup.settings_text import Value, at, beginning, sections_of, with_section
from appliance.chat.telegram.polling import is_polled
from appliance.config import Settings, TelegramSettings, load
from appliance.core.hidden import shown
from appliance.core.model import UserName
from appliance.errors import ConfigError
from appliance.host.machine import host_name

GROUP = "dispatch"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What setup left. `needs_restart`: a running dispatchd does not know all of it yet."""

    settings: Settings
    needs_restart: bool


async def carry_out(
    file: Path, answers: Answers, screen: Screen, *, listen_seconds: int = bot.LISTEN_SECONDS
) -> Outcome:
    """Bring everything to what the answers say. Raises ConfigError or PolicyError.

    What was done before an error stays, and is found done by the next run.
    """
    before = screen.changed
    _beginnings(file)
    settings = _settings(file, answers, screen)
    needs_restart = screen.changed > before
    _policy(settings, answers, screen)
    _projects(file, settings, answers, screen)
    if settings.telegram is not None:
        needs_restart |= await _bot(settings, settings.telegram, answers, screen, listen_seconds)
    return Outcome(settings, needs_restart)


# --- dispatch.toml


def _beginnings(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o755 if file == DEFAULT_FILE else 0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make {file.parent}: {error.strerror}",
            hint="run it as root, or give your own file: --config FILE",
        ) from error


def _settings(file: Path, answers: Answers, screen: Screen) -> Settings:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    wanted = text or beginning(file)
    added: list[str] = []
    for path, values in _sections(file, answers):
        there = at(sections_of(file, wanted), path)
        if there is None:
            wanted = with_section(wanted, path, values)
            added.append(".".join(path))
        elif differing := _differing(there, values):
            screen.note(f"[{'.'.join(path)}] stays as it is: {differing}")
    if wanted == text:
        screen.kept(f"settings in {file}")
        return load(file)
    is_new = not text
    _private_directory(wanted, file, "daemon", "credentials")
    _private_directory(wanted, file, "claude", "home")
    settings = replaced(file, wanted)
    if is_new and file == DEFAULT_FILE:
        _give_to_group(file)
    screen.done(f"{'wrote' if is_new else 'extended'} {file}: {', '.join(added)}")
    return settings


def _sections(file: Path, answers: Answers) -> list[tuple[tuple[str, ...], Mapping[str, Value]]]:
    found: list[tuple[tuple[str, ...], Mapping[str, Value]]] = []
    if answers.telegram is not None:
        api = answers.telegram.api
        default = TelegramSettings().api
        found.append((("telegram",), {"api": api if api != default else ""}))
    if answers.claude is not None:
        home = "" if file == DEFAULT_FILE else str(file.parent / "agent")
        found.append((("claude",), {**asdict(answers.claude), "home": home}))
    if any(user.web for user in answers.users.values()):
        found.append((("web",), {}))
    for name, user in answers.users.items():
        rows: dict[str, Value] = {k: v for k, v in asdict(user).items() if k != "role"}
        found.append((("users", name), rows))
    found += [(("projects", name), {"path": p.path}) for name, p in answers.projects.items()]
    return found


def _differing(there: Mapping[str, object], wanted: Mapping[str, Value]) -> str:
    """What the answers say otherwise; changing what is set is for the administrator."""
    said = {k: list(v) if isinstance(v, tuple) else v for k, v in wanted.items()}
    other = [key for key, value in said.items() if value and there.get(key) != value]
    return f"change {' and '.join(other)} there by hand if you mean it" if other else ""


def _private_directory(text: str, file: Path, section: str, key: str) -> None:
    """One that the settings name is made before anything is kept in it, closed to others."""
    directory = (at(sections_of(file, text), (section,)) or {}).get(key)
    if isinstance(directory, str):
        Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)


def _give_to_group(file: Path) -> None:
    """dispatchd reads it as a member of its group, and nobody else does."""
    try:
        os.chown(file, -1, grp.getgrnam(GROUP).gr_gid)
    except KeyError:
        file.chmod(0o644)  # it holds no secrets
    except OSError as error:
        raise ConfigError(f"cannot give {file} to {GROUP}: {error.strerror}") from error


# --- who may do what


def _policy(settings: Settings, answers: Answers, screen: Screen) -> None:
    directory = Path(settings.daemon.policies)
    if roles.with_policy(directory):
        screen.done(f"copied the policy that ships to {directory}")
    if roles.name_first(directory, list(settings.users)):
        screen.done(f"the policy speaks of {next(iter(settings.users))} as its owner")
    for name, user in answers.users.items():
        if roles.give(settings, name, user.role):
            screen.done(f"{name} has the role {user.role}")
    policy_in(directory, settings)
    screen.kept(f"policy in {directory}")


def _projects(file: Path, settings: Settings, answers: Answers, screen: Screen) -> None:
    if apply_here(settings, file, is_running=True):
        screen.done("told systemd about the projects")
    for name, wanted in answers.projects.items():
        for command in granted(settings, Path(wanted.path), asked=wanted.grant):
            screen.note(f"{name}: the agent cannot write there yet; as root: {command}")


# --- the bot


async def _bot(
    settings: Settings,
    telegram: TelegramSettings,
    answers: Answers,
    screen: Screen,
    listen_seconds: int,
) -> bool:
    """Whether the token is a new one."""
    wanted = answers.telegram or BotAnswers()
    directory = Path(settings.daemon.credentials)
    kept = secret_of(directory, telegram.token)
    token = kept or _given_token(answers)
    async with bot.client_of(token, telegram.api) as client:
        me = await bot.identify(client, screen)
        screen.kept(f"the token is that of @{shown(me.user_name)} ({shown(me.name)})")
        if not kept:
            how = keep(directory, telegram.token, token.encode())
            screen.done(f"the token is kept, {how}")
        if is_polled(Path(settings.daemon.state), me.id):
            screen.kept("dispatchd receives its messages at this moment")
        else:
            await bot.claim(client, wanted, screen, listen_seconds=listen_seconds)
        recipes = policy_in(Path(settings.daemon.policies), settings).recipes()
        await bot.furnish(client, wanted, recipes, host_name(), screen)
    return not kept


def _given_token(answers: Answers) -> str:
    if answers.token:
        return answers.token
    named = answers.telegram.token_file if answers.telegram else ""
    if not named:
        raise ConfigError(
            "there is no token for the bot yet",
            hint='@BotFather gives one; token_file = "/path" in [telegram] of the answers',
        )
    file = Path(named)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read {file}: {getattr(error, 'strerror', 'it is not text')}"
        ) from error


def people_without_account(settings: Settings) -> list[UserName]:
    """Whom a pairing would let in by Telegram for the first time, as far as the settings know."""
    return [
        name
        for name, user in settings.users.items()
        if name in settings.pairable and not user.telegram
    ]
