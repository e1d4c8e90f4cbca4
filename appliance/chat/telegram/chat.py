"""The port `Chat` for Telegram."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from appliance.chat.telegram.budget import Budget
from appliance.chat.telegram.parts import caption, parts_of
from appliance.chat.telegram.polling import Poller, one_poller
from appliance.chat.telegram.progress import ProgressDisplay
from appliance.chat.telegram.updates import query_of
from appliance.core.model import (
    Attachment,
    Incoming,
    IncomingFile,
    Place,
    Platform,
    Post,
    PostKind,
    Progress,
    Reply,
    Rich,
    Urgency,
)
from appliance.errors import ChatRefused, ChatUnavailable, ConfigError
from appliance.ports import Clock, Intake, Ready

if TYPE_CHECKING:
    from appliance.chat.telegram.client import Client

log = logging.getLogger(__name__)

T = TypeVar("T")

TOKEN = re.compile(r"([0-9]{1,20}):[A-Za-z0-9_-]{1,200}")
PROBED_MESSAGES = 16
PROBE = Rich("?")
"""Never shown: Telegram refuses it where it is sent."""

# What Telegram says, in lower case (https://github.com/tdlib/td, MessagesManager.cpp)
NOT_MODIFIED = "message is not modified"
NO_TEXT = "there is no text in the message to edit"
NO_CAPTION = "there is no caption in the message to edit"
CLICK_IS_OLD = "query is too old"
ABOUT_FORMATTING = "entit"  # "can't parse entities: …", "ENTITY_…_INVALID"


class TelegramChat:
    """See `appliance.ports.Chat`.

    `token` and `api` say which bot and where; `hears` tells which messages are taken, all
    others are counted in `strangers` and otherwise do not exist. Making one imports aiogram,
    0.2 s, and raises ConfigError when the token has not the form of one. `run` raises ConfigError
    when another process polls for the same bot (a lock in `lock_directory`). Posts can be sent
    before, during and after `run`; `close` ends the connections.
    """

    platform = Platform.TELEGRAM

    def __init__(
        self,
        token: str,
        api: str,
        hears: Callable[[Incoming], bool],
        lock_directory: Path,
        clock: Clock,
    ) -> None:
        self._bot = bot_of(token)
        self._client = _connect(token, api)
        self._lock_directory = lock_directory
        self._budget = Budget(clock)
        self._poller = Poller(self._client.updates, self._bot, self.bot_name, hears, clock)
        self._display = ProgressDisplay(self._edit_progress, self._spare, clock)
        self._rooms: set[Place] = set()
        self._calls: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def strangers(self) -> int:
        return self._poller.strangers

    @property
    def budget(self) -> Budget:
        return self._budget

    async def bot_name(self) -> str:
        """What links to the bot call it. Raises ChatUnavailable or ChatRefused."""
        return (await self._client.me()).user_name

    async def close(self) -> None:
        await self._client.close()

    async def run(self, intake: Intake, ready: Ready) -> None:
        with one_poller(self._lock_directory, self._bot):
            ready()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._display.run())
                await self._poller.run(intake)

    async def fetch(self, file: IncomingFile) -> AsyncIterator[bytes]:
        """See `appliance.ports.FileSource`."""
        async for chunk in self._client.download(file.id):
            yield chunk

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        return parts_of(reply)

    async def room(self, place: Place, urgency: Urgency) -> bool:
        if place in self._rooms:
            return False
        has_waited = await self._budget.spend(place.chat, urgency)
        self._rooms.add(place)
        return has_waited

    async def send(self, post: Post) -> str:
        match post.kind:
            case PostKind.NEW:
                return await self._send_new(post)
            case PostKind.EDIT:
                return await self._send_edit(post)
            case PostKind.TOAST:
                return await self._send_toast(post)
            case PostKind.MARK:
                return await self._send_mark(post)

    async def find(self, post: Post) -> str | None:
        """Looks at the next 16 message numbers for a message of ours.

        Telegram has no way to ask for a message, but it says why one cannot be changed: to
        change the caption of a message that has only text is refused as "no caption", of one
        that is not there or not ours with other words. So nothing is changed by looking, and a
        message of ours after `after_id` is this post, because the outbox has one post under way
        in a place. In a forum the numbers of all topics are mixed, so that this would not
        follow: there the answer is None, and the post may come twice rather than not at all.
        """
        if post.kind is not PostKind.NEW or not post.after_id or await self._is_forum(post.place):
            return None
        after = int(post.after_id)
        for number in range(after + 1, after + 1 + PROBED_MESSAGES):
            if await self._is_there(post, str(number)):
                return str(number)
        return None

    def show(self, progress: Progress) -> None:
        self._display.show(progress)

    # new messages

    async def _send_new(self, post: Post) -> str:
        place, reply = post.place, post.reply

        async def send(body: Rich) -> str:
            if reply.attachment is not None:
                return await self._send_file(place, body, reply, reply.attachment)
            async with self._paid(place):
                return await self._client.send_text(
                    place, body, reply.buttons, silent=reply.silent, answers=reply.answers
                )

        return await _with_formatting_if_possible(send, _body(reply))

    async def _send_file(self, place: Place, body: Rich, reply: Reply, file: Attachment) -> str:
        """A picture as a photo, where Telegram shows it as one."""

        async def send(*, as_photo: bool) -> str:
            async with self._uploading(place):
                return await self._client.send_file(
                    place,
                    body,
                    reply.buttons,
                    file,
                    as_photo=as_photo,
                    silent=reply.silent,
                    answers=reply.answers,
                )

        if file.is_picture:
            try:
                return await send(as_photo=True)
            except ChatRefused as error:
                if _says(error, ABOUT_FORMATTING):
                    raise
                log.info("sent as a file, because as a photo %s", error.message)
        return await send(as_photo=False)

    async def _is_forum(self, place: Place) -> bool:
        async with self._paid(place):
            return await self._client.is_forum(place)

    async def _is_there(self, post: Post, message_id: str) -> bool:
        body, buttons = _body(post.reply), post.reply.buttons
        has_file = post.reply.attachment is not None
        try:
            async with self._paid(post.place):
                if has_file:
                    await self._client.edit_text(post.place, message_id, PROBE, buttons)
                else:
                    await self._client.edit_caption(post.place, message_id, caption(body), buttons)
        except ChatRefused as error:
            return _says(error, NO_TEXT if has_file else NO_CAPTION)
        return False

    # changes of earlier messages

    async def _send_edit(self, post: Post) -> str:
        await self._display.settle(post.place, post.message_id)
        try:
            await self._edit(post.place, post.message_id, post.reply)
        except ChatRefused as error:
            if not _says(error, NOT_MODIFIED):
                raise
        return post.message_id

    async def _edit(self, place: Place, message_id: str, reply: Reply) -> None:
        async def edit_text(body: Rich) -> None:
            async with self._paid(place):
                await self._client.edit_text(place, message_id, body, reply.buttons)

        async def edit_caption(body: Rich) -> None:
            async with self._paid(place):
                await self._client.edit_caption(place, message_id, caption(body), reply.buttons)

        try:
            await _with_formatting_if_possible(edit_text, _body(reply))
        except ChatRefused as error:
            if not _says(error, NO_TEXT):
                raise
            await _with_formatting_if_possible(edit_caption, _body(reply))

    async def _edit_progress(self, progress: Progress) -> None:
        """The budget has been asked already."""
        assert progress.reply is not None, "the display shows words only"
        part = self.prepare(progress.reply)[0]
        place, message_id = progress.place, progress.started_post
        async with self._alone(place):
            await self._client.edit_text(place, message_id, _body(part), part.buttons)

    # answers to clicks

    async def _send_toast(self, post: Post) -> str:
        try:
            async with self._paid(post.place):
                query = query_of(post.message_id)
                await self._client.answer_click(query, _body(post.reply).text)
        except ChatRefused as error:
            if not _says(error, CLICK_IS_OLD):  # nobody looks at that button any more
                raise
        return post.message_id

    async def _send_mark(self, post: Post) -> str:
        async with self._paid(post.place):
            await self._client.react(post.place, post.message_id, _body(post.reply).text)
        return post.message_id

    @asynccontextmanager
    async def _paid(self, place: Place) -> AsyncIterator[None]:
        """One call from the chat's budget."""
        await self._pay(place)
        async with self._alone(place):
            yield

    @asynccontextmanager
    async def _uploading(self, place: Place) -> AsyncIterator[None]:
        """The same for a call that may take minutes: others need not wait for its end."""
        await self._pay(place)
        async with self._heeding(place):
            yield

    async def _spare(self, chat: str) -> None:
        await self._budget.spend(chat, Urgency.SPARE)

    async def _pay(self, place: Place) -> None:
        if place in self._rooms:
            self._rooms.discard(place)
        else:
            await self._budget.spend(place.chat)

    @asynccontextmanager
    async def _alone(self, place: Place) -> AsyncIterator[None]:
        """One call at a time in a chat: none is under way when Telegram asks us to wait."""
        async with self._calls[place.chat]:
            self._budget.refuse_if_closed(place.chat)
            async with self._heeding(place):
                yield

    @asynccontextmanager
    async def _heeding(self, place: Place) -> AsyncIterator[None]:
        """When Telegram asks us to wait the chat is closed."""
        try:
            yield
        except ChatUnavailable as error:
            self._heed(place, error)
            raise

    def _heed(self, place: Place, error: ChatUnavailable) -> None:
        """Telegram asks us to wait: what was given room before that has none any more."""
        if error.retry_after_seconds is not None:
            self._budget.close(place.chat, error.retry_after_seconds)
            self._rooms = {room for room in self._rooms if room.chat != place.chat}


def bot_of(token: str) -> str:
    """The bot's number. Raises ConfigError when the token has not the form of one."""
    match = TOKEN.fullmatch(token)
    if match is None:
        raise ConfigError(
            "the Telegram token has not the form of one (digits, a colon, letters)",
            hint="copy it again from @BotFather into the credential file",
        )
    return match[1]


def _connect(token: str, api: str) -> Client:
    # late, because it costs 0.2 s and 15 MB that nobody without Telegram should pay
    from appliance.chat.telegram.client import Client

    return Client(token, api)


async def _with_formatting_if_possible(call: Callable[[Rich], Awaitable[T]], body: Rich) -> T:
    """Formatting that Telegram rejects must not cost the words."""
    try:
        return await call(body)
    except ChatRefused as error:
        if not body.spans or not _says(error, ABOUT_FORMATTING):
            raise
        log.warning("formatting was rejected, sent as plain text: %s", error.message)
    return await call(Rich(body.text))


def _says(error: ChatRefused, words: str) -> bool:
    return words in error.message.lower()


def _body(reply: Reply) -> Rich:
    assert isinstance(reply.body, Rich), "a reply is prepared before it is sent"
    return reply.body
