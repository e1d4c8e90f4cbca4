"""The bot at Telegram: whether its token is right, who else has it, and what it says of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from appliance.app.setup.answers import BotAnswers
from appliance.app.setup.screen import Screen
from appliance.core.hidden import shown
from appliance.core.languages import SENTENCES
from appliance.core.menu import Audience, menu
from appliance.core.model import Catalogue, Recipe
from appliance.core.preferences import Language
from appliance.core.words import phrase
from appliance.errors import ApplianceError, ChatRefused, ChatUnavailable, ConfigError

if TYPE_CHECKING:
    from appliance.chat.telegram.client import Client, Me

LISTEN_SECONDS = 3
"""Whoever else polls asks again within this time, and is told apart by that."""
LANGUAGES = {"": Language.ENGLISH, "de": Language.GERMAN}
"""What is said to everybody, then what instead of it to those with that language."""


@asynccontextmanager
async def client_of(token: str, api: str) -> AsyncIterator[Client]:
    """Raises ConfigError when the token has not the form of one."""
    from appliance.chat.telegram.chat import bot_of
    from appliance.chat.telegram.client import Client

    bot_of(token)
    client = Client(token, api)
    try:
        yield client
    finally:
        await client.close()


async def identify(client: Client, screen: Screen) -> Me:
    """Who the bot is. Raises ConfigError in one sentence when the token or the network is bad."""
    try:
        return await screen.working("asking Telegram who the bot is", client.me())
    except ChatUnavailable as error:
        raise ConfigError(f"the bot cannot be used: {error.message}", hint=_hint(error)) from error
    except ChatRefused as error:
        raise ConfigError(f"the bot cannot be used: {error.message}") from error


def _hint(error: ChatUnavailable) -> str:
    return error.hint or "is there a way to api.telegram.org? A proxy may be in between"


async def claim(client: Client, wanted: BotAnswers, screen: Screen, *, listen_seconds: int) -> None:
    """Make sure that updates come to us. Raises ConfigError when they go elsewhere.

    Asking as the daemon will confirms nothing, so nothing is lost by it.
    """
    try:
        webhook = await screen.working("asking who gets the bot's messages", client.webhook())
        if webhook:
            await _take_from_webhook(client, webhook, wanted, screen)
        await screen.working(
            "looking for another program that polls", client.updates(0, listen_seconds)
        )
    except ChatRefused as error:
        raise ConfigError(f"Telegram refuses: {error.message}") from error
    except ChatUnavailable as error:
        if "onflict" in error.message:
            raise ConfigError(
                "another program receives this bot's messages",
                hint="stop it, or make a bot of its own with @BotFather: two would take each "
                "other's messages",
            ) from error
        raise ConfigError(error.message, hint=error.hint) from error
    screen.kept("nobody else receives its messages")


async def _take_from_webhook(
    client: Client, webhook: str, wanted: BotAnswers, screen: Screen
) -> None:
    host = webhook.split("/")[2] if webhook.count("/") >= 2 else webhook
    screen.note(f"another program has set a webhook for this bot, at {shown(host)}")
    agreed = wanted.claim or (
        screen.can_ask and screen.confirm("Take the bot from it?", default=False)
    )
    if not agreed:
        raise ConfigError(
            "the bot's messages go to that webhook",
            hint="stop that program; then claim = true in the answers, or say yes",
        )
    await screen.working("removing the webhook", client.remove_webhook())
    screen.done("removed the webhook: messages come here now")


# --- what it says of itself


async def furnish(
    client: Client, wanted: BotAnswers, recipes: Sequence[Recipe], host: str, screen: Screen
) -> None:
    """Name, descriptions and menus, each set only when it is another one now.

    Telegram allows few changes; what it refuses is said, and is no reason to stop.
    """
    for code, language in LANGUAGES.items():
        catalogue = Catalogue(SENTENCES[language])
        try:
            await screen.working(
                f"what the bot says of itself ({language})",
                _introduce(client, code, catalogue, wanted, host, screen),
            )
            await screen.working(
                f"the menus of commands ({language})",
                _offer(client, code, catalogue, recipes, screen),
            )
        except ApplianceError as error:
            screen.note(f"not all of the bot's texts are set: {error.message}")


async def _introduce(
    client: Client, code: str, catalogue: Catalogue, wanted: BotAnswers, host: str, screen: Screen
) -> None:
    now = await client.profile(code)
    name = wanted.name
    if name and name != now.name:
        await client.rename(name, code)
        screen.done(f"name{_for(code)}: {name}")
    long = wanted.description or phrase(
        "Hand work to the coding agent on {host}: write what to do, watch it, approve what "
        "matters. Only people who are paired on that host are heard.",
        host=host,
    ).filled(catalogue)
    if long != now.description:
        await client.describe(long, code)
        screen.done(f"description{_for(code)}")
    short = wanted.short_description or phrase("The coding agent on {host}", host=host).filled(
        catalogue
    )
    if short != now.short_description:
        await client.describe_shortly(short, code)
        screen.done(f"short description{_for(code)}")


async def _offer(
    client: Client, code: str, catalogue: Catalogue, recipes: Sequence[Recipe], screen: Screen
) -> None:
    for audience in Audience:
        entries = menu(audience, recipes, catalogue)
        if await client.menu(audience, code) != entries:
            await client.set_menu(audience, code, entries)
            where = audience.replace("_", " ")
            screen.done(f"menu for {where}{_for(code)}: {len(entries)} commands")


def _for(code: str) -> str:
    return f" ({code})" if code else ""
