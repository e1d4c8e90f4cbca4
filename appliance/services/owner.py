"""The owner's chat as a place outside this host: the log's first key, and its checkpoints.

Who later owns the host can rewrite what is on it, but not what a phone has received. The messages
are quiet, and a newer checkpoint of the same epoch replaces the older one: each proves at least
as much as the ones before it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from appliance.core import anchors
from appliance.core.model import KEEPING_CHATS, Place, PostId, Reply, UserName
from appliance.errors import AnchorUnavailable, AuditUnavailable, StorageUnavailable
from appliance.ports import Clock, Ready, State
from appliance.services.activity import Activity
from appliance.services.outbox import Outbox

log = logging.getLogger(__name__)

POLITE_SECONDS = 3.0
"""Whoever has just written gets the answer to that first."""


class OwnerChat:
    """Port `AnchorSink` over the outbox. Where the owner wrote last is where they are reached.

    `public_key` tells the log's first one, or raises AuditUnavailable.
    """

    name = "chat"

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        activity: Activity,
        owner: UserName,
        public_key: Callable[[], Awaitable[str]],
        clock: Clock,
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._activity = activity
        self._owner = owner
        self._public_key = public_key
        self._clock = clock

    async def run(self, ready: Ready) -> None:
        """Send the public key, once for all time, as soon as it is known where to."""
        ready()
        while not await self._has_introduced():
            await self._activity.beyond(self._activity.seq)
            await self._clock.sleep(POLITE_SECONDS)

    async def _has_introduced(self) -> bool:
        try:
            key = await self._public_key()
            label = f"genesis:{key}"
            if self._state.posts_labelled(label):
                return True
            if place := self._place():
                self._outbox.put(place, anchors.public_key(key), label=label)
            return place is not None
        except (AuditUnavailable, StorageUnavailable) as error:
            log.error("the public key of the audit log waits: %s", error.message)
            return False

    def tell(self, reply: Reply) -> None:
        """Say something to the owner. Where they never wrote it stays in the journal."""
        if place := self._place():
            self._outbox.put(place, reply)
        else:
            log.warning("%s has not written yet and is not told this", self._owner)

    async def post(self, note: str) -> str:
        """See `AnchorSink`. Waits as long as the outbox tries: hours, when the chat is down."""
        label = f"anchor:{anchors.stated(note).epoch}"
        try:
            earlier = self._state.posts_labelled(label)
            if earlier and await self._outbox.arrived(self._replace(*earlier[-1], note)):
                return note
            if await self._outbox.arrived(self._send(note, label)):  # none, or it was deleted
                return note
        except StorageUnavailable as error:
            raise AnchorUnavailable(error.message) from error
        raise AnchorUnavailable(f"the chat of {self._owner} does not take messages")

    def _replace(self, post: PostId, place: Place, note: str) -> PostId:
        return self._outbox.edit(post, place, anchors.checkpoint(note))

    def _send(self, note: str, label: str) -> PostId:
        place = self._place()
        if place is None:
            raise AnchorUnavailable(
                f"{self._owner} has not written yet, so nobody knows where to reach them"
            )
        return self._outbox.put(place, anchors.checkpoint(note), label=label)

    def _place(self) -> Place | None:
        return self._state.place_of(self._owner, KEEPING_CHATS)
