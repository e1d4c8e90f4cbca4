"""A web chat that really serves, and an intake that keeps what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from appliance.chat.web.server import Manner, WebChat
from appliance.chat.web.transcript import Transcript
from appliance.chat.web.uploads import Kept, Uploads
from appliance.core.menu import MenuEntry
from appliance.core.model import (
    Incoming,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    Reply,
    Rich,
    UserName,
)
from appliance.core.preferences import Language, spoken
from appliance.errors import StorageUnavailable
from appliance.host.clock import SystemClock

ANNA = UserName("anna")
BERT = UserName("bert")
HERE = Place(Platform.WEB, ANNA)


class Inbox:
    """An intake. `is_broken` makes it refuse, as a full disk would; `before` happens meanwhile."""

    def __init__(self) -> None:
        self.before: Callable[[], Awaitable[object]] | None = None
        self.taken: asyncio.Queue[Incoming] = asyncio.Queue()
        self.keys: list[str] = []
        self.is_broken = False

    async def __call__(self, batch: Sequence[Incoming]) -> None:
        if self.before:
            await self.before()
        if self.is_broken:
            raise StorageUnavailable("the disk is full")
        for incoming in batch:
            self.keys.append(incoming.key)
            if self.keys.count(incoming.key) == 1:  # as the real intake does
                self.taken.put_nowait(incoming)

    async def next(self) -> Incoming:
        async with asyncio.timeout(10):
            return await self.taken.get()


KEPT = Kept(file_bytes=100_000, files=3, all_bytes=1_000_000, days=7)


def manner(place: Place, of_browser: str) -> Language:
    """Anna has said nothing yet, Bert has chosen German."""
    return Language.GERMAN if place.chat == BERT else spoken(of_browser) or Language.ENGLISH


def english_menu(_language: Language) -> Sequence[MenuEntry]:
    return (MenuEntry("help", "what can be done"), MenuEntry("jobs", "the latest jobs"))


def web_chat(directory: Path, transcript: Transcript, **changes: Any) -> WebChat:
    settings: dict[str, Any] = {
        "port": 0,
        "users": [ANNA, BERT],
        "transcript": transcript,
        "clock": SystemClock(),
        "sessions_file": directory / "sessions.json",
        "uploads": Uploads(directory / "uploads", KEPT, SystemClock()),
        "manner": Manner(manner, english_menu),
        **changes,
    }
    return WebChat(**settings)


@asynccontextmanager
async def running(chat: WebChat, inbox: Inbox) -> AsyncIterator[str]:
    """Yields the base address, without a slash at its end."""
    is_ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(chat.run(inbox, is_ready.set))
        is_ready_or_over = tasks.create_task(is_ready.wait())
        await asyncio.wait([serving, is_ready_or_over], return_when=asyncio.FIRST_COMPLETED)
        try:
            yield f"http://127.0.0.1:{chat.port}"
        finally:
            is_ready_or_over.cancel()
            serving.cancel()


@asynccontextmanager
async def logged_in(
    chat: WebChat, base: str, user: UserName = ANNA
) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser-like client with a session of its own."""
    jar = aiohttp.CookieJar(unsafe=True)  # "unsafe" is aiohttp's word for cookies of an IP address
    async with aiohttp.ClientSession(base, cookie_jar=jar, headers={"Origin": base}) as client:
        token = chat.login_link(user).partition("#")[2]
        async with client.post("/login", data=token) as answer:
            assert answer.status == 204
        yield client


def post(
    number: int, text: str | Rich, kind: PostKind = PostKind.NEW, message_id: str = "", **reply: Any
) -> Post:
    body = Rich(text) if isinstance(text, str) else text
    return Post(PostId(number), HERE, kind, Reply(body, **reply), message_id)


async def frame_of(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next frame of this type; others are passed over."""
    while True:
        frame: dict[str, Any] = await socket.receive_json(timeout=10)
        if frame["type"] == kind:
            return frame
