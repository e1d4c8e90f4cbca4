"""A chat in memory: what people say comes in, what we post can be looked at."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace

from appliance.chat.footer import with_footer
from appliance.core.model import (
    Click,
    Incoming,
    Message,
    Millis,
    Place,
    Platform,
    Post,
    PostKind,
    Progress,
    Reply,
    Rich,
    Sender,
    Urgency,
)
from appliance.errors import ChatRefused, ChatUnavailable, StorageUnavailable
from appliance.ports import Intake, Ready


class FakeChat:
    """See `appliance.ports.Chat`. Keeps the contract of `tests/contracts/test_chat.py`.

    `messages` is what people see now. `break_next` makes one call fail; `gone` holds chats that
    do not exist any more.
    """

    def __init__(
        self,
        platform: Platform = Platform.TELEGRAM,
        known: Callable[[Sender], bool] = lambda _sender: True,
    ) -> None:
        self.platform = platform
        self.messages: dict[str, Reply] = {}
        self.toasts: list[str] = []
        self.marks: dict[str, str] = {}
        self.said: set[str] = set()
        self.shown: list[Progress] = []
        self.gone: set[str] = set()
        self._known = known
        self._pending: list[Incoming] = []
        self._arrived = asyncio.Event()
        self._numbers = itertools.count(1)
        self._break: bool | None = None

    # the people

    def says(self, text: str, sender: Sender, place: Place) -> None:
        number = str(next(self._numbers))
        key = f"{self.platform}:{number}"
        self.said.add(number)
        self._push(Message(key, sender, place, text, Millis(0), message_id=number))

    def clicks(self, token: str, sender: Sender, place: Place) -> None:
        key = f"{self.platform}:{next(self._numbers)}"
        self._push(Click(key, sender, place, token, Millis(0)))

    def break_next(self, *, after_effect: bool) -> None:
        """The connection of the next call breaks, before or after it took effect."""
        self._break = after_effect

    def _push(self, incoming: Incoming) -> None:
        self._pending.append(incoming)
        self._arrived.set()

    # the port

    async def run(self, intake: Intake, ready: Ready) -> None:
        ready()
        while True:
            await self._arrived.wait()
            batch = tuple(self._pending)
            try:
                await intake([incoming for incoming in batch if self._known(incoming.sender)])
            except StorageUnavailable:
                await asyncio.sleep(0)
                continue
            del self._pending[: len(batch)]
            if not self._pending:
                self._arrived.clear()

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        text = reply.body.text
        body = reply.body if isinstance(reply.body, Rich) else Rich(text)
        shown = body if text.strip() else Rich("—")
        return (replace(reply, body=with_footer(shown, reply.footer), footer=None),)

    async def room(self, place: Place, urgency: Urgency) -> bool:
        return False

    async def send(self, post: Post) -> str:
        broken, self._break = self._break, None
        if broken is False:
            raise ChatUnavailable("the connection broke")
        if post.place.chat in self.gone:
            raise ChatRefused("the chat is gone")
        message_id = self._take(post)
        if broken is True:
            raise ChatUnavailable("the connection broke")
        return message_id

    def _take(self, post: Post) -> str:
        if post.kind is PostKind.TOAST:
            self.toasts.append(post.reply.body.text)
            return post.message_id
        if post.kind is PostKind.MARK:
            if post.message_id not in self.said:
                raise ChatRefused("there is no such message")
            self.marks[post.message_id] = post.reply.body.text
            return post.message_id
        if post.kind is PostKind.EDIT:
            if post.message_id not in self.messages:
                raise ChatRefused("there is no such message")
            self.messages[post.message_id] = post.reply
            return post.message_id
        message_id = str(next(self._numbers))
        self.messages[message_id] = post.reply
        return message_id

    async def find(self, post: Post) -> str | None:
        if post.kind is not PostKind.NEW or not post.after_id:
            return None
        after = int(post.after_id)
        return next((number for number in self.messages if int(number) > after), None)

    def show(self, progress: Progress) -> None:
        self.shown.append(progress)
