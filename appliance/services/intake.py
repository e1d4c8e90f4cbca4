"""What comes in is stored, with the job it asks for, before its platform is told it arrived."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from appliance.core.commands import PairGroup
from appliance.core.model import Actor, Click, Edited, Incoming, Message, Platform
from appliance.core.parsing import parse
from appliance.ports import Clock, Policy, State
from appliance.services.drafts import draft_job
from appliance.services.manners import Manners
from appliance.services.pairing import NOBODY, Pairings
from appliance.services.parcels import Parcels
from appliance.services.people import People
from appliance.services.replies_to_questions import replies_to_question
from appliance.services.understanding import Understanding

log = logging.getLogger(__name__)

TELL_AGAIN_MS = 6 * 3600 * 1000
"""So seldom a group that is not paired is told how to change that."""


class Intake:
    """The `ports.Intake` of every chat.

    Who is nobody to `people` is counted in `strangers` and otherwise does not exist for us, but
    for a code that pairs.
    """

    def __init__(
        self,
        state: State,
        policy: Policy,
        people: People,
        pairing: Pairings,
        parcels: Parcels,
        understanding: Understanding,
        manners: Manners,
        clock: Clock,
        wake_gate: Callable[[], None],
    ) -> None:
        self._state = state
        self._policy = policy
        self._people = people
        self._pairing = pairing
        self._parcels = parcels
        self._understanding = understanding
        self._manners = manners
        self._clock = clock
        self._wake_gate = wake_gate
        self.strangers: Counter[Platform] = Counter()

    async def __call__(self, batch: Sequence[Incoming]) -> None:
        """Store a batch in one transaction. Raises StorageUnavailable: none of it is stored."""
        with self._state.transaction():
            for incoming in batch:
                self._accept(incoming)
        self._wake_gate()
        await asyncio.sleep(0)  # the gate goes first, the platform may wait for its confirmation

    def hears(self, incoming: Incoming) -> bool:
        """Whether it is from somebody we know, or may be a code that pairs a stranger."""
        return self._people.name_of(incoming.sender) is not None or self._pairing.hears(incoming)

    def _accept(self, incoming: Incoming) -> None:
        user = self._people.name_of(incoming.sender)
        if user is None:
            self._accept_code(incoming)
        elif self._is_for_us(incoming) or self._pairing.hears(incoming):
            self._accept_request(self._pairing.sealed(incoming), Actor(user, incoming.sender))

    def _accept_request(self, incoming: Incoming, actor: Actor) -> None:
        if not self._state.accept(incoming, actor):
            log.info("already stored: %s", incoming.key)
        elif isinstance(incoming, Message):
            self._manners.meet(incoming)
            self._add_job(incoming, actor)

    def _accept_code(self, incoming: Incoming) -> None:
        """A stranger is heard for a code alone, and gets no job, whatever comes of it."""
        if self._pairing.hears(incoming):
            self._pairing.note_try(incoming)
            self._state.accept(self._pairing.sealed(incoming), Actor(NOBODY, incoming.sender))
        else:
            self.strangers[incoming.sender.platform] += 1

    def _is_for_us(self, incoming: Incoming) -> bool:
        """What people of a group say to each other is for us only where a project was chosen."""
        if not self._people.works_in(incoming.place):
            return self._is_heard_outside(incoming)
        match incoming:
            case Message(is_aside=True):
                return self._state.conversation(incoming.place).project is not None
            case Edited():
                said = self._state.said(incoming.place, incoming.message_id)
                return said is not None and said[0].sender == incoming.sender
            case _:
                return True

    def _is_heard_outside(self, incoming: Incoming) -> bool:
        """In a group that is not paired: what pairs it, and now and then what is told how."""
        if isinstance(incoming, Edited) or (isinstance(incoming, Message) and incoming.is_aside):
            return False
        if isinstance(incoming, Click) or isinstance(
            parse(incoming.text, self._policy.recipes()), PairGroup
        ):
            return True
        now = self._clock.now()
        counter = f"told how to pair {incoming.place.platform}:{incoming.place.chat}"
        last = self._state.latest_count(counter, 1)
        if last is not None and now - last < TELL_AGAIN_MS:
            return False
        self._state.count(counter, incoming.key, now, now)
        return True

    def _add_job(self, message: Message, actor: Actor) -> None:
        if not self._people.works_in(message.place):
            return
        if replies_to_question(message, self._state):
            return  # whether it is an answer is known when its turn has come
        wish = self._understanding.of(message, actor)
        is_later = wish.steers is not None or wish.renews is not None
        job = None if is_later else draft_job(wish, message, actor, self._clock.now())
        if job is not None:
            self._state.add_job(job)
        self._parcels.note(message, actor, job)
