"""Chats with people at the other end, for the contract of the port `Chat`.

To put another chat under the contract: write a class like these and add it to `HARNESSES`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from appliance.chat.telegram.chat import TelegramChat
from appliance.core.model import Incoming, Place, Platform, Reply, Rich, Sender
from appliance.errors import StorageUnavailable
from appliance.ports import Chat
from tests.emulators.telegram import TelegramEmulator
from tests.fakes_chat import FakeChat
from tests.fakes_clock import HurriedClock


class Inbox:
    """An intake. While `failures` are left it refuses, as a full disk would."""

    def __init__(self) -> None:
        self.failures = 0
        self.taken: list[Incoming] = []
        self.batches: list[tuple[Incoming, ...]] = []
        self.refused: list[tuple[Incoming, ...]] = []
        self._changed = asyncio.Condition()

    async def __call__(self, batch: Sequence[Incoming]) -> None:
        if self.failures:
            self.failures -= 1
            self.refused.append(tuple(batch))
            raise StorageUnavailable("the disk is full")
        self.batches.append(tuple(batch))
        self.taken.extend(batch)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, count: int) -> list[Incoming]:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)
        return self.taken


@asynccontextmanager
async def running(chat: Chat, inbox: Inbox) -> AsyncIterator[None]:
    """The chat receives inside."""
    is_ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        receiving = tasks.create_task(chat.run(inbox, is_ready.set))
        await is_ready.wait()
        yield
        receiving.cancel()


@dataclass(frozen=True)
class Seen:
    """A post as a person sees it now."""

    text: str
    buttons: tuple[str, ...] = ()
    file: str = ""


class ChatHarness(Protocol):
    """A chat, one known user in one place, and what they see and do there."""

    user: Sender
    place: Place

    @property
    def chat(self) -> Chat: ...

    def says(self, text: str, sender: Sender | None = None) -> None: ...

    def clicks(self, token: str) -> None: ...

    def posts(self) -> list[Seen]: ...

    def toasts(self) -> list[str]: ...

    def signs(self) -> dict[str, str]:
        """What our side has put on messages, by their numbers."""

    def last_id(self) -> str:
        """The highest message number in the place."""

    def break_next(self, *, after_effect: bool) -> None:
        """The next post does not come through, or its answer does not."""

    def remove_chat(self) -> None:
        """Nothing can be posted there any more."""


Opener = Callable[[Path], AbstractAsyncContextManager[ChatHarness]]


class FakeHarness:
    def __init__(self) -> None:
        self.user = Sender(Platform.TELEGRAM, "42")
        self.place = Place(Platform.TELEGRAM, "42")
        self.chat = FakeChat(known=lambda sender: sender == self.user)

    @classmethod
    @asynccontextmanager
    async def open(cls, _directory: Path) -> AsyncIterator[ChatHarness]:
        yield cls()

    def says(self, text: str, sender: Sender | None = None) -> None:
        self.chat.says(text, sender or self.user, self.place)

    def clicks(self, token: str) -> None:
        self.chat.clicks(token, self.user, self.place)

    def posts(self) -> list[Seen]:
        return [_seen(reply) for reply in self.chat.messages.values()]

    def toasts(self) -> list[str]:
        return self.chat.toasts

    def signs(self) -> dict[str, str]:
        return self.chat.marks

    def last_id(self) -> str:
        return max(self.chat.messages, key=int, default="")

    def break_next(self, *, after_effect: bool) -> None:
        self.chat.break_next(after_effect=after_effect)

    def remove_chat(self) -> None:
        self.chat.gone.add(self.place.chat)


class TelegramHarness:
    def __init__(self, emulator: TelegramEmulator, directory: Path) -> None:
        self.emulator = emulator
        self.user = Sender(Platform.TELEGRAM, "42")
        self.place = Place(Platform.TELEGRAM, "42")
        emulator.add_chat(42)
        self.clock = HurriedClock()
        self.chat = TelegramChat(
            emulator.token,
            emulator.url,
            lambda incoming: incoming.sender == self.user,
            directory,
            self.clock,
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, directory: Path) -> AsyncIterator[ChatHarness]:
        async with TelegramEmulator() as emulator:
            harness = cls(emulator, directory)
            yield harness
            await harness.chat.close()

    def says(self, text: str, sender: Sender | None = None) -> None:
        self.emulator.user_says(42, text, user_id=int((sender or self.user).id))

    def clicks(self, token: str) -> None:
        message = {"message_id": 1, "date": 1, "chat": self.emulator.chats[42]}
        self.emulator.user_presses(message, token)

    def posts(self) -> list[Seen]:
        return [_seen_message(message) for message in self.emulator.sent(42)]

    def signs(self) -> dict[str, str]:
        return {str(number): "".join(s) for (_, number), s in self.emulator.reactions.items()}

    def toasts(self) -> list[str]:
        return [text for text in self.emulator.clicks.values() if text is not None]

    def last_id(self) -> str:
        return str(max((number for _, number in self.emulator.messages), default=""))

    def break_next(self, *, after_effect: bool) -> None:
        self.emulator.lose("sendMessage", after_effect=after_effect)

    def remove_chat(self) -> None:
        del self.emulator.chats[42]


HARNESSES: tuple[Opener, ...] = (FakeHarness.open, TelegramHarness.open)


def _seen(reply: Reply) -> Seen:
    assert isinstance(reply.body, Rich)
    labels = tuple(str(button.label) for row in reply.buttons for button in row)
    return Seen(reply.body.text, labels, reply.attachment.name if reply.attachment else "")


def _seen_message(message: dict[str, Any]) -> Seen:
    keyboard = message.get("reply_markup", {}).get("inline_keyboard", [])
    labels = tuple(button["text"] for row in keyboard for button in row)
    text = message.get("text") or message.get("caption", "")
    return Seen(text, labels, message.get("document", {}).get("file_name", ""))
