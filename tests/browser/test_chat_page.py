"""What people do on the chat page, done in Chromium."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from appliance.core.model import (
    Attachment,
    Button,
    ButtonKind,
    Click,
    JobId,
    Message,
    PostKind,
    Progress,
    Reply,
    Rich,
    Span,
    Style,
)
from appliance.storage.state import SqliteState
from tests.browser.page import Site
from tests.chat.web.running import ANNA, HERE, post

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
]

PHONE = {"viewport": {"width": 360, "height": 640}}

HELD = (
    (Button("Approve", "a:k7m2", ButtonKind.APPROVE), Button("Deny", "d:k7m2", ButtonKind.DENY)),
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqliteState]:
    opened = SqliteState.open(tmp_path)
    yield opened
    opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def site(browser: Browser, tmp_path: Path, state: SqliteState) -> AsyncIterator[Site]:
    site = Site(browser, tmp_path, state.transcript, commands=["/help", "/git status"])
    async with site.served():
        yield site
    assert site.problems == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(site: Site) -> AsyncIterator[Page]:
    async with site.open() as opened:
        yield opened


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_label("Message", exact=True).press("Enter")


async def test_the_link_logs_in_once_and_leaves_no_token_behind(site: Site) -> None:
    link = site.chat.login_link(ANNA)
    async with site.window() as first, site.window() as second:
        await first.goto(link)
        await expect(first).to_have_url(f"http://127.0.0.1:{site.chat.port}/")
        await second.goto(link)
        await expect(second.get_by_role("status")).to_contain_text("used already")
        await second.get_by_label("Login link").fill(site.chat.login_link(ANNA))
        await second.get_by_role("button", name="Log in").click()
        await expect(second.get_by_text("Connected")).to_be_visible()
    site.problems = [p for p in site.problems if "403" not in p]  # the refusal, as it should be


async def test_opening_a_used_link_again_where_it_was_used_opens_the_chat(site: Site) -> None:
    link = site.chat.login_link(ANNA)
    async with site.window() as page:
        for _ in range(2):
            await page.goto("about:blank")
            await page.goto(link)
            await expect(page.get_by_text("Connected")).to_be_visible()


async def test_an_answer_follows_what_was_said(site: Site, page: Page) -> None:
    await say(page, "fix the bug")
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert message.text == "fix the bug"
    await expect(page.get_by_label("stored")).to_be_visible()
    await site.chat.send(post(1, "done"))
    await expect(page.locator("#log .words")).to_have_text(["fix the bug", "done"])


async def test_enter_sends_and_shift_enter_makes_a_line(site: Site, page: Page) -> None:
    box = page.get_by_label("Message", exact=True)
    await expect(box).to_be_focused()
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert message.text == "one\ntwo"
    await expect(box).to_have_value("")


async def test_a_suggestion_is_said_by_pressing_it(site: Site, page: Page) -> None:
    await page.get_by_role("button", name="/git status").click()
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert message.text == "/git status"
    await expect(page.get_by_text("What should be done?")).to_be_hidden()


async def test_approving_by_mouse(site: Site, page: Page) -> None:
    question = await site.chat.send(post(1, "May this run?", buttons=HELD))
    await page.get_by_role("button", name="Approve").click()
    click = await site.inbox.next()
    assert isinstance(click, Click)
    assert click.token == "a:k7m2"
    await site.chat.send(post(2, "Approved. Passing it on.", PostKind.TOAST, click.key))
    await expect(page.get_by_text("Approved. Passing it on.")).to_be_visible()
    await site.chat.send(post(3, "✓ Allowed by anna", PostKind.EDIT, question))
    await expect(page.get_by_text("✓ Allowed by anna")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_denying_by_keyboard(site: Site, page: Page) -> None:
    question = await site.chat.send(post(1, "May this run?", buttons=HELD))
    await expect(page.get_by_role("button", name="Deny")).to_be_visible()
    await page.keyboard.press("Shift+Tab")  # from the text box, back to the last button
    await expect(page.get_by_role("button", name="Deny")).to_be_focused()
    await page.keyboard.press("Enter")
    click = await site.inbox.next()
    assert isinstance(click, Click)
    assert click.token == "d:k7m2"
    await site.chat.send(post(2, "✗ Denied by anna", PostKind.EDIT, question))
    await expect(page.get_by_text("✗ Denied by anna")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()


async def test_pressing_twice_is_one_click(site: Site, page: Page) -> None:
    site.inbox.is_broken = True
    await site.chat.send(post(1, "May this run?", buttons=HELD))
    await page.get_by_role("button", name="Approve").dblclick()
    await expect(page.get_by_text("Waiting: the disk is full")).to_be_visible()
    site.inbox.is_broken = False
    await site.inbox.next()
    assert len(set(site.inbox.keys)) == 1


async def test_a_reload_keeps_what_was_said(site: Site, page: Page) -> None:
    await say(page, "hello")
    await site.inbox.next()
    await site.chat.send(post(1, "good day"))
    await expect(page.get_by_text("good day")).to_be_visible()
    await page.reload()
    await expect(page.locator("#log .words")).to_have_text(["hello", "good day"])


async def test_older_messages_are_shown_on_demand(site: Site, page: Page) -> None:
    for number in range(1, 131):
        await site.chat.send(post(number, f"message {number}."))
    await page.reload()
    await expect(page.locator("#log li")).to_have_count(100)
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(page.locator("#log li")).to_have_count(130)
    await expect(page.locator("#log .words").first).to_have_text("message 1.")
    await expect(page.get_by_role("button", name="Show earlier messages")).to_be_hidden()


async def test_a_restart_loses_nothing_and_says_nothing_twice(
    browser: Browser, tmp_path: Path, state: SqliteState
) -> None:
    site = Site(browser, tmp_path, state.transcript)
    async with site.window() as page:
        async with site.served():
            await page.goto(site.chat.login_link(ANNA))
            await expect(page.get_by_text("Connected")).to_be_visible()
            await say(page, "before")
            await site.inbox.next()
            await expect(page.get_by_label("stored")).to_be_visible()
        await expect(page.get_by_text("Reconnecting…")).to_be_visible()
        await say(page, "meanwhile")
        await expect(page.get_by_text("Sending…")).to_be_visible()
        async with site.served():
            message = await site.inbox.next()
            assert isinstance(message, Message)
            assert message.text == "meanwhile"
            await expect(page.get_by_label("stored")).to_have_count(2)
            await site.chat.send(post(1, "after"))
            await expect(page.locator("#log .words")).to_have_text(["before", "meanwhile", "after"])
    assert len(site.inbox.keys) == len(set(site.inbox.keys)) == 2


async def test_what_was_not_stored_survives_a_reload(site: Site, page: Page) -> None:
    site.inbox.is_broken = True
    await say(page, "keep me")
    await expect(page.get_by_text("Waiting: the disk is full")).to_be_visible()
    await page.reload()
    site.inbox.is_broken = False
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert message.text == "keep me"
    await expect(page.get_by_label("stored")).to_be_visible()
    await expect(page.locator("#log li")).to_have_count(1)


async def test_a_session_that_is_over_leads_to_the_login_page(
    browser: Browser, tmp_path: Path, state: SqliteState
) -> None:
    site = Site(browser, tmp_path, state.transcript)
    async with site.window() as page:
        async with site.served():
            await page.goto(site.chat.login_link(ANNA))
            await expect(page.get_by_text("Connected")).to_be_visible()
        (tmp_path / "sessions.json").unlink()
        async with site.served():
            await expect(page.get_by_label("Login link")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_wider_than_a_phone(site: Site, scheme: str) -> None:
    async with site.open(**PHONE, color_scheme=scheme) as page:
        await say(page, "x" * 300)
        code = "a very long line of code " * 20
        body = Rich(f"see\n{code}\nend", (Span(Style.PRE, 4, len(code)),))
        await site.chat.send(post(1, body))
        await site.chat.send(post(4, body, buttons=HELD))
        await site.chat.send(post(2, "https://example.org/" + "long" * 100))
        await site.chat.send(post(3, "f", attachment=Attachment("n" * 200 + ".txt", b"x")))
        site.chat.show(Progress(JobId(1), HERE, Reply(Rich("Bash: " + "x" * 300))))
        site.chat.notice = "w" * 200
        await expect(page.locator("#progress li")).to_be_visible()
        await expect(page.locator(".file")).to_be_visible()
        for selector in ("html", "#scroller", "#log", "header"):
            box = page.locator(selector)
            assert await box.evaluate("e => e.scrollWidth <= e.clientWidth"), selector
        is_scrolled = "e => e.scrollWidth > e.clientWidth"
        assert await page.locator("pre").first.evaluate(is_scrolled)
        assert not await page.locator(".question pre").evaluate(is_scrolled)


async def test_a_long_text_goes_through_whole(site: Site, page: Page) -> None:
    text = "0123456789" * 10_000
    await say(page, text)
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert message.text == text
    await expect(page.get_by_role("button", name="Show all")).to_be_visible()


async def test_a_text_that_is_too_long_is_not_sent_and_not_lost(site: Site, page: Page) -> None:
    await say(page, "x" * 250_000)
    await expect(page.get_by_role("alert")).to_contain_text("This has 251 kB")
    await expect(page.get_by_label("Message", exact=True)).not_to_have_value("")
    assert site.inbox.taken.empty()


async def test_markup_in_texts_is_text(site: Site, page: Page) -> None:
    attack = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    await say(page, attack)
    await site.chat.send(post(1, attack, buttons=((Button(attack[:40], "s:1"),),)))
    await expect(page.locator("#log .words")).to_have_text([attack, attack])
    assert await page.locator("#log img, #log script").count() == 0
    assert await page.title() == "Dispatch"


async def test_reordering_characters_are_shown_for_what_they_are(site: Site, page: Page) -> None:
    await site.chat.send(post(1, "rm \u202egpj.exe"))
    await expect(page.locator("#log .words")).to_have_text(r"rm \u202egpj.exe")


async def test_spans_become_elements(site: Site, page: Page) -> None:
    text = "😀 bold code\nprint()\nlink bad half"
    spans = (
        Span(Style.BOLD, 2, 9),
        Span(Style.CODE, 7, 4),
        Span(Style.PRE, 12, 7, "python"),
        Span(Style.LINK, 20, 4, "https://example.org/"),
        Span(Style.LINK, 25, 3, "javascript:alert(1)"),
        Span(Style.ITALIC, 25, 5),
        Span(Style.STRIKE, 29, 4),
    )
    await site.chat.send(post(1, Rich(text, spans)))
    words = page.locator("#log .words")
    await expect(words.locator("strong")).to_have_text("bold code")
    await expect(words.locator("strong code")).to_have_text("code")
    await expect(words.locator("pre")).to_have_text("print()")
    await expect(words.locator("a")).to_have_count(1)
    await expect(words.get_by_role("link", name="link")).to_have_attribute(
        "rel", "noopener noreferrer"
    )
    await expect(words).to_have_text("😀 bold codeprint()link bad half")


async def test_a_picture_is_seen_in_the_conversation(site: Site, page: Page) -> None:
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
        "gg=="
    )
    picture = Attachment("chart.png", png, is_picture=True)
    await site.chat.send(post(1, "as a picture", attachment=picture))
    image = page.get_by_alt_text("chart.png")
    await expect(image).to_be_visible()
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


async def test_a_file_is_downloaded(site: Site, page: Page) -> None:
    await site.chat.send(post(1, "the change", attachment=Attachment("ä.diff", b"+ new")))
    async with page.expect_download() as download:
        await page.get_by_role("link", name="ä.diff").click()
    saved = await download.value
    assert saved.suggested_filename == "ä.diff"
    assert (await saved.path()).read_bytes() == b"+ new"


async def test_progress_comes_and_goes(site: Site, page: Page) -> None:
    started = await site.chat.send(post(1, "Job 1 started"))
    site.chat.show(Progress(JobId(1), HERE, Reply(Rich("Bash: make test")), started))
    await expect(page.get_by_label("Running now")).to_contain_text("Bash: make test")
    await site.chat.send(post(2, "Job 1 done", PostKind.EDIT, started))
    await expect(page.get_by_label("Running now").get_by_role("listitem")).to_have_count(0)


async def test_the_notice_can_change(site: Site, page: Page) -> None:
    await expect(page.locator("#notice")).to_be_hidden()
    site.chat.notice = "Claude is not logged in: recipes work, see /help"
    await expect(page.locator("#notice")).to_have_text(site.chat.notice)


async def test_reading_older_messages_is_not_interrupted_by_new_ones(
    site: Site, page: Page
) -> None:
    for number in range(1, 41):
        await site.chat.send(post(number, f"message {number}."))
    await expect(page.get_by_text("message 40.")).to_be_in_viewport()
    await page.locator("#scroller").evaluate("e => e.scrollTop = 0")
    await site.chat.send(post(41, "message 41."))
    await expect(page.get_by_text("message 1.", exact=True)).to_be_in_viewport()
    await page.get_by_role("button", name="New messages").click()
    await expect(page.get_by_text("message 41.")).to_be_in_viewport()
