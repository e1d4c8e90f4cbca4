"""What people do on the chat page, done in Chromium."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Page, expect

from appliance.core.model import (
    Attachment,
    Button,
    ButtonKind,
    Click,
    Edited,
    JobId,
    Message,
    PostKind,
    Progress,
    Reply,
    Rich,
    Span,
    Style,
    Urgency,
)
from appliance.storage.state import SqliteState
from tests.browser.page import Site
from tests.chat.web.running import ANNA, HERE, KEPT, post

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
]

PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True}

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)

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
    for _ in range(3):  # from the text box back, past "Attach files" and "Reply"
        await page.keyboard.press("Shift+Tab")
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
        await page.get_by_role("button", name="Approve").tap()
        click = await site.inbox.next()
        while not isinstance(click, Click):
            click = await site.inbox.next()
        await site.chat.send(post(5, "t" * 200, PostKind.TOAST, click.key))
        await expect(page.locator("#toast")).to_be_visible()
        await expect(page.locator("#progress li")).to_be_visible()
        await expect(page.locator(".file")).to_be_visible()
        over = await page.locator("#toast").bounding_box()
        assert over is not None
        assert over["x"] >= 0
        assert over["x"] + over["width"] <= 360
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
    picture = Attachment("chart.png", PNG, is_picture=True)
    await site.chat.send(post(1, "as a picture", attachment=picture))
    image = page.get_by_alt_text("chart.png")
    await expect(image).to_be_visible()
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    await image.click()
    await expect(page.locator("dialog img")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_be_hidden()


async def test_a_file_is_downloaded(site: Site, page: Page) -> None:
    await site.chat.send(post(1, "the change", attachment=Attachment("ä.diff", b"+ new")))
    async with page.expect_download() as download:
        await page.get_by_role("link", name="ä.diff").click()
    saved = await download.value
    assert saved.suggested_filename == "ä.diff"
    assert (await saved.path()).read_bytes() == b"+ new"


async def test_what_a_job_does_now_is_seen_in_its_own_message(site: Site, page: Page) -> None:
    stop = ((Button("Stop", "s:1"),),)
    started = await site.chat.send(post(1, "Job 1 started", buttons=stop))
    button = page.get_by_role("button", name="Stop")
    await button.focus()
    now = Reply(Rich("Job 1 is running: make test", (Span(Style.CODE, 18, 9),)), stop)
    site.chat.show(Progress(JobId(1), HERE, now, started))
    await expect(page.locator("#log .live code")).to_have_text("make test")
    await expect(button).to_be_focused()  # it did not go from under a finger
    await page.reload()
    await expect(page.locator("#log .words")).to_have_text(["Job 1 is running: make test"])
    await expect(page.get_by_label("Running now").get_by_role("listitem")).to_have_count(0)
    await site.chat.send(post(2, "Job 1 done", PostKind.EDIT, started))
    await expect(page.locator("#log .words")).to_have_text(["Job 1 done"])
    await expect(page.locator("#log .live")).to_have_count(0)


async def test_progress_without_a_message_comes_and_goes(site: Site, page: Page) -> None:
    site.chat.show(Progress(JobId(1), HERE, Reply(Rich("Bash: make test"))))
    await expect(page.get_by_label("Running now")).to_contain_text("Bash: make test")
    site.chat.show(Progress(JobId(1), HERE))
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


# --- files


CSV: FilePayload = {"name": "list.csv", "mimeType": "text/csv", "buffer": b"1,2"}
PICTURE: FilePayload = {"name": "chart.png", "mimeType": "image/png", "buffer": PNG}


async def test_files_go_with_a_message_and_pictures_are_seen(site: Site, page: Page) -> None:
    await page.locator("#picker").set_input_files([CSV, PICTURE])
    await expect(page.get_by_label("Files", exact=True).get_by_role("listitem")).to_have_count(2)
    await expect(page.locator(".chip.coming")).to_have_count(0)
    await say(page, "what is this?")
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert [file.name for file in message.files] == ["list.csv", "chart.png"]
    await expect(page.locator(".chip")).to_have_count(0)
    image = page.get_by_alt_text("chart.png")
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    await expect(page.get_by_role("link", name="list.csv")).to_be_visible()


async def test_a_file_is_dropped_on_the_page_and_taken_away_again(site: Site, page: Page) -> None:
    dropped = await page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['x'], 'a.txt')); return d; }"
    )
    await page.dispatch_event("#scroller", "drop", {"dataTransfer": dropped})
    await expect(page.locator(".chip")).to_contain_text("a.txt")
    await page.get_by_role("button", name="Remove a.txt").click()
    await expect(page.locator(".chip")).to_have_count(0)
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()


async def test_files_that_are_too_many_or_too_large_are_told_before_they_go(
    site: Site, page: Page
) -> None:
    large: FilePayload = {**CSV, "buffer": bytes(KEPT.file_bytes + 1)}
    await page.locator("#picker").set_input_files([large])
    await expect(page.get_by_role("alert")).to_have_text(
        "list.csv has 100 kB; 100 kB is the most that can be taken here."
    )
    await page.locator("#picker").set_input_files([CSV] * (KEPT.files + 1))
    await expect(page.get_by_role("alert")).to_have_text("At most 3 files go with a message.")
    await expect(page.locator(".chip")).to_have_count(KEPT.files)


async def test_sound_without_a_word_is_not_listened_to(site: Site, page: Page) -> None:
    sound: FilePayload = {"name": "note.ogg", "mimeType": "audio/ogg", "buffer": b"OggS"}
    await page.locator("#picker").set_input_files([sound])
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nobody listens to sound on this page")
    await say(page, "cut the silence out of this")
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert [file.name for file in message.files] == ["note.ogg"]


# --- replies and changes


async def test_replying_to_an_earlier_message(site: Site, page: Page) -> None:
    answer = await site.chat.send(post(1, "The first answer."))
    await site.chat.send(post(2, "The second answer."))
    await page.locator(f"#message-{answer}").hover()
    await page.locator(f"#message-{answer}").get_by_role("button", name="Reply").click()
    await expect(page.locator("#about")).to_have_text(re.compile("Reply to: The first answer."))
    await page.keyboard.type("and again")
    await page.keyboard.press("Enter")
    message = await site.inbox.next()
    assert isinstance(message, Message)
    assert (message.text, message.reply_to) == ("and again", answer)
    await expect(page.locator("#about")).to_be_hidden()
    await expect(page.locator("#log .quote")).to_have_text("The first answer.")


async def test_changing_ones_last_message(site: Site, page: Page) -> None:
    await say(page, "an earlier one")
    await say(page, "paint it red")
    await site.inbox.next()
    said = await site.inbox.next()
    assert isinstance(said, Message)
    own = page.locator("li.user")
    await own.first.hover()
    await expect(own.first.get_by_role("button", name="Edit")).to_be_hidden()
    await own.last.hover()
    await own.last.get_by_role("button", name="Edit").click()
    box = page.get_by_label("Message", exact=True)
    await expect(box).to_have_value("paint it red")
    await page.keyboard.press("Escape")
    await expect(box).to_have_value("")
    await page.keyboard.press("ArrowUp")
    await box.fill("paint it blue")
    await page.keyboard.press("Enter")
    edited = await site.inbox.next()
    assert isinstance(edited, Edited)
    assert (edited.message_id, edited.text) == (said.message_id, "paint it blue")
    await expect(own.last).to_contain_text("paint it blue")
    await expect(own.last).to_contain_text("edited")
    await site.chat.send(post(1, "👀", PostKind.MARK, said.message_id))
    await expect(own.last.locator(".sign")).to_have_text("👀")


async def test_commands_are_offered_when_one_is_begun(site: Site, page: Page) -> None:
    await page.get_by_label("Message", exact=True).fill("/h")
    await expect(page.get_by_label("Commands").get_by_role("listitem")).to_have_count(1)
    await page.get_by_role("button", name="/help what can be done").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("/help ")
    await expect(page.get_by_label("Commands")).to_be_hidden()


# --- what rings


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LISTEN = """
window.told = [];
window.Notification = class extends EventTarget {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = "granted"); }
  constructor(title, { body }) { super(); window.told.push(body); }
};
"""


async def test_who_looks_elsewhere_is_told_of_what_rings(site: Site) -> None:
    async with site.window() as page:
        await page.add_init_script(LISTEN)
        await page.goto(site.chat.login_link(ANNA))
        await page.get_by_role("button", name="Notify me").click()
        await expect(page.get_by_role("button", name="Notify me")).to_be_hidden()
        await page.evaluate(HIDE, True)
        await site.chat.send(post(1, "Job 1 started", silent=True))
        await site.chat.send(post(2, "For your information"))
        await expect(page).to_have_title("(1) Dispatch")
        question = await site.chat.send(
            post(3, "May this run?", buttons=HELD, urgency=Urgency.ANSWER)
        )
        await expect(page).to_have_title("❗ (2) Dispatch")
        await site.chat.send(post(4, "Allowed", PostKind.EDIT, question))
        await expect(page.get_by_text("Allowed")).to_be_visible()
        await page.evaluate(HIDE, False)
        await expect(page).to_have_title("Dispatch")
        told = await page.evaluate("window.told")
    assert told == ["From now on you are told here.", "May this run?"]


# --- German


async def test_who_speaks_german_reads_german_from_the_login_page_on(site: Site) -> None:
    async with site.window(locale="de-DE", **PHONE) as page:
        await page.goto(f"http://127.0.0.1:{site.chat.port}/login")
        await expect(page.get_by_label("Anmelde-Link")).to_be_visible()
        await page.get_by_label("Anmelde-Link").fill(site.chat.login_link(ANNA))
        await page.get_by_role("button", name="Anmelden").click()
        await expect(page.get_by_text("Was soll getan werden?")).to_be_visible()
        await expect(page.get_by_text("Verbunden")).to_be_visible()
        await page.get_by_label("Nachricht", exact=True).fill("guten Tag")
        await page.get_by_role("button", name="Senden").click()
        await expect(page.get_by_label("gespeichert")).to_be_visible()
        await expect(page.get_by_role("button", name="Antworten")).to_have_count(1)
        message = await site.inbox.next()
    assert isinstance(message, Message)
    assert message.language == "de-de"
    site.problems = [p for p in site.problems if "403" not in p]  # no link at first
