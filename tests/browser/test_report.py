"""The report in a real Chromium: it is read without scripts, and nothing in it comes to life."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from appliance.audit.report.gather import Span
from appliance.audit.report.page import page
from tests.audit.report.happenings import EVERYTHING, everything, report_of

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHONE = {"width": 360, "height": 640}
DESK = {"width": 900, "height": 800}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return everything(tmp_path_factory.mktemp("log"))


class Witness:
    """What a page asks for and complains of."""

    def __init__(self, window: Page) -> None:
        self.requests: list[str] = []
        self.problems: list[str] = []
        window.on("request", lambda request: self.requests.append(request.url))
        window.on("console", lambda message: self.problems.append(message.text))
        window.on("pageerror", lambda error: self.problems.append(str(error)))
        window.on("dialog", lambda dialog: self.problems.append(dialog.message))


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("subject", [13, 66, EVERYTHING], ids=["job", "hostile", "span"])
async def test_a_report_is_calm_fits_and_asks_for_nothing(
    subject: int | Span, size: dict[str, int], browser: Browser, log: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(report_of(log, subject)))
    window = await browser.new_page(viewport=size)  # type: ignore[arg-type]
    witness = Witness(window)
    await window.goto(file.as_uri())
    await window.mouse.move(180, 300)  # whatever waits for a mouse
    width = await window.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"]
    assert await window.evaluate("document.scripts.length") == 0
    assert witness.requests == [file.as_uri()]
    assert witness.problems == []
    await window.close()


async def test_a_report_follows_the_light_and_prints_everything(
    browser: Browser, log: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(report_of(log, 13)))
    grounds = {}
    for scheme in ("light", "dark"):
        window = await browser.new_page(color_scheme=scheme)
        await window.goto(file.as_uri())
        grounds[scheme] = await window.evaluate("getComputedStyle(document.body).backgroundColor")
    await window.emulate_media(media="print")
    ground = await window.evaluate("getComputedStyle(document.body).backgroundColor")
    scrolled = await window.evaluate(
        "[...document.querySelectorAll('pre')].filter(e => e.scrollHeight > e.clientHeight).length"
    )
    assert grounds["light"] != grounds["dark"]
    assert ground == "rgb(255, 255, 255)"
    assert scrolled == 0
    assert len(await window.pdf(format="A4")) > 10_000
