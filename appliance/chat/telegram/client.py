"""The calls to the Bot API that we make, and what their failures mean.

The only module that imports aiogram; import it late (`TelegramChat` does), it takes 0.2 s.

Every failure is a ChatUnavailable or a ChatRefused whose text is Telegram's own description or
ours, never that of an exception of the network libraries: the token is part of every address,
and an address may be part of such a text. For the same reason nothing is chained (`from None`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import new_class
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiohttp import ClientConnectorError, ClientError, ClientResponseError

from appliance.chat.split import utf16_units
from appliance.chat.telegram.lean import build, lean_aiogram
from appliance.core.menu import Audience, MenuEntry
from appliance.core.model import Attachment, Button, Json, Place, Rich, Span
from appliance.errors import ApplianceError, ChatRefused, ChatUnavailable

with lean_aiogram():
    from aiogram.client.default import DefaultBotProperties
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer
    from aiogram.exceptions import (
        AiogramError,
        TelegramAPIError,
        TelegramBadRequest,
        TelegramConflictError,
        TelegramEntityTooLarge,
        TelegramForbiddenError,
        TelegramMigrateToChat,
        TelegramNetworkError,
        TelegramNotFound,
        TelegramRetryAfter,
        TelegramUnauthorizedError,
    )
    from aiogram.methods import (
        AnswerCallbackQuery,
        DeleteWebhook,
        EditMessageCaption,
        EditMessageText,
        GetChat,
        GetFile,
        GetMe,
        GetMyCommands,
        GetMyDescription,
        GetMyName,
        GetMyShortDescription,
        GetUpdates,
        GetWebhookInfo,
        SendDocument,
        SendMessage,
        SendPhoto,
        SetMessageReaction,
        SetMyCommands,
        SetMyDescription,
        SetMyName,
        SetMyShortDescription,
        TelegramMethod,
    )
    from aiogram.types import (
        BotCommand,
        BotCommandScopeAllChatAdministrators,
        BotCommandScopeAllGroupChats,
        BotCommandScopeAllPrivateChats,
        BufferedInputFile,
        InlineKeyboardButton,
        InlineKeyboardMarkup,
        LinkPreviewOptions,
        MessageEntity,
        ReactionTypeEmoji,
        ReplyParameters,
        ResponseParameters,
    )

if TYPE_CHECKING:
    from aiogram import Bot

Rows = Sequence[Sequence[Button]]
FILE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,255}")
M = TypeVar("M", bound=TelegramMethod[Any])

ALLOWED_UPDATES = ["message", "edited_message", "callback_query"]
MAX_ENTITIES = 100
"""Telegram takes no more of them in one message."""
MAX_TOAST_CHARACTERS = 200
CALL_SECONDS = 30
DOWNLOAD_SECONDS = 120
UPLOAD_SECONDS = 120


def _read_as_json(method: type[M]) -> type[M]:
    """The same method, its result not read into models: see the package's docstring."""
    members = {"__module__": __name__, "__returning__": Any}
    made = new_class(method.__name__, (method,), exec_body=lambda body: body.update(members))
    return cast(type[M], made)


RawAnswerCallbackQuery = _read_as_json(AnswerCallbackQuery)
RawEditMessageCaption = _read_as_json(EditMessageCaption)
RawEditMessageText = _read_as_json(EditMessageText)
RawGetChat = _read_as_json(GetChat)
RawGetFile = _read_as_json(GetFile)
RawGetUpdates = _read_as_json(GetUpdates)
RawSendDocument = _read_as_json(SendDocument)
RawSendMessage = _read_as_json(SendMessage)
RawSendPhoto = _read_as_json(SendPhoto)
RawSetMessageReaction = _read_as_json(SetMessageReaction)

RawDeleteWebhook = _read_as_json(DeleteWebhook)
RawGetMe = _read_as_json(GetMe)
RawGetMyCommands = _read_as_json(GetMyCommands)
RawGetMyDescription = _read_as_json(GetMyDescription)
RawGetMyName = _read_as_json(GetMyName)
RawGetMyShortDescription = _read_as_json(GetMyShortDescription)
RawGetWebhookInfo = _read_as_json(GetWebhookInfo)
RawSetMyCommands = _read_as_json(SetMyCommands)
RawSetMyDescription = _read_as_json(SetMyDescription)
RawSetMyName = _read_as_json(SetMyName)
RawSetMyShortDescription = _read_as_json(SetMyShortDescription)

SCOPES: Mapping[
    Audience,
    type[
        BotCommandScopeAllPrivateChats
        | BotCommandScopeAllGroupChats
        | BotCommandScopeAllChatAdministrators
    ],
] = {
    Audience.PRIVATE: BotCommandScopeAllPrivateChats,
    Audience.GROUP: BotCommandScopeAllGroupChats,
    Audience.GROUP_ADMINS: BotCommandScopeAllChatAdministrators,
}

MODELS = (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    RawDeleteWebhook,
    RawGetMe,
    RawGetMyCommands,
    RawGetMyDescription,
    RawGetMyName,
    RawGetMyShortDescription,
    RawGetWebhookInfo,
    RawSetMyCommands,
    RawSetMyDescription,
    RawSetMyName,
    RawSetMyShortDescription,
    MessageEntity,
    ReactionTypeEmoji,
    ReplyParameters,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ResponseParameters,
    RawAnswerCallbackQuery,
    RawGetFile,
    RawGetUpdates,
    RawSendMessage,
    RawSendPhoto,
    RawSetMessageReaction,
    RawSendDocument,
    RawEditMessageText,
    RawEditMessageCaption,
    RawGetChat,
)
"""Every model that is made below."""

build(MODELS)


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself. `user_name` is what links to it say."""

    id: str
    name: str
    user_name: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What the bot says of itself: its name, what an empty chat shows, and the line below it."""

    name: str
    description: str
    short_description: str


@dataclass(frozen=True, slots=True)
class _Bot:
    """What a session asks of aiogram's Bot, which comes with all 180 methods."""

    token: str
    default: DefaultBotProperties


class Client:
    """One bot. Every method may raise ChatUnavailable (try again) or ChatRefused (never again)."""

    def __init__(self, token: str, api: str) -> None:
        self._session = AiohttpSession(api=TelegramAPIServer.from_base(api))
        self._bot = cast("Bot", _Bot(token, DefaultBotProperties()))

    async def close(self) -> None:
        # not AiohttpSession.close: it sleeps 250 ms
        http = await self._session.create_session()
        await http.close()

    async def me(self) -> Me:
        """Who the bot is; the token is right when this answers."""
        answer = await self._call(RawGetMe())
        return Me(str(answer["id"]), str(answer["first_name"]), str(answer["username"]))

    async def webhook(self) -> str:
        """Where updates are sent instead of being asked for; "" when they are not."""
        answer = await self._call(RawGetWebhookInfo())
        return str(answer["url"])

    async def remove_webhook(self) -> None:
        """From now on updates can be asked for; those that wait are kept."""
        await self._call(RawDeleteWebhook(drop_pending_updates=False))

    async def profile(self, language: str) -> Profile:
        """What the bot says of itself; `language` "" is for everybody whose own has none."""
        name = await self._call(RawGetMyName(language_code=language or None))
        long = await self._call(RawGetMyDescription(language_code=language or None))
        short = await self._call(RawGetMyShortDescription(language_code=language or None))
        return Profile(str(name["name"]), str(long["description"]), str(short["short_description"]))

    async def rename(self, name: str, language: str) -> None:
        """Telegram allows few of these a day."""
        await self._call(RawSetMyName(name=name, language_code=language or None))

    async def describe(self, text: str, language: str) -> None:
        await self._call(RawSetMyDescription(description=text, language_code=language or None))

    async def describe_shortly(self, text: str, language: str) -> None:
        await self._call(
            RawSetMyShortDescription(short_description=text, language_code=language or None)
        )

    async def menu(self, audience: Audience, language: str) -> tuple[MenuEntry, ...]:
        """The commands that are offered when somebody types "/"."""
        found = await self._call(
            RawGetMyCommands(scope=SCOPES[audience](), language_code=language or None)
        )
        return tuple(MenuEntry(entry["command"], entry["description"]) for entry in found)

    async def set_menu(
        self, audience: Audience, language: str, entries: Sequence[MenuEntry]
    ) -> None:
        commands = [BotCommand(command=e.word, description=e.summary) for e in entries]
        await self._call(
            RawSetMyCommands(
                commands=commands, scope=SCOPES[audience](), language_code=language or None
            )
        )

    async def updates(self, offset: int, wait_seconds: int) -> list[Json]:
        """What came in from `offset` on; everything before it is confirmed by asking."""
        method = RawGetUpdates(offset=offset, timeout=wait_seconds, allowed_updates=ALLOWED_UPDATES)
        answer: list[Json] = await self._call(method, wait_seconds + CALL_SECONDS)
        return answer

    async def send_text(
        self,
        place: Place,
        body: Rich,
        buttons: Rows,
        *,
        silent: bool = False,
        answers: str = "",
    ) -> str:
        """Returns the number of the new message."""
        method = RawSendMessage(
            chat_id=place.chat,
            message_thread_id=_thread(place),
            text=body.text,
            parse_mode=None,
            entities=entities(body),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            disable_notification=silent or None,
            reply_parameters=_reply(answers),
            reply_markup=_keyboard(buttons),
        )
        return _number(await self._call(method))

    async def send_file(
        self,
        place: Place,
        caption: Rich,
        buttons: Rows,
        file: Attachment,
        *,
        as_photo: bool = False,
        silent: bool = False,
        answers: str = "",
    ) -> str:
        """Returns the number of the new message. Telegram may refuse to show a photo."""
        content = BufferedInputFile(file.content, file.name)
        rest: dict[str, Any] = {
            "chat_id": place.chat,
            "message_thread_id": _thread(place),
            "caption": caption.text or None,
            "parse_mode": None,
            "caption_entities": entities(caption),
            "disable_notification": silent or None,
            "reply_parameters": _reply(answers),
            "reply_markup": _keyboard(buttons),
        }
        method: TelegramMethod[Any]
        if as_photo:
            method = RawSendPhoto(photo=content, **rest)
        else:
            method = RawSendDocument(document=content, **rest)
        return _number(await self._call(method, UPLOAD_SECONDS))

    async def download(self, file_id: str) -> AsyncIterator[bytes]:
        """The content of a file that somebody sent, piece by piece."""
        found = await self._call(RawGetFile(file_id=file_id))
        path = str(found.get("file_path", ""))
        if not FILE_PATH.fullmatch(path) or ".." in path:
            raise ChatRefused("Telegram does not hand out this file")
        # its text has the token in it
        address = self._session.api.file_url(self._bot.token, path)
        try:
            async for chunk in self._session.stream_content(address, timeout=DOWNLOAD_SECONDS):
                yield chunk
        except (ClientError, TimeoutError) as error:
            raise _meaning_of_download(error) from None

    async def edit_text(self, place: Place, message_id: str, body: Rich, buttons: Rows) -> None:
        method = RawEditMessageText(
            chat_id=place.chat,
            message_id=int(message_id),
            text=body.text,
            parse_mode=None,
            entities=entities(body),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=_keyboard(buttons),
        )
        await self._call(method)

    async def edit_caption(self, place: Place, message_id: str, body: Rich, buttons: Rows) -> None:
        method = RawEditMessageCaption(
            chat_id=place.chat,
            message_id=int(message_id),
            caption=body.text,
            parse_mode=None,
            caption_entities=entities(body),
            reply_markup=_keyboard(buttons),
        )
        await self._call(method)

    async def answer_click(self, query_id: str, text: str) -> None:
        method = RawAnswerCallbackQuery(
            callback_query_id=query_id, text=text[:MAX_TOAST_CHARACTERS] or None
        )
        await self._call(method)

    async def react(self, place: Place, message_id: str, sign: str) -> None:
        """Put one of Telegram's reaction emoji on a message."""
        reaction: list[Any] = [ReactionTypeEmoji(emoji=sign)]
        await self._call(
            RawSetMessageReaction(chat_id=place.chat, message_id=int(message_id), reaction=reaction)
        )

    async def is_forum(self, place: Place) -> bool:
        chat = await self._call(RawGetChat(chat_id=place.chat))
        return bool(chat.get("is_forum"))

    async def _call(self, method: TelegramMethod[Any], seconds: int = CALL_SECONDS) -> Any:
        try:
            return await self._session(self._bot, method, timeout=seconds)
        except (AiogramError, UnicodeDecodeError) as error:
            raise meaning(error) from None


def meaning(error: Exception) -> ApplianceError:
    """What we know after a failed call: whether to try again, and whether it took effect."""
    match error:
        case TelegramRetryAfter(retry_after=seconds):
            return ChatUnavailable(
                f"Telegram asks us to wait {seconds} s",
                retry_after_seconds=float(seconds),
                is_in_doubt=False,
            )
        case TelegramMigrateToChat(migrate_to_chat_id=chat):
            return ChatRefused(f"the group has become a supergroup, its id is now {chat}")
        case TelegramEntityTooLarge():
            return ChatRefused("the file is too large for Telegram")
        case TelegramUnauthorizedError() | TelegramNotFound():
            return ChatUnavailable(
                "Telegram does not know this bot's token",
                is_in_doubt=False,
                hint="get a new one from @BotFather and replace the credential file",
            )
        case TelegramConflictError(message=description):
            return ChatUnavailable(f"Telegram refuses: {description}", is_in_doubt=False)
        case TelegramBadRequest(message=description) | TelegramForbiddenError(message=description):
            return ChatRefused(f"Telegram refuses: {description}")
        case TelegramNetworkError(__cause__=cause):
            return ChatUnavailable(
                f"Telegram cannot be reached ({type(cause).__name__})",
                is_in_doubt=not isinstance(cause, ClientConnectorError),
            )
        case TelegramAPIError(message=description):
            return ChatUnavailable(f"Telegram is in trouble: {description}")
        case _:
            return ChatUnavailable("Telegram's answer cannot be read")


def _meaning_of_download(error: Exception) -> ApplianceError:
    match error:
        case ClientResponseError(status=400 | 403 | 404 | 410):
            return ChatRefused("Telegram does not have this file any more")
        case ClientResponseError(status=status):
            return ChatUnavailable(f"Telegram does not hand out the file now ({status})")
        case _:
            return ChatUnavailable(f"the file did not arrive whole ({type(error).__name__})")


def entities(body: Rich) -> list[MessageEntity] | None:
    """The spans as Telegram wants them: measured in UTF-16 units, at most 100."""
    return [_entity(body.text, span) for span in body.spans[:MAX_ENTITIES]] or None


def _entity(text: str, span: Span) -> MessageEntity:
    end = span.start + span.length
    return MessageEntity(
        type=span.style,
        offset=utf16_units(text[: span.start]),
        length=utf16_units(text[span.start : end]),
        url=span.value if span.style == "text_link" else None,
        language=span.value or None if span.style == "pre" else None,
    )


def _keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    keyboard = [
        [InlineKeyboardButton(text=str(button.label), callback_data=button.token) for button in row]
        for row in rows
    ]
    return InlineKeyboardMarkup(inline_keyboard=keyboard)


def _reply(message_id: str) -> ReplyParameters | None:
    """Shown under that message; without it where that is gone."""
    if not message_id:
        return None
    return ReplyParameters(message_id=int(message_id), allow_sending_without_reply=True)


def _thread(place: Place) -> int | None:
    return int(place.topic) if place.topic else None


def _number(message: dict[str, Any]) -> str:
    return str(message["message_id"])
