"""Files that people hand over on the page, over HTTP and by the port that tasks fetch them with."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from appliance.chat.web.server import WebChat
from appliance.chat.web.uploads import Kept, TooLarge, Uploads
from appliance.core.model import FileKind, IncomingFile, Message
from appliance.errors import ChatRefused, StorageUnavailable
from tests.chat.web.memory_transcript import MemoryTranscript
from tests.chat.web.running import (
    ANNA,
    BERT,
    KEPT,
    Inbox,
    frame_of,
    logged_in,
    running,
    web_chat,
)
from tests.fakes import FakeClock

FIRST, SECOND, THIRD = "first-" + "0" * 10, "second-" + "0" * 10, "third-" + "0" * 10
ANY = {"Content-Type": "application/octet-stream"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


@pytest.fixture
def chat(tmp_path: Path) -> WebChat:
    return web_chat(tmp_path, MemoryTranscript())


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def base(chat: WebChat, inbox: Inbox) -> AsyncIterator[str]:
    async with running(chat, inbox) as address:
        yield address


@pytest.fixture
async def client(chat: WebChat, base: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with logged_in(chat, base) as session:
        yield session


async def upload(
    client: aiohttp.ClientSession, name: str, content: object, headers: dict[str, str] = ANY
) -> int:
    async with client.post(f"/upload/{name}", data=content, headers=headers) as answer:
        return answer.status


async def fetched(chat: WebChat, file: IncomingFile) -> bytes:
    return b"".join([chunk async for chunk in chat.fetch(file)])


def files_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.glob("*/*"))


async def test_files_come_with_a_message_and_are_fetched_by_its_task(
    chat: WebChat, client: aiohttp.ClientSession, inbox: Inbox
) -> None:
    content = os.urandom(90_000)
    assert await upload(client, FIRST, content) == 204
    assert await upload(client, SECOND, PNG) == 204
    async with client.ws_connect("/socket") as page:
        files = [{"id": FIRST, "name": "../../a.csv"}, {"id": SECOND, "name": "<b>.png"}]
        await page.send_json({"type": "say", "id": THIRD, "text": "sum up", "files": files})
        message = await inbox.next()
        shown = (await frame_of(page, "message"))["files"]
    assert isinstance(message, Message)
    table, picture = message.files
    assert (table.kind, table.name, table.size) == (FileKind.DOCUMENT, "../../a.csv", 90_000)
    assert await fetched(chat, table) == content
    assert await fetched(chat, picture) == PNG
    assert [(file["name"], file["picture"]) for file in shown] == [
        ("../../a.csv", False),
        ("<b>.png", True),
    ]


async def test_files_without_a_word_are_a_message(
    client: aiohttp.ClientSession, inbox: Inbox
) -> None:
    await upload(client, FIRST, b"1,2")
    async with client.ws_connect("/socket") as page:
        await page.send_json(
            {"type": "say", "id": THIRD, "text": "", "files": [{"id": FIRST, "name": "a"}]}
        )
        message = await inbox.next()
    assert isinstance(message, Message)
    assert len(message.files) == 1


async def test_nobody_sends_or_sees_what_another_has_uploaded(
    chat: WebChat, base: str, client: aiohttp.ClientSession, inbox: Inbox
) -> None:
    await upload(client, FIRST, PNG)
    async with logged_in(chat, base, BERT) as other, other.ws_connect("/socket") as page:
        async with other.get(f"/sent/{FIRST}") as answer:
            assert answer.status == 404
        files = [{"id": FIRST, "name": "a"}]
        await page.send_json({"type": "say", "id": THIRD, "text": "look", "files": files})
        assert "not here any more" in (await frame_of(page, "refused"))["reason"]
    assert inbox.taken.empty()


@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, "image/png"), (b"<script>", "application/octet-stream")]
)
async def test_what_one_has_sent_is_seen_only_if_it_is_a_picture(
    client: aiohttp.ClientSession, content: bytes, kind: str
) -> None:
    await upload(client, FIRST, content)
    async with client.get(f"/sent/{FIRST}") as answer:
        assert answer.content_type == kind
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert await answer.read() == content


async def test_a_file_that_is_too_large_leaves_nothing(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async def endless() -> AsyncIterator[bytes]:  # says no size before
        while True:
            yield bytes(10_000)

    assert await upload(client, FIRST, bytes(KEPT.file_bytes + 1)) == 413
    with suppress(aiohttp.ClientError):  # the answer may come before all was sent
        assert await upload(client, FIRST, endless()) == 413
    assert files_in(tmp_path / "uploads") == []
    assert await upload(client, FIRST, bytes(KEPT.file_bytes)) == 204


async def test_a_page_that_goes_away_while_it_uploads_leaves_nothing_and_no_complaint(
    chat: WebChat,
    client: aiohttp.ClientSession,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in client.cookie_jar)
    host = f"127.0.0.1:{chat.port}"
    _, writer = await asyncio.open_connection("127.0.0.1", chat.port)
    writer.write(
        f"POST /upload/{FIRST} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
        f"Cookie: {cookies}\r\nContent-Type: application/octet-stream\r\n"
        "Content-Length: 1000\r\n\r\nhalf".encode()
    )
    await until(lambda: any(name.endswith(".part") for name in files_in(tmp_path / "uploads")))
    writer.close()
    await until(lambda: files_in(tmp_path / "uploads") == [])
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert await upload(client, SECOND, b"x") == 204


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (FIRST, "text/plain"),
        (FIRST, "multipart/form-data"),
        ("short", ANY["Content-Type"]),
        ("..%2f..%2fweb-sessions", ANY["Content-Type"]),
    ],
)
async def test_what_no_page_of_ours_sends_is_refused(
    client: aiohttp.ClientSession, tmp_path: Path, name: str, kind: str
) -> None:
    assert await upload(client, name, b"x", {"Content-Type": kind}) in (400, 404)
    assert files_in(tmp_path / "uploads") == []


async def test_a_full_disk_is_said_in_a_sentence(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "uploads").write_text("not a directory")
    async with client.post(f"/upload/{FIRST}", data=b"x", headers=ANY) as answer:
        assert answer.status == 507
        assert "cannot keep files" in await answer.text()


# --- the parts


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))


async def test_the_oldest_make_room_and_what_is_old_goes(tmp_path: Path) -> None:
    clock = FakeClock()
    now = clock.now() / 1000
    uploads = Uploads(tmp_path, Kept(file_bytes=10, files=3, all_bytes=25, days=2), clock)
    for age, name in ((30, FIRST), (20, SECOND)):
        await uploads.take(ANNA, name, pieces(b"x" * 8), 8)
        aged(tmp_path / ANNA / name, now - age)
    await uploads.take(BERT, THIRD, pieces(b"x" * 10), None)
    aged(tmp_path / BERT / THIRD, now)
    assert files_in(tmp_path) == [f"anna/{SECOND}", f"bert/{THIRD}"]
    clock.advance(2 * 24 * 3600 - 10)
    uploads.tidy()
    assert files_in(tmp_path) == [f"bert/{THIRD}"]


async def test_what_was_cut_off_is_no_file_and_goes_at_the_next_start(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, KEPT, FakeClock())

    async def cut_off() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await uploads.take(ANNA, FIRST, cut_off(), 8)
    with pytest.raises(TooLarge):
        await uploads.take(ANNA, FIRST, pieces(bytes(KEPT.file_bytes), b"x"), 1)
    assert files_in(tmp_path) == []
    (tmp_path / ANNA / f"{FIRST}.0000.part").write_bytes(b"killed")
    assert uploads.find(ANNA, FIRST) is None
    uploads.forget_what_was_cut_off()
    assert files_in(tmp_path) == []


async def test_two_tries_at_once_do_not_mix(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, KEPT, FakeClock())
    going_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"first "
        await going_on.wait()
        yield b"try"

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(uploads.take(ANNA, FIRST, slow(), None))
        await uploads.take(ANNA, FIRST, pieces(b"second"), 6)
        assert (tmp_path / ANNA / FIRST).read_bytes() == b"second"
        going_on.set()
    assert (tmp_path / ANNA / FIRST).read_bytes() == b"first try"


@pytest.mark.parametrize("number", ["", "anna/../x", "/etc/passwd", f"anna/{FIRST}", "anna"])
async def test_what_is_not_there_is_refused_for_good(tmp_path: Path, number: str) -> None:
    uploads = Uploads(tmp_path, KEPT, FakeClock())
    with pytest.raises(ChatRefused, match="not kept here any more"):
        async for _ in uploads.fetch(IncomingFile(FileKind.DOCUMENT, number)):
            pass


async def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    uploads = Uploads(tmp_path / "file", KEPT, FakeClock())
    with pytest.raises(StorageUnavailable):
        await uploads.take(ANNA, FIRST, pieces(b"x"), 1)
