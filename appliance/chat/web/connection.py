"""One open page: reads its frames, and sends it what is new in the transcript."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web

from appliance.chat.inflow import Inflow
from appliance.chat.web import frames
from appliance.chat.web.transcript import Line, Transcript
from appliance.chat.web.uploads import Upload, Uploads
from appliance.chat.wellformed import is_blank
from appliance.core.model import (
    Click,
    Edited,
    FileKind,
    Incoming,
    IncomingFile,
    Message,
    Place,
    Platform,
    Sender,
    UserName,
)
from appliance.core.replies import about_page
from appliance.errors import StorageUnavailable
from appliance.ports import Clock, Intake

log = logging.getLogger(__name__)

PAGE_LINES = 100
"""Messages shown at first, and fetched at a time."""

MAX_NOTES = 200
"""Toasts and progress waiting for a slow page; the oldest goes."""

NEWEST = 2**62


@dataclass(frozen=True, slots=True)
class Opened:
    """Who has opened a page. `seen`: the last change that it has, None for none yet; `language`:
    what its browser speaks, as "de-at"."""

    socket: web.WebSocketResponse
    user: UserName
    seen: int | None
    language: str


class Connection:
    """`run` serves it until either side closes; `wake` and `tell` are for the rest of the chat.

    `words` is a frame with what the page says, in the language that is spoken there now.
    """

    def __init__(
        self,
        opened: Opened,
        transcript: Transcript,
        uploads: Uploads,
        intake: Intake,
        clock: Clock,
        words: Callable[[], str],
        wake_all: Callable[[UserName], None],
    ) -> None:
        self.user = opened.user
        self._socket = opened.socket
        self._seen = opened.seen
        self._language = opened.language
        self._words = words
        self._said_words = ""
        self._transcript = transcript
        self._uploads = uploads
        self._intake = intake
        self._clock = clock
        self._wake_all = wake_all
        self._inflow = Inflow(clock)
        self._notes: deque[str] = deque(maxlen=MAX_NOTES)
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Never raises because of the page, the network or the disk: it closes, and is redone."""
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write())
                await self._read()
                writing.cancel()
        except* ConnectionError:
            log.debug("a page of %s is gone", self.user)
        except* StorageUnavailable as errors:
            log.error("a page of %s is closed: %s", self.user, errors.exceptions[0])
            await self.close(WSCloseCode.INTERNAL_ERROR)

    async def close(self, code: int) -> None:
        await self._socket.close(code=code)

    def wake(self) -> None:
        """There is something new in the transcript."""
        self._news.set()

    def tell(self, frame: str) -> None:
        """Show something that is not kept."""
        self._notes.append(frame)
        self._news.set()

    # to the page

    async def _write(self) -> None:
        await self._send_words()
        await self._send_notes()
        if self._seen is None:
            await self._send_newest()
        while True:
            await self._send_words()
            await self._send_news()
            await self._send_notes()
            await self._news.wait()
            self._news.clear()

    async def _send_words(self) -> None:
        """Again when another language was chosen."""
        words = self._words()
        if words != self._said_words:
            self._said_words = words
            await self._socket.send_str(words)

    async def _send_notes(self) -> None:
        while self._notes:
            await self._socket.send_str(self._notes.popleft())

    async def _send_newest(self) -> None:
        lines = self._transcript.before(self.user, NEWEST, PAGE_LINES)
        self._seen = max((line.seq for line in lines), default=0)
        await self._send_history(lines)

    async def _send_news(self) -> None:
        assert self._seen is not None
        while lines := self._transcript.after(self.user, self._seen, PAGE_LINES):
            for line in lines:
                await self._socket.send_str(frames.message_frame(line))
                self._seen = line.seq

    async def _send_history(self, lines: Sequence[Line]) -> None:
        for line in lines:
            await self._socket.send_str(frames.message_frame(line, is_history=True))
        if len(lines) < PAGE_LINES:
            await self._socket.send_str(frames.frame("earliest"))

    # from the page

    async def _read(self) -> None:
        async for received in self._socket:
            await self._inflow.admit()
            try:
                if received.type is not WSMsgType.TEXT:
                    raise ValueError("not a text frame")
                frame = frames.parse(received.data)
            except (ValueError, RecursionError) as error:
                log.warning("a page of %s sent what no page of ours sends: %s", self.user, error)
                return await self.close(WSCloseCode.POLICY_VIOLATION)
            await self._handle(frame)
        return None

    async def _handle(self, frame: frames.Frame) -> None:
        match frame:
            case frames.Say():
                await self._say(frame)
            case frames.Change():
                await self._change(frame)
            case frames.Press():
                await self._press(frame)
            case frames.Earlier(position=position):
                lines = self._transcript.before(self.user, position, PAGE_LINES)
                await self._send_history(lines)

    async def _say(self, said: frames.Say) -> None:
        if is_blank(said.text) and not said.files:
            return await self._answer("refused", said.id, reason=str(about_page.NOTHING))
        found = [(file, self._uploads.find(self.user, file.id)) for file in said.files]
        files = [(file, there) for file, there in found if there is not None]
        if len(files) < len(found):
            return await self._answer("refused", said.id, reason=str(about_page.FILES_GONE))
        message_id, at = f"said-{said.id}", self._clock.now()
        message = Message(
            self._key(said.id),
            self._sender(),
            self._place(),
            said.text,
            at,
            message_id=message_id,
            reply_to=said.reply_to,
            files=tuple(_incoming(file, there) for file, there in files),
            language=self._language,
        )

        def show() -> None:
            if self._transcript.find(self.user, message_id) is None:
                quoted = self._transcript.find(self.user, said.reply_to) if said.reply_to else None
                payload = frames.said_payload(said.text, at, files, quoted)
                self._transcript.upsert(self.user, message_id, payload)

        return await self._offer(said.id, message, show)

    async def _change(self, change: frames.Change) -> None:
        if is_blank(change.text):
            return await self._answer("refused", change.id, reason=str(about_page.NOTHING))
        line = self._transcript.find(self.user, change.message)
        if line is None or not frames.is_users(line):
            return await self._answer("refused", change.id, reason=str(about_page.NOT_THERE))
        edited = Edited(
            self._key(change.id),
            self._sender(),
            self._place(),
            change.text,
            self._clock.now(),
            change.message,
        )

        def show() -> None:
            payload = frames.changed_payload(line, change.text)
            self._transcript.upsert(self.user, change.message, payload)

        return await self._offer(change.id, edited, show)

    async def _press(self, pressed: frames.Press) -> None:
        click = Click(
            self._key(pressed.id),
            self._sender(),
            self._place(),
            pressed.token,
            self._clock.now(),
            pressed.message,
        )
        return await self._offer(pressed.id, click, lambda: None)

    async def _offer(self, frame_id: str, incoming: Incoming, show: Callable[[], None]) -> None:
        """`show` puts it into the transcript: first, so that no answer can stand above it.

        Should the intake fail after that, the page offers it again, and the line is there already.
        """
        try:
            show()
            await self._intake([incoming])
        except StorageUnavailable as error:
            return await self._answer("later", frame_id, reason=error.message)
        self._wake_all(self.user)
        return await self._answer("stored", frame_id)

    async def _answer(self, kind: str, frame_id: str, **fields: str) -> None:
        await self._socket.send_str(frames.frame(kind, id=frame_id, **fields))

    def _key(self, frame_id: str) -> str:
        return f"{click_prefix(self.user)}{frame_id}"

    def _sender(self) -> Sender:
        return Sender(Platform.WEB, self.user)

    def _place(self) -> Place:
        return Place(Platform.WEB, self.user)


def _incoming(file: frames.Handed, there: Upload) -> IncomingFile:
    return IncomingFile(FileKind.DOCUMENT, there.number, file.name, size=there.size)


def click_prefix(user: UserName) -> str:
    """What stands before the page's own id in the key of a message or click."""
    return f"web:{user}:"
