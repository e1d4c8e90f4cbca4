"""Sends what was decided to be said: once, in order, across crashes.

A reply is a row before it is sent. It is marked `trying` before the platform is called and
delivered afterwards; a row found so after a crash is in doubt, and the chat is asked whether it
arrived before it is sent again. The first one in a place is written as good as tried. One post
per place is under way at a time, so order holds and at most one is in doubt.

Messages keep their order in a place. Edits and marks give way to them, and an edit that a later
one replaces is never sent. What goes next is decided when a chat has room for it, not before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from appliance.core.discreet import discreet
from appliance.core.events import PostFailed
from appliance.core.model import (
    Catalogue,
    JobId,
    Millis,
    Place,
    Platform,
    PostId,
    PostKind,
    Progress,
    Reply,
    Rich,
    Urgency,
)
from appliance.core.preferences import quiet_since
from appliance.core.words import in_language
from appliance.errors import AuditUnavailable, ChatRefused, ChatUnavailable, StorageUnavailable
from appliance.ports import Audit, Chat, Clock, Delivery, Ready, State
from appliance.services.remainders import beginning_of

log = logging.getLogger(__name__)

GIVE_UP_AFTER_MS = 48 * 3600 * 1000
TOAST_LIVES_MS = 10_000
"""Telegram forgets a click after some seconds: an answer later than that reaches nobody."""
LONGEST_PAUSE_SECONDS = 60.0
STORAGE_PAUSE_SECONDS = 5.0


class Outbox:
    """`put` inside a transaction; `run` delivers.

    `catalogue`: how each place is talked to. What is said in a place that `is_closed`, because
    nobody of ours is there (any more), is given up at once.
    """

    def __init__(
        self,
        state: State,
        audit: Audit,
        chats: Mapping[Platform, Chat],
        clock: Clock,
        is_closed: Callable[[Place], bool],
        catalogue: Callable[[Place], Catalogue],
    ) -> None:
        self._state = state
        self._audit = audit
        self._chats = chats
        self._clock = clock
        self._is_closed = is_closed
        self._catalogue = catalogue
        self._delivering: set[Place] = set()
        self._awaited: dict[PostId, asyncio.Future[bool]] = {}
        self._waiting: dict[Place, asyncio.Timeout] = {}  # for room
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()

    def put(
        self,
        place: Place,
        reply: Reply,
        *,
        label: str = "",
        job: JobId | None = None,
        asked_at: Millis | None = None,
    ) -> PostId:
        """A new message; returns its last part, the one with the buttons.

        Who replies to it goes on with the `job` that it is about. In the place's quiet hours it
        rings no phone, unless it is about what somebody asked for there (`asked_at`) in these
        very hours: who asks is up.
        """
        reply = beginning_of(place, reply, self._state)
        return self.put_whole(place, reply, label=label, job=job, asked_at=asked_at)

    def put_whole(
        self,
        place: Place,
        reply: Reply,
        *,
        label: str = "",
        job: JobId | None = None,
        asked_at: Millis | None = None,
    ) -> PostId:
        """The same for what is to be shown as far as the platform takes it, however long."""
        if self._is_asleep(place, asked_at):
            reply = replace(reply, silent=True)
        parts = self._prepare(place, reply)
        ids = [self._state.post(place, part, label=label, job=job) for part in parts]
        self._keep_inside(place, *ids)
        self._wake.set()
        if reply.urgency is Urgency.ANSWER:
            self._hurry(place)
        return ids[-1]

    def _is_asleep(self, place: Place, asked_at: Millis | None) -> bool:
        hours = self._state.preferences(place).quiet_hours
        if hours is None:
            return False
        since = quiet_since(hours, self._clock.now(), self._catalogue(place).zone)
        return since is not None and (asked_at is None or asked_at < since)

    def _hurry(self, place: Place) -> None:
        """What waits for room in this place waits for something urgent now: it asks anew."""
        waiting = self._waiting.get(place)
        if waiting is not None and not waiting.expired():
            waiting.reschedule(asyncio.get_running_loop().time())

    def put_outside(self, place: Place, reply: Reply) -> None:
        """The same where nobody of ours may be: how to come in, or a goodbye. Never more."""
        for part in self._prepare(place, reply):
            self._state.post(place, part)
        self._wake.set()

    def _keep_inside(self, place: Place, *posts: PostId) -> None:
        if self._is_closed(place):
            for post in posts:
                self._state.mark_given_up(post, "nobody is paired there")

    def edit(self, post_id: PostId, place: Place, reply: Reply) -> PostId:
        """Replace an earlier message; returns the change, a post of its own."""
        first = self._prepare(place, reply)[0]
        change = self._state.post(place, first, kind=PostKind.EDIT, edits=post_id)
        self._keep_inside(place, change)
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

    def show(self, job: JobId, place: Place, reply: Reply | None, post: PostId | None) -> None:
        """Change a job's message when there is room, never surely; None: nothing more to show."""
        chat = self._chats.get(place.platform)
        if chat is None or self._is_closed(place):
            return
        if reply is not None:
            reply = self._worded(place, reply)
        message_id = self._state.message_id(post) if post is not None else ""
        chat.show(Progress(job, place, reply, message_id))

    def edit_labelled(self, label: str, reply: Reply) -> None:
        """Replace every message that was put with this label."""
        for post_id, place in self._state.posts_labelled(label):
            self.edit(post_id, place, reply)

    def mark(self, place: Place, message_id: str, sign: str, *, job: JobId | None = None) -> None:
        """Put a sign on somebody's message; where that cannot be, it is said below it.

        Who replies to that message goes on with the `job`.
        """
        reply = Reply(Rich(sign), silent=True)
        self._state.post(place, reply, kind=PostKind.MARK, marks=message_id, job=job)
        self._wake.set()

    def toast(self, place: Place, click_key: str, reply: Reply) -> None:
        """Answer a click; shown for a moment where the platform can."""
        first = self._prepare(place, reply)[0]
        self._state.post(place, first, kind=PostKind.TOAST, click=click_key)
        self._wake.set()

    def _prepare(self, place: Place, reply: Reply) -> tuple[Reply, ...]:
        reply = self._worded(place, reply)
        chat = self._chats.get(place.platform)
        # a platform taken out of the settings still has rows: they are given up when delivered
        return chat.prepare(reply) if chat else (reply,)

    def _worded(self, place: Place, reply: Reply) -> Reply:
        """As it leaves us: in the place's language, without secrets."""
        return discreet(in_language(reply, self._catalogue(place)))

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
                if await self._has_room(delivery):
                    await self._deliver(delivery)
        except StorageUnavailable as error:
            # nothing is lost: the row is still there, and `trying` if it may have arrived
            log.error("posts to %s wait: %s", place, error.message)
            await self._clock.sleep(STORAGE_PAUSE_SECONDS)
        finally:
            self._delivering.discard(place)
            self._wake.set()

    async def _has_room(self, delivery: Delivery) -> bool:
        """False: by now something else may have to go first."""
        place = delivery.post.place
        chat = self._chats.get(place.platform)
        if chat is None:
            return True
        try:
            return not await self._wait_for_room(chat, place, delivery.urgency)
        except ChatUnavailable as error:
            await self._wait_outside(delivery, error)
            return False

    async def _wait_for_room(self, chat: Chat, place: Place, urgency: Urgency) -> bool:
        """True: it took a while, or was cut short by something more urgent (`_hurry`)."""
        try:
            async with asyncio.timeout(None) as self._waiting[place]:
                return await chat.room(place, urgency)
        except TimeoutError:
            return True
        finally:
            del self._waiting[place]

    async def _wait_outside(self, delivery: Delivery, error: ChatUnavailable) -> None:
        """The platform wants no calls; nothing was tried, so nothing new is in doubt."""
        seconds = error.retry_after_seconds or LONGEST_PAUSE_SECONDS
        if delivery.post.kind is PostKind.TOAST and seconds * 1000 > TOAST_LIVES_MS:
            return await self._give_up(delivery, error.message)
        log.warning("posts to %s wait %.1f s: %s", delivery.post.place, seconds, error.message)
        return await self._clock.sleep(seconds)

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
            replaced = self._state.mark_delivered(post.id, found)
            self._tell(post.id, has_arrived=True)
            for earlier in replaced:
                self._tell(earlier, has_arrived=False)
        except ChatRefused as error:
            await self._give_up(delivery, error.message)
        except ChatUnavailable as error:
            await self._pause(delivery, error)
        return None

    async def _pause(self, delivery: Delivery, error: ChatUnavailable) -> None:
        post = delivery.post
        if not error.is_in_doubt and not delivery.is_in_doubt:
            self._state.mark_untried(post.id)
        elif delivery.is_ready:
            self._state.mark_trying(post.id, self._clock.now())
        age = self._clock.now() - delivery.first_tried_at if delivery.first_tried_at else 0
        if age > (TOAST_LIVES_MS if post.kind is PostKind.TOAST else GIVE_UP_AFTER_MS):
            return await self._give_up(delivery, error.message)
        seconds = error.retry_after_seconds
        if post.kind is PostKind.MARK and seconds is None:  # others must not wait for it
            return await self._give_up(delivery, error.message)
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
        if post.kind is PostKind.MARK:  # groups may forbid signs
            self.put(post.place, replace(post.reply, answers=post.message_id))
        if post.kind is PostKind.NEW:
            try:
                await self._audit.append(
                    PostFailed(post=post.id, place=str(post.place), reason=reason)
                )
            except AuditUnavailable as error:
                log.error("not recorded: %s", error.message)
