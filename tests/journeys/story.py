"""A conversation that is a test: people act when their phones show what `tests/transcripts` says.

    async with Story(house, "watching", "One message tells what a job does.") as story:
        await story.says("/run tidy up")
        await story.presses("Stop")

A scene is an act of somebody (`▸`) and what the phones show of it. Before the next act, and at the
end, they have to show what the scene has. With DISPATCH_WRITE_TRANSCRIPTS=1 the transcripts are
written anew, with what is shown once nothing has changed for a while: read them before you keep
them.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import os
import re
from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.emulators.telegram import Object
from tests.journeys.house import ALICE, BOB, House
from tests.journeys.transcript import INDENT, Same, Screen, named, wrapped

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
IS_WRITING = os.getenv("DISPATCH_WRITE_TRANSCRIPTS") == "1"
PATIENCE_SECONDS = 75.0
STILL_SECONDS = 3.0
STILL_WHILE_A_JOB_RUNS_SECONDS = 10.0
"""What it does is looked at every five seconds, and shown three later at most."""
LOOK_SECONDS = 0.01


class Story:
    """`places`: the chats that are looked at, and how one says so ("to bob", "in the forum")."""

    def __init__(
        self,
        house: House,
        name: str,
        title: str,
        places: Mapping[int, str] | None = None,
        people: Mapping[int, str] | None = None,
    ) -> None:
        self.house = house
        self.same = Same(house.tg, str(house.home))
        self._people = {ALICE: "alice", BOB: "bob", **(people or {})}
        self._places = {chat: f" {where}" for chat, where in (places or {}).items()} or {ALICE: ""}
        self._screens = [
            Screen(house.tg, chat, where, self.same) for chat, where in self._places.items()
        ]
        self._file = TRANSCRIPTS / f"{name}.txt"
        golden = self._file.read_text() if self._file.exists() else ""
        self._golden = re.split(r"(?m)^(?=▸)", golden)
        self._told: list[str] = []
        self._scene = f"{title}\n"
        self._click = ""

    async def __aenter__(self) -> Self:
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        await self._ends_scene()
        if IS_WRITING:
            self._file.write_text("".join(self._told))
        else:
            assert self._told == self._golden

    # --- what people do

    async def says(
        self, text: str, chat: int = ALICE, user: int | None = None, **content: Any
    ) -> Object:
        """Returns the message."""
        await self._acts(f"{self._who(chat, user)}: {text}")
        return self._say(chat, text, user, **content)

    async def replies(
        self,
        words: str,
        text: str,
        chat: int = ALICE,
        user: int | None = None,
        **content: Any,
    ) -> Object:
        """To the latest message of the bot that holds the words."""
        to = self._message(words, chat)
        await self._acts(f"{self._who(chat, user)}, to {self.same(named(to))}: {text}")
        return self._say(chat, text, user, reply_to_message=to, **content)

    async def changes(self, message: Object, text: str) -> None:
        who = self._who(message["chat"]["id"], message["from"]["id"])
        await self._acts(f"{who} changes {named(message)}: {text}")
        self.house.tg.user_edits(message, text)
        message["text"] = text

    async def presses(self, label: str, chat: int = ALICE, user: int | None = None) -> None:
        """The latest button that says so."""
        await self._acts(f"{self._who(chat, user)} presses [{label}]")
        self._click = self.house.press(label, chat, user)

    async def sends_photo(self, content: bytes, caption: str | None = None) -> None:
        await self._acts(f"alice sends a photo{f': {caption}' if caption else ''}")
        self.house.tg.user_sends_photo(ALICE, content, caption)

    async def sends_file(
        self, name: str, content: bytes, caption: str | None = None, **about: Any
    ) -> None:
        sent = name or f"a {about['kind']} message"
        await self._acts(f"alice sends {sent}{f': {caption}' if caption else ''}")
        self.house.tg.user_sends_file(ALICE, name, content, caption, **about)

    async def sends_oddity(self, name: str, **content: Any) -> None:
        """Something that is neither words nor a file."""
        await self._acts(f"alice sends {name}")
        self.house.tg.user_says(ALICE, **content)

    async def meanwhile(self, what: str) -> None:
        """Something goes on that no phone shows."""
        await self._acts(f"({what})")

    async def host(self, typed: str, answer: Awaitable[str]) -> str:
        """What is typed at the host, and what is said to it, which is returned."""
        await self._acts(f"$ {typed}")
        said = await answer
        lines = self.same(said).strip("\n").splitlines()
        self._scene += "".join(f"{INDENT}{line}".rstrip() + "\n" for line in lines)
        return said

    async def reads(self, words: str, chat: int = ALICE) -> str:
        """Wait for something that takes a while: in a group a minute has room for 20 calls."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := [text for text in self.house.texts(chat) if words in text]):
                await asyncio.sleep(LOOK_SECONDS)
        return found[0]

    # --- how it is told

    def _who(self, chat: int, user: int | None) -> str:
        where = self._places[chat]
        return self._people[user or chat] + (where if chat < 0 else "")

    def _say(self, chat: int, text: str, user: int | None, **content: Any) -> Object:
        self.house.tg.user_says(chat, text, user_id=user, **content)
        return self.house.tg.messages[max(self.house.tg.messages, key=lambda key: key[1])]

    def _message(self, words: str, chat: int) -> Object:
        for sent in reversed(self.house.tg.sent(chat)):
            if words in str(sent.get("text") or sent.get("caption") or ""):
                return sent
        raise AssertionError(f"nobody said {words!r}")

    async def _acts(self, act: str) -> None:
        await self._ends_scene()
        self._scene = f"▸ {self.same(act)}\n"

    async def _ends_scene(self) -> None:
        """Wait until the phones show what the transcript has, and tell it."""
        await (self._stillness() if IS_WRITING else self._agreement())
        self._told.append(f"{self._scene}{self._news()}\n")
        self._click = ""
        self._look()

    def _look(self) -> None:
        for screen in self._screens:
            screen.look()

    async def _agreement(self) -> None:
        at = len(self._told)
        assert at < len(self._golden), "the transcript has no more scenes"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while f"{self._scene}{self._news()}\n" != self._golden[at]:
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            shown = f"{self._scene}{self._news()}\n"
            lines = difflib.ndiff(self._golden[at].splitlines(), shown.splitlines())
            raise AssertionError("\n".join(["the phones show something else:", *lines])) from None

    async def _stillness(self) -> None:
        loop = asyncio.get_running_loop()
        shown, since = self._news(), loop.time()
        while loop.time() - since < self._still_seconds():
            await asyncio.sleep(LOOK_SECONDS)
            if (now := self._news()) != shown:
                shown, since = now, loop.time()

    def _still_seconds(self) -> float:
        sent = (message for chat in self._places for message in self.house.tg.sent(chat))
        is_running = any('"s:' in json.dumps(message.get("reply_markup")) for message in sent)
        return STILL_WHILE_A_JOB_RUNS_SECONDS if is_running else STILL_SECONDS

    def _news(self) -> str:
        toast = self.house.tg.clicks.get(self._click)
        said = ["", *_hanging(f"bot, in passing: {self.same(toast)}")] if toast else []
        for screen in self._screens:
            said += screen.news()
        return "".join(f"{line}\n" for line in said)


def _hanging(text: str) -> list[str]:
    first, *rest = [line for part in text.split("\n") for line in wrapped(part)]
    return [first, *(INDENT + line for line in rest)]
