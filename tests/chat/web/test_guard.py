"""Who may not talk to the page: other hosts' names, other origins, nobody without a session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from appliance.chat.web.server import WebChat
from tests.chat.web.memory_transcript import MemoryTranscript
from tests.chat.web.running import ANNA, Inbox, logged_in, running, web_chat

UPLOAD = "0123456789abcdef"


@pytest.fixture
def chat(tmp_path: Path) -> WebChat:
    return web_chat(tmp_path, MemoryTranscript())


@pytest.fixture
async def base(chat: WebChat) -> AsyncIterator[str]:
    async with running(chat, Inbox()) as address:
        yield address


@pytest.fixture
async def client(chat: WebChat, base: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with logged_in(chat, base) as session:
        yield session


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""]
)
async def test_a_rebound_name_is_refused(
    client: aiohttp.ClientSession, chat: WebChat, host: str
) -> None:
    for path in ("/", "/login", "/page/chat.js", "/socket", "/file/post-1", "/words"):
        async with client.get(path, headers={"Host": host.format(port=chat.port)}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
async def test_names_of_this_machine_are_served(
    client: aiohttp.ClientSession, chat: WebChat, name: str
) -> None:
    host = f"{name}:{chat.port}"
    async with client.get("/login", headers={"Host": host, "Origin": f"http://{host}"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "",
        "file://",
    ],
)
async def test_another_origin_is_refused(
    client: aiohttp.ClientSession, chat: WebChat, origin: str
) -> None:
    headers = {"Origin": origin.format(port=chat.port)}
    async with client.get("/", headers=headers) as answer:
        assert answer.status == 403
    for path in ("/login", f"/upload/{UPLOAD}"):
        async with client.post(path, headers=headers) as answer:
            assert answer.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/socket", headers=headers)
    assert refused.value.status == 403


async def test_a_socket_without_an_origin_is_refused(
    client: aiohttp.ClientSession, base: str
) -> None:
    cookies = {c.key: c.value for c in client.cookie_jar}
    async with aiohttp.ClientSession(base, cookies=cookies) as bare:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await bare.ws_connect("/socket")
        assert refused.value.status == 403
        for path in ("/login", f"/upload/{UPLOAD}"):
            async with bare.post(path) as answer:
                assert answer.status == 403


async def test_without_a_session_there_is_only_the_login_page(base: str) -> None:
    async with aiohttp.ClientSession(base, headers={"Origin": base}) as stranger:
        async with stranger.get("/", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/login")
        for path in ("/file/post-1", f"/sent/{UPLOAD}"):
            async with stranger.get(path) as answer:
                assert answer.status == 401
        async with stranger.post(f"/upload/{UPLOAD}", data=b"x") as answer:
            assert answer.status == 401
        async with stranger.post("/login", data="guess") as answer:
            assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stranger.ws_connect("/socket")
        assert refused.value.status == 401


async def test_a_link_opens_one_session_only(chat: WebChat, base: str) -> None:
    token = chat.login_link(ANNA).partition("#")[2]
    async with aiohttp.ClientSession(base, headers={"Origin": base}) as stranger:
        async with stranger.post("/login", data=token) as answer:
            assert answer.status == 204
            (cookie,) = answer.headers.getall("Set-Cookie")
        assert f"dispatch_{chat.port}=" in cookie
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            assert word in cookie
    async with (
        aiohttp.ClientSession(base, headers={"Origin": base}) as stranger,
        stranger.post("/login", data=token) as answer,
    ):
        assert answer.status == 403
        assert "used already" in await answer.text()


async def test_a_session_of_a_user_taken_out_of_the_settings_is_over(tmp_path: Path) -> None:
    before = web_chat(tmp_path, MemoryTranscript())
    async with running(before, Inbox()) as base, logged_in(before, base) as client:
        cookies = {c.key: c.value for c in client.cookie_jar}
    after = web_chat(tmp_path, MemoryTranscript(), users=["bert"], port=before.port)
    async with (
        running(after, Inbox()) as base,
        aiohttp.ClientSession(base) as client,
        client.get("/", cookies=cookies, allow_redirects=False) as answer,
    ):
        assert answer.status == 303


async def test_every_answer_carries_the_protecting_headers(client: aiohttp.ClientSession) -> None:
    for path in ("/", "/login", "/page/style.css", "/nothing", "/file/post-1"):
        async with client.get(path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Python" not in answer.headers["Server"]


@pytest.mark.parametrize("name", ["../server.py", "..%2f..%2ferrors.py", "chat.py", ""])
async def test_only_the_page_s_own_files_are_served(
    client: aiohttp.ClientSession, name: str
) -> None:
    async with client.get(f"/page/{name}") as answer:
        assert answer.status == 404


async def test_an_oversized_login_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post("/login", data="x" * 100_000) as answer:
        assert answer.status == 413
