"""A whole installation whose first user has the chat page open, on a phone of usual size."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, FilePayload, Locator, Page, expect

from tests.browser.page import free_port
from tests.emulators.anthropic import Turn
from tests.journeys.house import PATIENCE_SECONDS, ROOT, House

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "reduced_motion": "reduce",
}
SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE_MS = PATIENCE_SECONDS * 1000


class WebHouse(House):
    """`House`, where "me" may use the page, too."""

    def __init__(self, home: Path, program: Path | None, *turns: Turn, **more: Any) -> None:
        super().__init__(home, program, *turns, **more)
        self._port = free_port()

    def _settings(self) -> str:
        who = "[users.me]\n"
        settings = super()._settings().replace(who, f"{who}web = true\n")
        return f"{settings}[users.carol]\ntelegram = [3141]\n[web]\nport = {self._port}\n"

    def login_link(self) -> str:
        found = self.ctl("login", "--config", str(self.home / "dispatch.toml"))
        link = re.search(r"http://\S+", found.stdout)
        assert link is not None, found.stdout + found.stderr
        return link[0]

    @asynccontextmanager
    async def phone(self, browser: Browser, **context: Any) -> AsyncIterator[Phone]:
        """The page of "me", logged in. Nothing that its console complains of is passed over."""
        room = await browser.new_context(**{**PHONE, **context})
        phone = Phone(await room.new_page())
        await phone.page.goto(self.login_link())
        await expect(phone.page.locator("#connection[data-state=online]")).to_be_attached()
        yield phone
        await room.close()
        assert phone.problems == []


class Phone:
    """What a person does on the page, and reads there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    async def says(self, text: str, *files: FilePayload) -> None:
        if files:
            await self.page.locator("#picker").set_input_files(list(files))
            await expect(self.page.locator(".chip.coming")).to_have_count(0)
        await self.page.locator("#text").fill(text)
        await self.page.locator("#send").tap()

    def message(self, words: str) -> Locator:
        """The latest message of the appliance with these words."""
        return self.page.locator("#log > li.appliance:not(.live)").filter(has_text=words).last

    def own(self, words: str) -> Locator:
        return self.page.locator("#log > li.user").filter(has_text=words).last

    async def reads(self, words: str) -> str:
        """What the message says that has these words, now or later."""
        found = self.message(words)
        try:
            await expect(found).to_be_visible(timeout=PATIENCE_MS)
        except AssertionError:
            said = "\n--\n".join(await self.page.locator("#log > li").all_inner_texts())
            raise AssertionError(f"nobody said {words!r}. Said was:\n{said}") from None
        return await found.locator(".words").inner_text()

    async def press(self, label: str) -> None:
        """The latest button with this label."""
        await (
            self.page.locator(".buttons")
            .get_by_role("button", name=label, exact=True)
            .last.tap(timeout=PATIENCE_MS)
        )

    async def reply(self, words: str, text: str) -> None:
        """Answer the message that has these words."""
        await self.message(words).get_by_role("button", name="Reply").tap()
        await self.says(text)

    async def photograph(self, name: str) -> None:
        """How it looks, for people to look at: a build product."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
