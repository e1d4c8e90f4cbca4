"""`WebChat`: the port `Chat` over HTTP on 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web

from appliance.chat.excerpt import with_excerpt
from appliance.chat.web import frames
from appliance.chat.web.audience import Audience
from appliance.chat.web.connection import Connection, Opened, click_prefix
from appliance.chat.web.login import LoginTokens, Sessions
from appliance.chat.web.site import CLOSE_SECONDS, Site
from appliance.chat.web.transcript import Line, Transcript
from appliance.chat.web.uploads import Uploads
from appliance.core.menu import MenuEntry
from appliance.core.model import (
    IncomingFile,
    JobId,
    Json,
    Millis,
    Place,
    Platform,
    Post,
    PostKind,
    Progress,
    Reply,
    Rich,
    Urgency,
    UserName,
)
from appliance.core.preferences import Language
from appliance.core.replies import about_page
from appliance.errors import ChatRefused, ConfigError, StorageUnavailable
from appliance.ports import Clock, Intake, Ready

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_SHOWN_CHARACTERS = 60_000
MAX_PROGRESS = 200
TIDY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a page is talked to: which language is spoken in a place where the browser speaks that
    one ("de-at"), and the commands that are offered there when somebody types "/"."""

    language: Callable[[Place, str], Language]
    menu: Callable[[Language], Sequence[MenuEntry]]


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
        uploads: Uploads,
        manner: Manner,
        notice: str = "",
        commands: Sequence[str] = (),
    ) -> None:
        self.port = port
        self._users = frozenset(users)
        self._transcript = transcript
        self._clock = clock
        self._notice = notice
        self._commands = tuple(commands)
        self._uploads = uploads
        self._manner = manner
        self._tokens = LoginTokens(clock)
        self._audience = Audience()
        self._progress: dict[tuple[str, JobId], Progress] = {}
        self._site = Site(
            port=lambda: self.port,
            users=self._users,
            tokens=self._tokens,
            sessions=Sessions(sessions_file, clock),
            transcript=transcript,
            uploads=uploads,
            has_room_for=self._audience.has_room_for,
        )

    # for the rest of the appliance

    @property
    def notice(self) -> str:
        """One line that the page shows at its top, "" for none."""
        return self._notice

    @notice.setter
    def notice(self, text: str) -> None:
        self._notice = text
        self._audience.tell_all(frames.frame("notice", text=text))

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
        async with asyncio.TaskGroup() as pages:

            async def open_page(opened: Opened) -> None:
                connection = self._connection(opened, intake)
                # in our group, so that a mistake of ours ends the daemon instead of one request
                await pages.create_task(self._audience.serve(connection))

            runner = web.AppRunner(
                self._site.application(open_page),
                access_log=None,
                handle_signals=False,
                shutdown_timeout=CLOSE_SECONDS,
            )
            await runner.setup()
            try:
                await self._listen(runner)
                ready()
                await self._look_after_uploads()
            finally:
                await self._audience.dismiss()
                await runner.cleanup()

    def prepare(self, reply: Reply) -> tuple[Reply, ...]:
        return with_excerpt(reply, MAX_SHOWN_CHARACTERS)

    async def room(self, place: Place, urgency: Urgency) -> bool:
        return False  # always some

    async def send(self, post: Post) -> str:
        user = UserName(post.place.chat)
        if user not in self._users:
            raise ChatRefused(f"there is no user called {user}")
        if post.kind is PostKind.TOAST:
            return self._toast(user, post)
        if post.kind is PostKind.MARK:
            return self._mark(user, post)
        message_id = _message_id(post)
        before = self._transcript.find(user, message_id)
        if before is None and post.kind is PostKind.EDIT:
            raise ChatRefused(f"the message {message_id} to change is not there")
        answered = post.reply.answers
        quoted = self._transcript.find(user, answered) if answered else None
        at = _sent_at(before) if before else self._clock.now()
        payload = frames.post_payload(post, at, before, quoted)
        attachment = post.reply.attachment
        content = attachment.content if attachment else None
        self._transcript.upsert(user, message_id, payload, content)
        self._forget_progress(message_id)
        self._audience.wake(user)
        return message_id

    async def find(self, post: Post) -> str | None:
        """Exact: the line and its number are stored in one step. Toasts and marks are not found."""
        if post.kind in (PostKind.TOAST, PostKind.MARK):
            return None
        line = self._transcript.find(post.place.chat, _message_id(post))
        is_there = line is not None and json.loads(line.payload).get("post") == post.id
        return _message_id(post) if is_there else None

    def show(self, progress: Progress) -> None:
        """An empty text takes the line away; so does an edit of the message that started the job.

        Kept for pages opened later, until then.
        """
        key = (progress.place.chat, progress.job)
        before = self._progress.pop(key, None)
        if progress.text:
            self._progress[key] = progress
        elif before is not None:  # whose message stops telling it
            progress = replace(progress, started_post=before.started_post)
        if len(self._progress) > MAX_PROGRESS:
            del self._progress[next(iter(self._progress))]
        self._audience.tell(UserName(progress.place.chat), frames.progress_frame(progress))

    # FileSource

    def fetch(self, file: IncomingFile) -> AsyncIterator[bytes]:
        return self._uploads.fetch(file)

    # parts of these

    async def _look_after_uploads(self) -> None:
        """Remove what is old, now and every hour."""
        self._try_to_tidy(self._uploads.forget_what_was_cut_off)
        while True:
            self._try_to_tidy(self._uploads.tidy)
            await self._clock.sleep(TIDY_SECONDS)

    def _try_to_tidy(self, tidy: Callable[[], None]) -> None:
        try:
            tidy()
        except StorageUnavailable as error:
            log.error("old uploads stay: %s", error.message)

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, HOST, self.port).start()
        except OSError as error:
            raise ConfigError(
                f"the chat page cannot listen on {HOST}:{self.port}: {error.strerror}",
                hint="choose another port for the web chat in dispatch.toml",
            ) from error
        self.port = runner.addresses[0][1]

    def _connection(self, opened: Opened, intake: Intake) -> Connection:
        user = opened.user
        connection = Connection(
            opened,
            self._transcript,
            self._uploads,
            intake,
            self._clock,
            lambda: self._words(user, opened.language),
            self._audience.wake,
        )
        kept = self._uploads.kept
        hello = frames.frame(
            "hello",
            user=user,
            notice=self._notice,
            commands=list(self._commands),
            limit=frames.MAX_FRAME_BYTES,
            files={"bytes": kept.file_bytes, "count": kept.files},
        )
        connection.tell(hello)
        for (chat, _), progress in self._progress.items():
            if chat == user:
                connection.tell(frames.progress_frame(progress))
        return connection

    def _words(self, user: UserName, spoken: str) -> str:
        language = self._manner.language(Place(Platform.WEB, user), spoken)
        menu: list[Json] = [[entry.word, entry.summary] for entry in self._manner.menu(language)]
        said: dict[str, Json] = {**about_page.sentences(language)}
        return frames.frame("words", language=language, said=said, menu=menu)

    def _toast(self, user: UserName, post: Post) -> str:
        """Shown to who is looking; the page that was clicked on may be gone, and that is fine."""
        assert isinstance(post.reply.body, Rich), "a post is prepared before it is sent"
        click = post.message_id.removeprefix(click_prefix(user))
        self._audience.tell(user, frames.frame("toast", click=click, text=post.reply.body.text))
        return post.message_id

    def _mark(self, user: UserName, post: Post) -> str:
        line = self._transcript.find(user, post.message_id)
        if line is None:
            raise ChatRefused(f"the message {post.message_id} to mark is not there")
        payload = frames.marked_payload(line, post.reply.body.text)
        self._transcript.upsert(user, post.message_id, payload)
        self._audience.wake(user)
        return post.message_id

    def _forget_progress(self, message_id: str) -> None:
        over = [p for p in self._progress.values() if p.started_post == message_id]
        for progress in over:
            self.show(Progress(progress.job, progress.place))


def _sent_at(line: Line) -> Millis:
    """An edited message keeps the time at which it was first said."""
    return Millis(json.loads(line.payload)["at"])


def _message_id(post: Post) -> str:
    return post.message_id if post.kind is PostKind.EDIT else f"post-{post.id}"
