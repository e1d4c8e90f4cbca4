"""In which groups we work: where somebody whom the policy allows it has said so."""

from __future__ import annotations

from dataclasses import replace

from appliance.core.events import PlacePaired, PlaceUnpaired, Who
from appliance.core.model import Actor, Incoming, Place, Reply
from appliance.core.pairing import PairedPlace, is_group
from appliance.core.replies import about_pairing
from appliance.ports import Audit, Clock, State
from appliance.services.outbox import Outbox


class Groups:
    """Each method answers and marks the message handled; it may raise AuditUnavailable."""

    def __init__(self, state: State, audit: Audit, outbox: Outbox, clock: Clock) -> None:
        self._state = state
        self._audit = audit
        self._outbox = outbox
        self._clock = clock

    async def pair(self, incoming: Incoming, actor: Actor, *, is_whole: bool) -> None:
        """Work here from now on: in this topic, or in all of the group."""
        if not is_group(incoming.place):
            return self._answer(incoming, about_pairing.pair_is_for_groups())
        place = _whole(incoming.place) if is_whole else incoming.place
        await self._audit.append(
            PlacePaired(who=Who.user(actor), cause=(incoming.key,), place=str(place))
        )
        with self._state.transaction():
            self._state.save_paired_place(PairedPlace(place, self._clock.now(), actor.name))
            reply = about_pairing.group_paired(is_topic=bool(place.topic), by=actor.name)
            self._answer(incoming, reply)
        return None

    async def unpair(self, incoming: Incoming, actor: Actor, *, is_whole: bool) -> None:
        """Work here no longer; what is said in this answer is the last."""
        place = _whole(incoming.place) if is_whole else incoming.place
        if not self._state.is_paired(place):
            return self._answer(incoming, self._why_not(place))
        await self._audit.append(
            PlaceUnpaired(who=Who.user(actor), cause=(incoming.key,), place=str(place))
        )
        with self._state.transaction():
            self._state.remove_paired_place(place)
            self._answer(incoming, about_pairing.group_unpaired(is_topic=bool(place.topic)))
        return None

    def _why_not(self, place: Place) -> Reply:
        if place.topic and self._state.is_paired(_whole(place)):
            return about_pairing.topic_of_paired_group()
        return about_pairing.nothing_paired_here()

    def _answer(self, incoming: Incoming, reply: Reply) -> None:
        with self._state.transaction():
            self._state.mark_handled(incoming.key)
            self._outbox.put_outside(incoming.place, replace(reply, silent=True))


def _whole(place: Place) -> Place:
    return Place(place.platform, place.chat)
