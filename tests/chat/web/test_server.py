"""What an open page gets, and what becomes of what it sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from appliance.chat.web.audience import MAX_CONNECTIONS_PER_USER
from appliance.chat.web.frames import MAX_FRAME_BYTES, MAX_QUOTE_CHARACTERS
from appliance.chat.web.server import Manner, WebChat
from appliance.chat.web.transcript import Transcript
from appliance.core.model import (
    Attachment,
    Button,
    Click,
    Edited,
    JobId,
    Message,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    Progress,
    Reply,
    Rich,
    Sender,
    Urgency,
)
from appliance.core.preferences import Language
from appliance.errors import ChatRefused, ConfigError
from appliance.storage.state import SqliteState
from tests.chat.web.memory_transcript import MemoryTranscript
from tests.chat.web.running import (
    ANNA,
    BERT,
    HERE,
    KEPT,
    Inbox,
    english_menu,
    frame_of,
    logged_in,
    post,
    running,
    web_chat,
)

ID = "0123456789abcdef"


@pytest.fixture(params=["memory", "sqlite"])
def transcript(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transcript]:
    if request.param == "memory":
        yield MemoryTranscript()
    else:
        state = SqliteState.open(tmp_path)
        yield state.transcript
        state.close()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def chat(tmp_path: Path, transcript: Transcript) -> WebChat:
    return web_chat(tmp_path, transcript, notice="no agent", commands=["/help"])


@pytest.fixture
async def base(chat: WebChat, inbox: Inbox) -> AsyncIterator[str]:
    async with running(chat, inbox) as address:
        yield address


@pytest.fixture
async def client(chat: WebChat, base: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with logged_in(chat, base) as session:
        yield session


@pytest.fixture
async def page(
    client: aiohttp.ClientSession,
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with client.ws_connect("/socket") as socket:
        yield socket


Page = aiohttp.ClientWebSocketResponse


async def test_a_page_is_told_what_it_needs_to_know(page: Page) -> None:
    assert await frame_of(page, "hello") == {
        "type": "hello",
        "user": "anna",
        "notice": "no agent",
        "commands": ["/help"],
        "limit": MAX_FRAME_BYTES,
        "files": {"bytes": KEPT.file_bytes, "count": KEPT.files},
    }


async def test_a_page_speaks_as_its_place_does_or_else_as_its_browser(
    chat: WebChat, base: str, client: aiohttp.ClientSession, page: Page, inbox: Inbox
) -> None:
    english = await frame_of(page, "words")
    assert (english["language"], english["said"]) == ("en", {})
    assert english["menu"][0] == ["help", "what can be done"]
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
    async with client.ws_connect("/socket", headers=german) as abroad:
        assert (await frame_of(abroad, "words"))["said"]["Send"] == "Senden"
        await abroad.send_json({"type": "say", "id": ID, "text": "guten Tag"})
        message = await inbox.next()
        assert isinstance(message, Message)
        assert message.language == "de-at"
    async with logged_in(chat, base, BERT) as other, other.ws_connect("/socket") as foreign:
        assert (await frame_of(foreign, "words"))["language"] == "de"


@pytest.mark.parametrize("language", ["", "*", "x" * 200, "de\u00e4", "<b>", "tlh"])
async def test_a_language_that_we_do_not_speak_is_english(
    client: aiohttp.ClientSession, language: str
) -> None:
    async with client.get("/words", headers={"Accept-Language": language}) as answer:
        assert (await answer.json())["language"] == "en"


async def test_the_page_is_told_when_another_language_was_chosen(tmp_path: Path) -> None:
    chosen = [Language.ENGLISH]
    words = Manner(lambda _place, _browser: chosen[0], english_menu)
    chat = web_chat(tmp_path, MemoryTranscript(), manner=words)
    async with (
        running(chat, Inbox()) as base,
        logged_in(chat, base) as client,
        client.ws_connect("/socket") as page,
    ):
        assert (await frame_of(page, "words"))["language"] == "en"
        chosen[0] = Language.GERMAN
        await chat.send(post(1, "Die Sprache ist jetzt Deutsch."))
        assert (await frame_of(page, "words"))["language"] == "de"


async def test_a_text_becomes_a_message(page: Page, inbox: Inbox) -> None:
    await page.send_json({"type": "say", "id": ID, "text": "fix the bug"})
    message = await inbox.next()
    assert isinstance(message, Message)
    assert (message.key, message.sender, message.place, message.text) == (
        f"web:anna:{ID}",
        Sender(Platform.WEB, "anna"),
        HERE,
        "fix the bug",
    )
    assert (await frame_of(page, "stored"))["id"] == ID


async def test_a_button_becomes_a_click_under_its_message(page: Page, inbox: Inbox) -> None:
    await page.send_json({"type": "click", "id": ID, "token": "a:k7m2", "message": "post-7"})
    click = await inbox.next()
    assert isinstance(click, Click)
    assert (click.key, click.token, click.message_id) == (f"web:anna:{ID}", "a:k7m2", "post-7")


async def test_a_reply_names_its_message_and_quotes_it(
    chat: WebChat, page: Page, inbox: Inbox
) -> None:
    await chat.send(post(1, "first line\nsecond " + "x" * 200))
    await page.send_json({"type": "say", "id": ID, "text": "and this?", "reply_to": "post-1"})
    message = await inbox.next()
    assert isinstance(message, Message)
    assert message.reply_to == "post-1"
    await frame_of(page, "message")
    said = await frame_of(page, "message")
    assert said["quote"]["id"] == "post-1"
    assert said["quote"]["text"].startswith("first line second xxx")
    assert len(said["quote"]["text"]) <= MAX_QUOTE_CHARACTERS + 1


async def test_an_answer_quotes_what_it_answers_and_keeps_that_when_it_changes(
    chat: WebChat, page: Page
) -> None:
    await page.send_json({"type": "say", "id": ID, "text": "fix the bug"})
    await frame_of(page, "message")
    answered = await chat.send(post(1, "done", answers=f"said-{ID}"))
    quote = {"id": f"said-{ID}", "text": "fix the bug"}
    assert (await frame_of(page, "message"))["quote"] == quote
    await chat.send(post(2, "done, twice", PostKind.EDIT, answered))
    assert (await frame_of(page, "message"))["quote"] == quote


async def test_a_message_can_be_changed_by_its_writer(
    page: Page, inbox: Inbox, transcript: Transcript
) -> None:
    await page.send_json({"type": "say", "id": ID, "text": "paint it red"})
    first = await frame_of(page, "message")
    await inbox.next()
    again = {"type": "edit", "id": "f" * 16, "message": f"said-{ID}", "text": "paint it blue"}
    for _ in range(2):
        await page.send_json(again)
    edited = await inbox.next()
    assert isinstance(edited, Edited)
    assert (edited.message_id, edited.text) == (f"said-{ID}", "paint it blue")
    changed = await frame_of(page, "message")
    assert (changed["text"], changed["edited"]) == ("paint it blue", True)
    assert (changed["position"], changed["at"]) == (first["position"], first["at"])
    assert inbox.taken.empty()
    assert len(transcript.after(ANNA, 0, 10)) == 1


async def test_what_was_never_said_cannot_be_changed(page: Page, inbox: Inbox) -> None:
    change = {"type": "edit", "id": ID, "message": "said-" + "0" * 16, "text": "x"}
    await page.send_json(change)
    assert "not there" in (await frame_of(page, "refused"))["reason"]
    await page.send_json({**change, "text": " "})
    await frame_of(page, "refused")
    assert inbox.taken.empty()


async def test_an_edit_without_a_file_leaves_the_one_that_is_there(
    chat: WebChat, client: aiohttp.ClientSession, page: Page
) -> None:
    sent = await chat.send(post(1, "May this?", attachment=Attachment("a.diff", b"+ new")))
    await frame_of(page, "message")
    await chat.send(post(2, "Allowed", PostKind.EDIT, sent))
    assert (await frame_of(page, "message"))["file"]["name"] == "a.diff"
    async with client.get(f"/file/{sent}") as answer:
        assert await answer.read() == b"+ new"


async def test_what_rings_and_what_is_urgent_is_told(chat: WebChat, page: Page) -> None:
    await chat.send(post(1, "an answer", urgency=Urgency.ANSWER))
    await chat.send(post(2, "started", silent=True))
    first, second = await frame_of(page, "message"), await frame_of(page, "message")
    assert (first["rings"], first["urgent"]) == (True, True)
    assert (second["rings"], second["urgent"]) == (False, False)


async def test_stored_is_said_only_when_it_is(page: Page, inbox: Inbox) -> None:
    inbox.is_broken = True
    await page.send_json({"type": "say", "id": ID, "text": "hello"})
    assert (await frame_of(page, "later"))["reason"] == "the disk is full"
    inbox.is_broken = False
    await page.send_json({"type": "say", "id": ID, "text": "hello"})
    assert (await frame_of(page, "stored"))["id"] == ID


async def test_what_is_offered_twice_is_one_message(
    page: Page, inbox: Inbox, transcript: Transcript
) -> None:
    for _ in range(2):
        await page.send_json({"type": "say", "id": ID, "text": "hello"})
        await frame_of(page, "stored")
    assert inbox.taken.qsize() == 1
    assert len(transcript.after(ANNA, 0, 10)) == 1


async def test_an_empty_text_is_refused(page: Page, inbox: Inbox) -> None:
    await page.send_json({"type": "say", "id": ID, "text": " \n"})
    assert (await frame_of(page, "refused"))["reason"] == "There is nothing to send."
    assert inbox.taken.empty()


@pytest.mark.parametrize("frame", ["{", "[]", '{"type":"say"}', "[" * 100_000])
async def test_a_frame_that_no_page_of_ours_sends_closes_the_connection(
    page: Page, frame: str
) -> None:
    await page.send_str(frame)
    await frame_of(page, "hello")
    assert await _close_code(page) == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_an_oversized_frame_closes_the_connection(page: Page, inbox: Inbox) -> None:
    await page.send_json({"type": "say", "id": ID, "text": "x" * MAX_FRAME_BYTES})
    assert await _close_code(page) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert inbox.taken.empty()


async def test_a_post_appears_on_every_page_of_its_user_and_on_no_other(
    chat: WebChat, base: str, client: aiohttp.ClientSession, page: Page
) -> None:
    async with (
        logged_in(chat, base, BERT) as other,
        other.ws_connect("/socket") as foreign,
        client.ws_connect("/socket") as second,
    ):
        await frame_of(foreign, "earliest")
        assert await chat.send(post(7, "done")) == "post-7"
        for own in (page, second):
            assert (await frame_of(own, "message"))["text"] == "done"
        place = Place(Platform.WEB, BERT)
        await chat.send(Post(PostId(8), place, PostKind.NEW, Reply(Rich("for bert"))))
        assert (await frame_of(foreign, "message"))["text"] == "for bert"


async def test_an_edit_replaces_the_message_in_its_place(chat: WebChat, page: Page) -> None:
    message_id = await chat.send(post(1, "started"))
    await chat.send(post(2, "answer"))
    first = await frame_of(page, "message")
    await frame_of(page, "message")
    edit = post(3, "done", PostKind.EDIT, message_id)
    assert await chat.send(edit) == message_id
    changed = await frame_of(page, "message")
    assert (changed["id"], changed["text"], changed["at"]) == (message_id, "done", first["at"])
    assert changed["position"] == first["position"]
    assert changed["seq"] > first["seq"]


async def test_sending_twice_shows_once_and_is_found(chat: WebChat, transcript: Transcript) -> None:
    once = post(5, "hello")
    assert await chat.find(once) is None
    assert await chat.send(once) == await chat.send(once)
    assert await chat.find(once) == "post-5"
    assert len(transcript.after(ANNA, 0, 10)) == 1


async def test_an_edit_is_found_only_when_it_was_the_last(chat: WebChat) -> None:
    message_id = await chat.send(post(1, "started"))
    edit = post(2, "done", PostKind.EDIT, message_id)
    assert await chat.find(edit) is None
    await chat.send(edit)
    assert await chat.find(edit) == message_id


async def test_a_toast_names_the_click_that_it_answers(chat: WebChat, page: Page) -> None:
    await frame_of(page, "hello")
    await chat.send(post(1, "Too late.", PostKind.TOAST, f"web:anna:{ID}"))
    toast = await frame_of(page, "toast")
    assert (toast["click"], toast["text"]) == (ID, "Too late.")


async def test_a_post_for_nobody_is_refused_for_good(chat: WebChat) -> None:
    place = Place(Platform.WEB, "mallory")
    with pytest.raises(ChatRefused, match="no user called mallory"):
        await chat.send(Post(PostId(1), place, PostKind.NEW, Reply(Rich("x"))))


async def test_a_reconnecting_page_gets_what_it_missed(
    chat: WebChat, client: aiohttp.ClientSession, page: Page
) -> None:
    await chat.send(post(1, "one"))
    seen = (await frame_of(page, "message"))["seq"]
    await page.close()
    await chat.send(post(2, "two"))
    async with client.ws_connect(f"/socket?after={seen}") as again:
        assert (await frame_of(again, "message"))["text"] == "two"


async def test_older_messages_are_fetched_on_demand(
    chat: WebChat, client: aiohttp.ClientSession
) -> None:
    for number in range(1, 151):
        await chat.send(post(number, f"message {number}"))
    async with client.ws_connect("/socket") as page:
        shown = [await frame_of(page, "message") for _ in range(100)]
        assert [shown[0]["text"], shown[-1]["text"]] == ["message 51", "message 150"]
        await page.send_json({"type": "earlier", "before": shown[0]["position"]})
        older = [await frame_of(page, "message") for _ in range(50)]
        assert [older[0]["text"], older[-1]["text"]] == ["message 1", "message 50"]
        await frame_of(page, "earliest")


@pytest.mark.parametrize("after", ["-1", "x", "1" * 19, "१"])
async def test_a_page_that_has_seen_nonsense_is_refused(
    client: aiohttp.ClientSession, after: str
) -> None:
    async with client.get("/socket", params={"after": after}) as answer:
        assert answer.status == 400


async def test_progress_is_shown_and_goes_when_its_message_is_edited(
    chat: WebChat, client: aiohttp.ClientSession, page: Page
) -> None:
    await frame_of(page, "hello")
    started = await chat.send(post(1, "started"))
    chat.show(Progress(JobId(3), HERE, Reply(Rich("Bash: git status")), started))
    assert (await frame_of(page, "progress"))["text"] == "Bash: git status"
    async with client.ws_connect("/socket") as later:
        assert (await frame_of(later, "progress"))["text"] == "Bash: git status"
    await chat.send(post(2, "done", PostKind.EDIT, started))
    assert (await frame_of(page, "progress"))["text"] == ""
    async with client.ws_connect("/socket") as latest:
        frames = [await latest.receive_json(timeout=10) for _ in range(4)]
    assert [frame["type"] for frame in frames] == ["words", "hello", "message", "earliest"]


async def test_a_file_is_offered_and_only_to_its_owner(
    chat: WebChat, base: str, client: aiohttp.ClientSession, page: Page
) -> None:
    attachment = Attachment('ä "x"\r\n.diff', b"<script>")
    await chat.send(post(9, "see file", attachment=attachment))
    message = await frame_of(page, "message")
    assert message["file"] == {"name": attachment.name, "size": 8, "picture": False}
    async with client.get("/file/post-9") as answer:
        assert await answer.read() == b"<script>"
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename*=UTF-8''%C3%A4%20%22x%22%0D%0A.diff"
        )
    async with logged_in(chat, base, BERT) as other, other.get("/file/post-9") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "image/png"),
        (b"<svg onload='x'>", "application/octet-stream"),
    ],
)
async def test_only_what_is_a_picture_is_served_as_one(
    chat: WebChat, client: aiohttp.ClientSession, page: Page, content: bytes, kind: str
) -> None:
    attachment = Attachment("chart.png", content, is_picture=True)
    await chat.send(post(9, "see", attachment=attachment))
    assert (await frame_of(page, "message"))["file"]["picture"] is True
    async with client.get("/file/post-9") as answer:
        assert answer.content_type == kind
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_message_without_a_file_has_none(
    chat: WebChat, client: aiohttp.ClientSession
) -> None:
    await chat.send(post(9, "no file"))
    async with client.get("/file/post-9") as answer:
        assert answer.status == 404


async def test_a_new_notice_reaches_open_pages(chat: WebChat, page: Page) -> None:
    await frame_of(page, "hello")
    chat.notice = "Claude is logged in."
    assert (await frame_of(page, "notice"))["text"] == "Claude is logged in."


async def test_too_many_pages_of_one_user_are_refused(client: aiohttp.ClientSession) -> None:
    pages = [await client.ws_connect("/socket") for _ in range(MAX_CONNECTIONS_PER_USER)]
    for page in pages:
        await frame_of(page, "hello")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/socket")
    assert refused.value.status == 429
    for page in pages:
        await page.close()


async def test_stopping_tells_the_pages(
    tmp_path: Path, transcript: Transcript, inbox: Inbox
) -> None:
    chat = web_chat(tmp_path, transcript)
    async with AsyncExitStack() as outlasting, asyncio.TaskGroup() as tasks, running(chat, inbox):
        base = f"http://127.0.0.1:{chat.port}"
        client = await outlasting.enter_async_context(logged_in(chat, base))
        page = await client.ws_connect("/socket")
        await frame_of(page, "hello")
        closing = tasks.create_task(_close_code(page))
    assert closing.result() == aiohttp.WSCloseCode.GOING_AWAY


async def _close_code(page: Page) -> int | None:
    while not page.closed:
        await page.receive(timeout=10)
    return page.close_code


async def test_a_taken_port_is_said_in_one_sentence(
    chat: WebChat, base: str, tmp_path: Path, transcript: Transcript
) -> None:
    second = web_chat(tmp_path, transcript, port=chat.port)
    with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="cannot listen on 127.0.0.1")):
        await second.run(Inbox(), lambda: None)


async def test_an_edit_of_a_message_that_is_not_there_is_refused(chat: WebChat) -> None:
    with pytest.raises(ChatRefused, match="is not there"):
        await chat.send(post(1, "done", PostKind.EDIT, "post-99"))


async def test_a_link_for_nobody_is_refused(chat: WebChat) -> None:
    with pytest.raises(ConfigError, match="no user called"):
        chat.login_link("mallory")  # type: ignore[arg-type]


async def test_buttons_and_spans_travel_as_data(chat: WebChat, page: Page) -> None:
    await chat.send(post(1, "<b>", buttons=((Button("Stop", "s:1"),),)))
    message = await frame_of(page, "message")
    assert message["text"] == "<b>"
    assert message["buttons"] == [[{"label": "Stop", "token": "s:1", "kind": "plain"}]]
    json.dumps(message)
