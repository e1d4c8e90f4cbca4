"""The chats of the settings; None where one is not set up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from appliance.chat.telegram.chat import TelegramChat
from appliance.chat.terminal import TerminalChat
from appliance.chat.web.server import Manner, WebChat
from appliance.chat.web.uploads import Kept, Uploads
from appliance.config import MIB, Settings, read_credential
from appliance.core.model import Incoming, Json, UserName
from appliance.errors import ConfigError
from appliance.ports import Clock
from appliance.services.host_queries import HostQueries
from appliance.services.pairing_queries import PairingQueries
from appliance.storage.state import SqliteState

QUICK_COMMANDS = ("/help", "/status", "/git status", "/test")


def telegram_of(
    settings: Settings,
    directories: Sequence[str],
    hears: Callable[[Incoming], bool],
    state_directory: Path,
    clock: Clock,
) -> TelegramChat | None:
    telegram = settings.telegram
    if telegram is None:
        return None
    token = read_credential(telegram.token, directories)
    return TelegramChat(token, telegram.api, hears, state_directory, clock)


def web_of(
    settings: Settings, state: SqliteState, state_directory: Path, manner: Manner, clock: Clock
) -> WebChat | None:
    if settings.web is None:
        return None
    files = settings.files
    kept = Kept(files.max_mib * MIB, files.max_count, files.disk_mib * MIB, files.keep_days)
    return WebChat(
        port=settings.web.port,
        users=[name for name, user in settings.users.items() if user.web],
        transcript=state.transcript,
        clock=clock,
        sessions_file=state_directory / "web-sessions.json",
        uploads=Uploads(state_directory / "web-uploads", kept, clock),
        manner=manner,
        commands=QUICK_COMMANDS,
    )


def terminal_of(
    settings: Settings,
    clock: Clock,
    web: WebChat | None,
    report: Callable[[], dict[str, Json]],
    post_anchor: Callable[[], Awaitable[dict[str, Json]]],
    reload_policy: Callable[[UserName], Awaitable[dict[str, Json]]],
    pairing: Callable[[], PairingQueries],
    host: Callable[[], HostQueries],
) -> TerminalChat | None:
    if settings.terminal is None:
        return None

    async def status(_user: UserName) -> dict[str, Json]:
        return report()

    async def anchor(_user: UserName) -> dict[str, Json]:
        return await post_anchor()

    async def login(user: UserName) -> dict[str, Json]:
        if web is None:
            raise ConfigError("there is no chat page", hint="add [web] to dispatch.toml")
        return {"link": web.login_link(user)}

    uids = {number: name for name, user in settings.users.items() for number in user.unix}
    return TerminalChat(
        Path(settings.terminal.socket),
        uids,
        clock,
        {"status": status, "login": login, "anchor": anchor, "reload": reload_policy},
        {
            "pair": lambda user, asked: pairing().open(user, asked),
            "pairing": lambda user, asked: pairing().outcome(user, asked),
            "withdraw": lambda user, asked: pairing().withdraw(user, asked),
            "users": lambda user, asked: pairing().users(user, asked),
            "unpair": lambda user, asked: pairing().remove(user, asked),
            "proposals": lambda user, asked: host().proposals(user, asked),
            "accept": lambda user, asked: host().accept(user, asked),
            "reject": lambda user, asked: host().reject(user, asked),
            "grants": lambda user, asked: host().grants(user, asked),
            "ungrant": lambda user, asked: host().ungrant(user, asked),
            "lockdown": lambda user, asked: host().lockdown(user, asked),
            "lift": lambda user, asked: host().lift(user, asked),
        },
    )
