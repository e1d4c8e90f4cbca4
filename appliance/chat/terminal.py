"""The chat for people at the machine itself: newline-delimited JSON over a local socket.

`dispatchctl send|status|login` talk to it (`appliance.app.control_client`). Who is at the other
end is known from the kernel (the peer's user id), never from what it says; an id that no user of
the settings has gets one sentence and is hung up on: it is somebody with an account here, so
silence would only puzzle them.

    → {"v":1,"type":"say","id":"…","text":"/status"}   then {"v":1,"type":"stored","id":"…"}
    → {"v":1,"type":"pair","user":"alice"}             then {"v":1,"type":"pair","answer":{…}}
    → {"v":1,"type":"status"}                          then {"v":1,"type":"status","answer":{…}}
    ← {"v":1,"type":"post","post":"new","id":"post-7","text":"…"}      whatever is said to this user
    ← {"v":1,"type":"post","post":"mark","id":"…","text":"👀"}         a sign on what was said
    ← {"v":1,"type":"progress","job":3,"text":"…"}
    ← {"v":1,"type":"error","text":"…","hint":"…"}

The place of a terminal chat is the user's name, so the project chosen in one call holds in the
next. What is said while nobody of that user is connected is not kept here: `send` succeeds,
because the answer is in the job's record (`dispatchctl jobs`) and there is no one to wait for.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from appliance.chat.excerpt import with_excerpt
from appliance.chat.inflow import Inflow
from appliance.chat.plain import text_of
from appliance.chat.wellformed import well_formed
from appliance.core.model import (
    Json,
    Message,
    Place,
    Platform,
    Post,
    PostKind,
    Progress,
    Reply,
    Sender,
    Urgency,
    UserName,
)
from appliance.errors import ApplianceError, ChatRefused, StorageUnavailable
from appliance.local_sockets import listen, peer_uid
from appliance.ports import Clock, Intake, Ready

log = logging.getLogger(__name__)

Query = Callable[[UserName], Awaitable[dict[str, Json]]]
"""Answers one kind of question of `dispatchctl`, e.g. "status" or "login"."""

Inquiry = Callable[[UserName, Mapping[str, str]], Awaitable[dict[str, Json]]]
"""The same for what is asked with more words, such as whom to pair; they are not checked yet."""

VERSION = 1
MAX_WORDS = 4
MAX_WORD_CHARACTERS = 200
MAX_LINE_BYTES = 200_000
MAX_SHOWN_CHARACTERS = 200_000
MAX_UNREAD_BYTES = 4_000_000
"""A terminal that does not read is hung up on, so that nobody waits for it."""
MAX_CONNECTIONS = 32
FIRST_LINE_SECONDS = 10.0
REMEMBERED_POSTS = 1000


class Refusal(ApplianceError):
    """Why a terminal is hung up on; it is told so first."""


class TerminalChat:
    """See `appliance.ports.Chat`. `uids` says who is who; `queries` answers what is not chat.

    `run` raises ConfigError when the socket cannot be made, or another daemon listens on it.
    """

    platform = Platform.TERMINAL

    def __init__(
        self,
        socket_path: Path,
        uids: Mapping[int, UserName],
        clock: Clock,
        queries: Mapping[str, Query],
        inquiries: Mapping[str, Inquiry] | None = None,
    ) -> None:
        self._path = socket_path
        self._uids = dict(uids)
        self._clock = clock
        self._inquiries = {**_without_words(queries), **(inquiries or {})}
        self._terminals: set[Terminal] = set()
        self._shown: OrderedDict[int, str] = OrderedDict()

    async def run(self, intake: Intake, ready: Ready) -> None:
        async with asyncio.TaskGroup() as connections:

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                connections.create_task(self._serve(reader, writer, intake))

            listener = listen(self._path)
            server = await asyncio.start_unix_server(accept, sock=listener, limit=MAX_LINE_BYTES)
            try:
                ready()
                await asyncio.get_running_loop().create_future()
            finally:
                server.close()
                self._path.unlink(missing_ok=True)

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        return with_excerpt(reply, MAX_SHOWN_CHARACTERS)

    async def room(self, place: Place, urgency: Urgency) -> bool:
        return False  # always some

    async def send(self, post: Post) -> str:
        user = UserName(post.place.chat)
        if user not in self._uids.values():
            raise ChatRefused(f"there is no local user called {user}")
        names_another = post.kind in (PostKind.EDIT, PostKind.MARK)
        message_id = post.message_id if names_another else f"post-{post.id}"
        self._tell(user, _post_line(post, message_id))
        if post.kind is PostKind.MARK:
            return message_id
        self._shown[post.id] = message_id
        while len(self._shown) > REMEMBERED_POSTS:
            self._shown.popitem(last=False)
        return message_id

    async def find(self, post: Post) -> str | None:
        """Exact: posts are remembered as long as the connections that they went to."""
        return self._shown.get(post.id)

    def show(self, progress: Progress) -> None:
        if progress.text:
            line = _line("progress", job=progress.job, text=progress.text)
            self._tell(UserName(progress.place.chat), line)

    def _tell(self, user: UserName, line: bytes) -> None:
        for terminal in tuple(self._terminals):
            if terminal.user == user:
                terminal.tell(line)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, intake: Intake
    ) -> None:
        try:
            uid = peer_uid(writer.get_extra_info("socket"))
            user = self._admit(uid)
            sender = Sender(Platform.TERMINAL, str(uid))
            terminal = Terminal(reader, writer, user, sender, self._clock, self._inquiries, intake)
            self._terminals.add(terminal)
            try:
                await terminal.run()
            finally:
                self._terminals.discard(terminal)
        except ApplianceError as error:
            writer.write(_error_line(error))
        except ConnectionError:
            log.debug("a terminal is gone")
        finally:
            # also sends what is written; waiting for that could take as long as the peer likes
            writer.close()

    def _admit(self, uid: int) -> UserName:
        user = self._uids.get(uid)
        if user is None:
            log.warning("uid %s is no user of this appliance", uid)
            raise Refusal(
                f"user id {uid} of this machine is nobody in dispatch.toml",
                hint=f"an administrator can add unix = [{uid}] to a user there",
            )
        if len(self._terminals) >= MAX_CONNECTIONS:
            raise Refusal("too many open terminals", hint="close some and try again")
        return user


class Terminal:
    """One connection, of a user who is known."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        user: UserName,
        sender: Sender,
        clock: Clock,
        inquiries: Mapping[str, Inquiry],
        intake: Intake,
    ) -> None:
        self.user = user
        self._sender = sender
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._inquiries = inquiries
        self._intake = intake
        self._inflow = Inflow(clock)

    async def run(self) -> None:
        """Answers until the other side hangs up. Raises Refusal for what it cannot read.

        The first line has to come soon; after it a terminal may watch its job for hours.
        """
        try:
            async with asyncio.timeout(FIRST_LINE_SECONDS):
                line = await self._next_line()
        except TimeoutError as error:
            raise Refusal(f"nothing was asked within {FIRST_LINE_SECONDS:g} s") from error
        while line:
            await self._inflow.admit()
            await self._answer(line)
            line = await self._next_line()

    def tell(self, line: bytes) -> None:
        transport = self._writer.transport
        if transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            log.warning("a terminal of %s does not read and is closed", self.user)
            transport.abort()
        elif not transport.is_closing():
            self._writer.write(line)

    async def _next_line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ValueError as error:  # how StreamReader says that a line is over its limit
            raise Refusal(f"a request may have {MAX_LINE_BYTES:,} bytes") from error

    async def _answer(self, line: bytes) -> None:
        match _parse(line):
            case {"type": "say", "id": str(say_id), "text": str(text), **rest} if not rest:
                await self._say(say_id, text)
            case {"type": str(kind), **words} if kind in self._inquiries and _are_words(words):
                await self._ask(kind, {key: str(word) for key, word in words.items()})
            case _:
                raise _unknown()

    async def _ask(self, kind: str, words: Mapping[str, str]) -> None:
        try:
            self.tell(_line(kind, answer=await self._inquiries[kind](self.user, words)))
        except ApplianceError as error:
            self.tell(_error_line(error))

    async def _say(self, say_id: str, text: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{8,64}", say_id):
            raise Refusal("an id has 8 to 64 letters, digits, _ or -")
        message = Message(
            key=f"terminal:{self.user}:{say_id}",
            sender=self._sender,
            place=Place(Platform.TERMINAL, self.user),
            text=well_formed(text),
            sent_at=self._clock.now(),
            message_id=say_id,
        )
        try:
            await self._intake([message])
        except StorageUnavailable as error:
            return self.tell(_error_line(error))
        return self.tell(_line("stored", id=say_id))


def _without_words(queries: Mapping[str, Query]) -> dict[str, Inquiry]:
    def plain(query: Query) -> Inquiry:
        async def ask(user: UserName, words: Mapping[str, str]) -> dict[str, Json]:
            if words:
                raise _unknown()
            return await query(user)

        return ask

    return {kind: plain(query) for kind, query in queries.items()}


def _are_words(words: Mapping[str, Json]) -> bool:
    return len(words) <= MAX_WORDS and all(
        isinstance(word, str) and len(word) <= MAX_WORD_CHARACTERS for word in words.values()
    )


def _unknown() -> Refusal:
    return Refusal(
        "the request is not known here",
        hint="if dispatchctl is newer than the running dispatchd, restart that",
    )


def _parse(line: bytes) -> dict[str, Json]:
    """The request without its version. Raises Refusal."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refusal("a request is one JSON object on one line") from error
    match request:
        case {"v": 1}:
            return {key: value for key, value in request.items() if key != "v"}
        case {"v": _}:
            raise Refusal(f"only version {VERSION} of this protocol is spoken here")
        case _:
            raise Refusal('a request is one JSON object with "v" and "type"')


def _post_line(post: Post, message_id: str) -> bytes:
    attachment = post.reply.attachment
    content: dict[str, Json] = {"text": text_of(post.reply)}
    if attachment:
        encoded = base64.b64encode(attachment.content).decode()
        content["file"] = {"name": attachment.name, "base64": encoded}
    return _line("post", post=post.kind, id=message_id, **content)


def _error_line(error: ApplianceError) -> bytes:
    return _line("error", text=error.message, hint=error.hint or "")


def _line(kind: str, **fields: Json) -> bytes:
    return json.dumps({"v": VERSION, "type": kind, **fields}).encode() + b"\n"
