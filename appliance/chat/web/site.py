"""What is served over HTTP: the login, the page's files, attachments, and the WebSocket."""

from __future__ import annotations

import asyncio
import importlib.resources
import json
import logging
import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web

from appliance.chat.web.connection import Opened
from appliance.chat.web.frames import MAX_FRAME_BYTES
from appliance.chat.web.guard import add_headers, guard
from appliance.chat.web.login import SESSION_LIFE_MS, LoginTokens, Sessions
from appliance.chat.web.transcript import Transcript
from appliance.chat.web.uploads import UPLOAD_ID, TooLarge, Uploads
from appliance.core.model import UserName
from appliance.core.pictures import picture_in
from appliance.core.preferences import Language, spoken
from appliance.core.replies import about_page
from appliance.errors import StorageUnavailable

log = logging.getLogger(__name__)

OpenPage = Callable[[Opened], Awaitable[None]]
"""Serves one WebSocket to its end."""

MAX_LOGIN_BYTES = 1000
PING_SECONDS = 25
CLOSE_SECONDS = 2
UPLOAD_SECONDS = 300.0
MAX_UPLOADS_AT_ONCE = 8
ANY_BYTES = "application/octet-stream"
PAGE_FILES = {
    "index.html": "text/html",
    "login.html": "text/html",
    "style.css": "text/css",
    "chat.js": "text/javascript",
    "composer.js": "text/javascript",
    "link.js": "text/javascript",
    "log.js": "text/javascript",
    "rich.js": "text/javascript",
    "login.js": "text/javascript",
    "news.js": "text/javascript",
    "tray.js": "text/javascript",
    "words.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


class Site:
    """`application` makes what aiohttp serves; `port` is asked at each request."""

    def __init__(
        self,
        *,
        port: Callable[[], int],
        users: frozenset[UserName],
        tokens: LoginTokens,
        sessions: Sessions,
        transcript: Transcript,
        uploads: Uploads,
        has_room_for: Callable[[UserName], bool],
    ) -> None:
        self._port = port
        self._users = users
        self._tokens = tokens
        self._sessions = sessions
        self._transcript = transcript
        self._uploads = uploads
        self._coming_in = 0
        self._has_room_for = has_room_for
        self._pages = {name: _load(name) for name in PAGE_FILES}

    def application(self, open_page: OpenPage) -> web.Application:
        async def socket(request: web.Request) -> web.StreamResponse:
            return await self._socket(request, open_page)

        application = web.Application(
            middlewares=[guard(self._port)], client_max_size=MAX_LOGIN_BYTES
        )
        application.on_response_prepare.append(add_headers)
        application.add_routes(
            [
                web.get("/", self._index, allow_head=False),
                web.get("/login", self._login_page, allow_head=False),
                web.post("/login", self._login),
                web.get("/page/{name}", self._page_file, allow_head=False),
                web.get("/words", self._words, allow_head=False),
                web.get("/file/{message_id}", self._file, allow_head=False),
                web.get("/sent/{upload_id}", self._sent, allow_head=False),
                web.post("/upload/{upload_id}", self._upload),
                web.get("/socket", socket, allow_head=False),
            ]
        )
        return application

    # pages

    async def _index(self, request: web.Request) -> web.StreamResponse:
        if self._user_of(request) is None:
            raise web.HTTPSeeOther("/login")
        return self._page("index.html")

    async def _login_page(self, _request: web.Request) -> web.StreamResponse:
        return self._page("login.html")

    async def _page_file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self._pages:
            raise web.HTTPNotFound
        return self._page(name)

    def _page(self, name: str) -> web.Response:
        return web.Response(body=self._pages[name], content_type=PAGE_FILES[name], charset="utf-8")

    async def _words(self, request: web.Request) -> web.StreamResponse:
        """What the login page says: nobody is known there yet, but the browser has a language."""
        language = spoken(_language(request)) or Language.ENGLISH
        return web.json_response(
            {"language": language, "said": dict(about_page.sentences(language))}
        )

    # who it is

    async def _login(self, request: web.Request) -> web.StreamResponse:
        """204 when this browser has a session now, of the token's user if there is a token."""
        user = self._tokens.redeem((await request.text()).strip())
        if user is None:
            if self._user_of(request) is None:
                raise web.HTTPForbidden(text="This link was used already, or is too old.\n")
            return web.Response(status=204)
        response = web.Response(status=204)
        response.set_cookie(
            self._cookie,
            self._sessions.open(user),
            max_age=SESSION_LIFE_MS // 1000,
            httponly=True,
            samesite="Strict",
            path="/",
        )
        return response

    @property
    def _cookie(self) -> str:
        """Named by port: cookies know no ports, and two appliances must not log each other out."""
        return f"dispatch_{self._port()}"

    def _user_of(self, request: web.Request) -> UserName | None:
        user = self._sessions.user_of(request.cookies.get(self._cookie, ""))
        return user if user in self._users else None

    def _required_user(self, request: web.Request) -> UserName:
        user = self._user_of(request)
        if user is None:
            raise web.HTTPUnauthorized(text="Log in first: dispatchctl login\n")
        return user

    # what needs a session

    async def _file(self, request: web.Request) -> web.StreamResponse:
        user, message_id = self._required_user(request), request.match_info["message_id"]
        line = self._transcript.find(user, message_id)
        content = self._transcript.attachment(user, message_id)
        file = json.loads(line.payload).get("file") if line else None
        if file is None or content is None:
            raise web.HTTPNotFound
        return _download(content, file["name"], may_be_shown=bool(file.get("picture")))

    async def _sent(self, request: web.Request) -> web.StreamResponse:
        """What the user has sent: to them alone, as it was sent."""
        user, upload_id = self._required_user(request), request.match_info["upload_id"]
        content = await self._uploads.content(user, upload_id)
        if content is None:
            raise web.HTTPNotFound
        return _download(content, upload_id, may_be_shown=True)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        """204 when the file is kept, under the id that the page will name it by."""
        user, upload_id = self._required_user(request), request.match_info["upload_id"]
        # what a form of another page can send has another type, whatever else it claims
        if request.content_type != ANY_BYTES or not re.fullmatch(UPLOAD_ID, upload_id):
            raise web.HTTPBadRequest(text="Not what the page sends.\n")
        most, size = self._uploads.kept.file_bytes, request.content_length
        if size is not None and size > most:
            raise web.HTTPRequestEntityTooLarge(most, size)
        if self._coming_in >= MAX_UPLOADS_AT_ONCE:
            raise web.HTTPTooManyRequests(text="Too many files at once.\n")
        self._coming_in += 1
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await self._uploads.take(user, upload_id, request.content.iter_any(), size)
        except TooLarge:
            raise web.HTTPRequestEntityTooLarge(most, most + 1) from None
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except ConnectionError:  # nobody reads the answer; without one, a log full of tracebacks
            raise web.HTTPBadRequest(text="Cut off.\n") from None
        except StorageUnavailable as error:
            log.error("an upload of %s: %s", user, error.message)
            raise web.HTTPInsufficientStorage(text=f"{error.message}\n") from None
        finally:
            self._coming_in -= 1
        return web.Response(status=204)

    async def _socket(self, request: web.Request, open_page: OpenPage) -> web.StreamResponse:
        user, seen = self._required_user(request), _seen(request)
        if not self._has_room_for(user):
            raise web.HTTPTooManyRequests(text="Too many open pages: close some.\n")
        socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS,
            heartbeat=PING_SECONDS,
            max_msg_size=MAX_FRAME_BYTES,
            compress=False,
        )
        await socket.prepare(request)
        await open_page(Opened(socket, user, seen, _language(request)))
        return socket


def _download(content: bytes, name: str, *, may_be_shown: bool) -> web.Response:
    """Nothing but a picture is ever shown by a browser, whatever a name says."""
    picture = picture_in(content) if may_be_shown else None
    return web.Response(
        body=content,
        content_type=f"image/{picture}" if picture else ANY_BYTES,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"},
    )


def _language(request: web.Request) -> str:
    """What the browser speaks first: "de-at", "" if it does not say."""
    first = request.headers.get("Accept-Language", "").split(",")[0].strip().casefold()
    return first if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", first) else ""


def _seen(request: web.Request) -> int | None:
    """The last change that the page has; None for a page that has nothing yet."""
    text = request.query.get("after", "")
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise web.HTTPBadRequest(text="after is a number\n")
    return int(text) if text else None


def _load(name: str) -> bytes:
    return (importlib.resources.files("appliance.chat") / "page" / name).read_bytes()
