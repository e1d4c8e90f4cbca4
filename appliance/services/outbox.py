"""Sends what was decided to be said: once, in order, across crashes.

A reply is a row before it is sent. It is marked `trying` before the platform is called and
delivered afterwards; a row found so after a crash is in doubt, and the chat is asked whether it
arrived before it is sent again. The first one in a place is written as good as tried. One post
per place is under way at a time, so order holds and at most one is in doubt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from appliance.core.events import PostFailed
from appliance.core.languages import SENTENCES
from appliance.core.model import Catalogue, Place, Platform, PostId, PostKind, Reply, Rich
from appliance.core.preferences import Language
from appliance.core.words import in_language
from appliance.errors import AuditUnavailable, ChatRefused, ChatUnavailable, StorageUnavailable
from appliance.ports import Audit, Chat, Clock, Delivery, Ready, State

log = logging.getLogger(__name__)

GIVE_UP_AFTER_MS = 48 * 3600 * 1000
TOAST_LIVES_MS = 10_000
"""Telegram forgets a click after some seconds: an answer later than that reaches nobody."""
LONGEST_PAUSE_SECONDS = 60.0
STORAGE_PAUSE_SECONDS = 5.0


class Outbox:
    """`put` inside a transaction; `run` delivers."""

    def __init__(
        self, state: State, audit: Audit, chats: Mapping[Platform, Chat], clock: Clock
    ) -> None:
        self._state = state
        self._audit = audit
        self._chats = chats
        self._clock = clock
        self._delivering: set[Place] = set()
        self._awaited: dict[PostId, asyncio.Future[bool]] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()

    def put(self, place: Place, reply: Reply, *, label: str = "") -> PostId:
        """A new message; returns its last part, the one with the buttons."""
        parts = self._prepare(place, reply)
        ids = [self._state.post(place, part, label=label) for part in parts]
        self._wake.set()
        return ids[-1]

    def edit(self, post_id: PostId, place: Place, reply: Reply) -> PostId:
        """Replace an earlier message; returns the change, a post of its own."""
        first = self._prepare(place, reply)[0]
        change = self._state.post(place, first, kind=PostKind.EDIT, edits=post_id)
        self._wake.set()
        return change

    async def arrived(self, post_id: PostId) -> bool:
        """Wait until a post is delivered, for hours if need be; False: it was given up.

        To be called at once after `put` or `edit`: what was settled before is not noticed.
        """
        self._awaited[post_id] = asyncio.get_running_loop().create_future()
        try:
            return await self._awaited[post_id]
        finally:
            del self._awaited[post_id]

    def edit_labelled(self, label: str, reply: Reply) -> None:
        """Replace every message that was put with this label."""
        for post_id, place in self._state.posts_labelled(label):
            self.edit(post_id, place, reply)

    def mark(self, place: Place, message_id: str, sign: str) -> None:
        """Put a sign on somebody's message, where the platform can."""
        reply = Reply(Rich(sign))
        self._state.post(place, reply, kind=PostKind.MARK, marks=message_id)
        self._wake.set()

    def toast(self, place: Place, click_key: str, reply: Reply) -> None:
        """Answer a click; shown for a moment where the platform can."""
        first = self._prepare(place, reply)[0]
        self._state.post(place, first, kind=PostKind.TOAST, click=click_key)
        self._wake.set()

    def _prepare(self, place: Place, reply: Reply) -> tuple[Reply, ...]:
        reply = in_language(reply, self._catalogue(place))
        chat = self._chats.get(place.platform)
        # a platform taken out of the settings still has rows: they are given up when delivered
        return chat.prepare(reply) if chat else (reply,)

    def _catalogue(self, place: Place) -> Catalogue:
        return Catalogue(SENTENCES[self._state.preferences(place).language or Language.ENGLISH])

    async def run(self, ready: Ready) -> None:
        ready()
        async with asyncio.TaskGroup() as deliveries:
            while True:
                self._wake.clear()
                for place in self._state.places_with_mail():
                    if place not in self._delivering:
                        self._delivering.add(place)
                        deliveries.create_task(self._deliver_all(place))
                if not self._delivering:
                    self._idle.set()
                await self._wake.wait()
                self._idle.clear()

    async def drained(self) -> None:
        """Returns once nothing is left to send; the caller sets the time limit."""
        self._wake.set()
        self._idle.clear()
        await self._idle.wait()

    async def _deliver_all(self, place: Place) -> None:
        try:
            while (delivery := self._state.next_delivery(place)) is not None:
                await self._deliver(delivery)
        except StorageUnavailable as error:
            # nothing is lost: the row is still there, and `trying` if it may have arrived
            log.error("posts to %s wait: %s", place, error.message)
            await self._clock.sleep(STORAGE_PAUSE_SECONDS)
        finally:
            self._delivering.discard(place)
            self._wake.set()

    async def _deliver(self, delivery: Delivery) -> None:
        post = delivery.post
        chat = self._chats.get(post.place.platform)
        if chat is None:
            return await self._give_up(delivery, "this chat is not configured any more")
        try:
            found = await chat.find(post) if delivery.is_in_doubt else None
            if found is None:
                if post.kind is PostKind.EDIT and not post.message_id:
                    return await self._give_up(delivery, "the message to change was never sent")
                if not delivery.is_ready:
                    self._state.mark_trying(post.id, self._clock.now())
                found = await chat.send(post)
            self._state.mark_delivered(post.id, found)
            self._tell(post.id, has_arrived=True)
        except ChatRefused as error:
            await self._give_up(delivery, error.message)
        except ChatUnavailable as error:
            await self._pause(delivery, error)
        return None

    async def _pause(self, delivery: Delivery, error: ChatUnavailable) -> None:
        post = delivery.post
        if not error.is_in_doubt:
            self._state.mark_untried(post.id)
        elif delivery.is_ready:
            self._state.mark_trying(post.id, self._clock.now())
        age = self._clock.now() - delivery.first_tried_at if delivery.first_tried_at else 0
        if age > (TOAST_LIVES_MS if post.kind is PostKind.TOAST else GIVE_UP_AFTER_MS):
            return await self._give_up(delivery, error.message)
        seconds = error.retry_after_seconds
        if seconds is None:
            seconds = min(LONGEST_PAUSE_SECONDS, 0.5 * 2 ** min(delivery.attempts, 10))
        log.warning("post %s to %s waits %.1f s: %s", post.id, post.place, seconds, error.message)
        await self._clock.sleep(seconds)
        return None

    def _tell(self, post_id: PostId, *, has_arrived: bool) -> None:
        waiting = self._awaited.get(post_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(has_arrived)

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        post = delivery.post
        log.error("post %s to %s given up: %s", post.id, post.place, reason)
        self._state.mark_given_up(post.id, reason)
        self._tell(post.id, has_arrived=False)
        if post.kind is PostKind.NEW:
            try:
                await self._audit.append(
                    PostFailed(post=post.id, place=str(post.place), reason=reason)
                )
            except AuditUnavailable as error:
                log.error("not recorded: %s", error.message)
