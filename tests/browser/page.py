"""The chat page in a real Chromium, with a real server behind it."""

from __future__ import annotations

import random
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright

from appliance.chat.web.server import WebChat
from appliance.chat.web.transcript import Transcript
from tests.chat.web.running import ANNA, Inbox, running, web_chat

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = [
    "--no-sandbox",  # CI runs as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium_program() -> str | None:
    """The machine's own Chromium or Chrome; nothing is downloaded."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or (str(MAC) if MAC.exists() else None)


@asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


def free_port() -> int:
    """Below those that the kernel gives to connections.

    From such a port a page that tries to reconnect can end up connected to itself, and then the
    restarted server finds its port taken.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port between 20000 and 32000")


class Site:
    """A server that can be restarted on its port, and one browser window per `open`."""

    def __init__(
        self, browser: Browser, directory: Path, transcript: Transcript, **settings: Any
    ) -> None:
        self.inbox = Inbox()
        self.problems: list[str] = []
        self._browser = browser
        self._directory = directory
        self._transcript = transcript
        self._settings = settings
        self._port = free_port()
        self.chat = self._make()

    def _make(self) -> WebChat:
        return web_chat(self._directory, self._transcript, port=self._port, **self._settings)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve; a second time, it is another daemon on the same port and files."""
        self.chat = self._make()
        async with running(self.chat, self.inbox):
            yield

    @asynccontextmanager
    async def window(self, **context: Any) -> AsyncIterator[Page]:
        """A window with cookies of its own; what its console complains of lands in `problems`."""
        room = await self._browser.new_context(**context)
        room.set_default_timeout(10_000)
        page = await room.new_page()
        page.on("pageerror", self._note_error)
        page.on("console", self._note_console)
        yield page
        await room.close()

    def _note_error(self, error: Error) -> None:
        self.problems.append(str(error))

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    @asynccontextmanager
    async def open(self, **context: Any) -> AsyncIterator[Page]:
        """A window of anna's, logged in and connected."""
        async with self.window(**context) as page:
            await page.goto(self.chat.login_link(ANNA))
            await page.get_by_text("Connected").wait_for()
            yield page
