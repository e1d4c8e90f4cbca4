"""`WebChat`: the port `Chat` over HTTP on 127.0.0.1."""

from __future__ import annotations

import asyncio
import importlib.resources
import json
import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import quote

from aiohttp import WSCloseCode, web

from appliance.chat.excerpt import with_excerpt
from appliance.chat.web import frames
from appliance.chat.web.connection import Connection, click_prefix
from appliance.chat.web.guard import add_headers, guard
from appliance.chat.web.login import SESSION_LIFE_MS, LoginTokens, Sessions
from appliance.chat.web.transcript import Transcript
from appliance.core.model import (
    JobId,
    Millis,
    Platform,
    Post,
    PostKind,
    Progress,
    Reply,
    Rich,
    UserName,
)
from appliance.errors import ChatRefused, ConfigError
from appliance.ports import Clock, Intake, Ready

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_SHOWN_CHARACTERS = 60_000
MAX_CONNECTIONS = 32
MAX_CONNECTIONS_PER_USER = 8
MAX_LOGIN_BYTES = 1000
MAX_PROGRESS = 200
PING_SECONDS = 25
STOP_SECONDS = 2
PAGE_FILES = {
    "index.html": "text/html",
    "login.html": "text/html",
    "style.css": "text/css",
    "chat.js": "text/javascript",
    "link.js": "text/javascript",
    "log.js": "text/javascript",
    "rich.js": "text/javascript",
    "login.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


class WebChat:
    """See `appliance.ports.Chat`; the place of a web chat is the user's name.

    `port` 0 takes a free one; `port` then tells which, once `run` has called `ready`. `commands`
    are offered while nothing has been said yet. `run` raises ConfigError when the port is taken.
    """

    platform = Platform.WEB

    def __init__(
        self,
        *,
        port: int,
        users: Collection[UserName],
        transcript: Transcript,
        clock: Clock,
        sessions_file: Path,
        notice: str = "",
        commands: Sequence[str] = (),
    ) -> None:
        self.port = port
        self._users = frozenset(users)
        self._transcript = transcript
        self._clock = clock
        self._tokens = LoginTokens(clock)
        self._sessions = Sessions(sessions_file, clock)
        self._notice = notice
        self._commands = tuple(commands)
        self._connections: set[Connection] = set()
        self._progress: dict[tuple[str, JobId], Progress] = {}
        self._pages = {name: _load_page(name) for name in PAGE_FILES}

    # for the rest of the appliance

    @property
    def notice(self) -> str:
        """One line that the page shows at its top, "" for none."""
        return self._notice

    @notice.setter
    def notice(self, text: str) -> None:
        self._notice = text
        for connection in self._connections:
            connection.tell(frames.frame("notice", text=text))

    def login_link(self, user: UserName) -> str:
        """A link that opens the page as `user`: once, within ten minutes.

        Raises ConfigError when there is no such user. The token stands behind "#": see the package.
        """
        if user not in self._users:
            raise ConfigError(
                f"there is no user called {user}", hint="users are declared in dispatch.toml"
            )
        return f"http://{HOST}:{self.port}/login#{self._tokens.issue(user)}"

    # Chat

    async def run(self, intake: Intake, ready: Ready) -> None:
        async with asyncio.TaskGroup() as connections:
            runner = web.AppRunner(
                self._application(intake, connections),
                access_log=None,
                handle_signals=False,
                shutdown_timeout=STOP_SECONDS,
            )
            await runner.setup()
            try:
                await self._listen(runner)
                ready()
                await asyncio.get_running_loop().create_future()
            finally:
                await self._close_all()
                await runner.cleanup()

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        return with_excerpt(reply, MAX_SHOWN_CHARACTERS)

    async def send(self, post: Post) -> str:
        user = UserName(post.place.chat)
        if user not in self._users:
            raise ChatRefused(f"there is no user called {user}")
        if post.kind is PostKind.TOAST:
            return self._toast(user, post)
        message_id = post.message_id if post.kind is PostKind.EDIT else f"post-{post.id}"
        attachment = post.reply.attachment
        self._transcript.upsert(
            user,
            message_id,
            frames.post_payload(post, self._first_sent_at(user, message_id)),
            attachment.content if attachment else None,
        )
        self._forget_progress(message_id)
        self._wake(user)
        return message_id

    async def find(self, post: Post) -> str | None:
        """Exact: the line and its number are stored in one step. A toast is never found."""
        if post.kind is PostKind.TOAST:
            return None
        message_id = post.message_id if post.kind is PostKind.EDIT else f"post-{post.id}"
        line = self._transcript.find(post.place.chat, message_id)
        return message_id if line and json.loads(line.payload).get("post") == post.id else None

    def show(self, progress: Progress) -> None:
        """An empty text takes the line away; so does an edit of the message that started the job.

        Kept for pages opened later, until then.
        """
        key = (progress.place.chat, progress.job)
        self._progress.pop(key, None)
        if progress.text:
            self._progress[key] = progress
        if len(self._progress) > MAX_PROGRESS:
            del self._progress[next(iter(self._progress))]
        self._tell(UserName(progress.place.chat), _progress_frame(progress))

    # sending

    def _toast(self, user: UserName, post: Post) -> str:
        """Shown to who is looking; the page that was clicked on may be gone, and that is fine."""
        assert isinstance(post.reply.body, Rich), "a post is prepared before it is sent"
        click = post.message_id.removeprefix(click_prefix(user))
        self._tell(user, frames.frame("toast", click=click, text=post.reply.body.text))
        return post.message_id

    def _first_sent_at(self, user: UserName, message_id: str) -> Millis:
        line = self._transcript.find(user, message_id)
        return Millis(json.loads(line.payload)["at"]) if line else self._clock.now()

    def _forget_progress(self, message_id: str) -> None:
        over = [key for key, p in self._progress.items() if p.started_post == message_id]
        for key in over:
            self.show(Progress(key[1], self._progress[key].place, ""))

    def _wake(self, user: UserName) -> None:
        for connection in self._connections:
            if connection.user == user:
                connection.wake()

    def _tell(self, user: UserName, frame: str) -> None:
        for connection in self._connections:
            if connection.user == user:
                connection.tell(frame)

    # HTTP

    def _application(self, intake: Intake, connections: asyncio.TaskGroup) -> web.Application:
        async def socket(request: web.Request) -> web.StreamResponse:
            return await self._socket(request, intake, connections)

        application = web.Application(
            middlewares=[guard(lambda: self.port)], client_max_size=MAX_LOGIN_BYTES
        )
        application.on_response_prepare.append(add_headers)
        application.add_routes(
            [
                web.get("/", self._index, allow_head=False),
                web.get("/login", self._login_page, allow_head=False),
                web.post("/login", self._login),
                web.get("/page/{name}", self._page_file, allow_head=False),
                web.get("/file/{message_id}", self._file, allow_head=False),
                web.get("/socket", socket, allow_head=False),
            ]
        )
        return application

    async def _listen(self, runner: web.AppRunner) -> None:
        site = web.TCPSite(runner, HOST, self.port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f"the chat page cannot listen on {HOST}:{self.port}: {error.strerror}",
                hint="choose another port for the web chat in dispatch.toml",
            ) from error
        self.port = runner.addresses[0][1]

    async def _close_all(self) -> None:
        async with asyncio.TaskGroup() as closing:
            for connection in self._connections:
                closing.create_task(connection.close(WSCloseCode.GOING_AWAY))

    async def _index(self, request: web.Request) -> web.StreamResponse:
        if self._user_of(request) is None:
            raise web.HTTPSeeOther("/login")
        return self._page("index.html")

    async def _login_page(self, _request: web.Request) -> web.StreamResponse:
        return self._page("login.html")

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
        return f"dispatch_{self.port}"

    def _user_of(self, request: web.Request) -> UserName | None:
        user = self._sessions.user_of(request.cookies.get(self._cookie, ""))
        return user if user in self._users else None

    def _required_user(self, request: web.Request) -> UserName:
        user = self._user_of(request)
        if user is None:
            raise web.HTTPUnauthorized(text="Log in first: dispatchctl login\n")
        return user

    def _page(self, name: str) -> web.Response:
        return web.Response(body=self._pages[name], content_type=PAGE_FILES[name], charset="utf-8")

    async def _page_file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self._pages:
            raise web.HTTPNotFound
        return self._page(name)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        user, message_id = self._required_user(request), request.match_info["message_id"]
        line = self._transcript.find(user, message_id)
        content = self._transcript.attachment(user, message_id)
        file = json.loads(line.payload).get("file") if line else None
        if file is None or content is None:
            raise web.HTTPNotFound
        disposition = f"attachment; filename*=UTF-8''{quote(file['name'], safe='')}"
        return web.Response(
            body=content,
            content_type="application/octet-stream",
            headers={"Content-Disposition": disposition},
        )

    async def _socket(
        self, request: web.Request, intake: Intake, connections: asyncio.TaskGroup
    ) -> web.StreamResponse:
        user, seen = self._required_user(request), _seen(request)
        self._refuse_crowd(user)
        socket = web.WebSocketResponse(
            timeout=STOP_SECONDS,
            heartbeat=PING_SECONDS,
            max_msg_size=frames.MAX_FRAME_BYTES,
            compress=False,
        )
        connection = Connection(
            socket, user, seen, self._transcript, intake, self._clock, self._wake
        )
        await socket.prepare(request)
        self._greet(connection)
        self._connections.add(connection)
        try:
            # in our own group, so that a mistake of ours ends the daemon instead of one request
            await connections.create_task(connection.run())
        finally:
            self._connections.discard(connection)
        return socket

    def _refuse_crowd(self, user: UserName) -> None:
        own = sum(connection.user == user for connection in self._connections)
        if own >= MAX_CONNECTIONS_PER_USER or len(self._connections) >= MAX_CONNECTIONS:
            raise web.HTTPTooManyRequests(text="Too many open pages: close some.\n")

    def _greet(self, connection: Connection) -> None:
        connection.tell(
            frames.frame(
                "hello",
                user=connection.user,
                notice=self._notice,
                commands=list(self._commands),
                limit=frames.MAX_FRAME_BYTES,
            )
        )
        for (chat, _), progress in self._progress.items():
            if chat == connection.user:
                connection.tell(_progress_frame(progress))


def _seen(request: web.Request) -> int | None:
    """The last change that the page has; None for a page that has nothing yet."""
    text = request.query.get("after", "")
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise web.HTTPBadRequest(text="after is a number\n")
    return int(text) if text else None


def _progress_frame(progress: Progress) -> str:
    return frames.frame(
        "progress", job=progress.job, text=progress.text, post=progress.started_post
    )


def _load_page(name: str) -> bytes:
    return (importlib.resources.files("appliance.chat") / "page" / name).read_bytes()
