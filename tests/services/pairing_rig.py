"""A rig in which dave has no account yet, and what phones send."""

from __future__ import annotations

import asyncio

from appliance.core.events import ActorType, Event, Who
from appliance.core.model import Message, Place, Platform, Sender, UserName
from appliance.services.pairing import Opened
from tests.examples import NOW
from tests.services.rig import DAVE, Rig

HOST = Who(ActorType.USER, "alice", "terminal:alice")
GROUP = Place(Platform.TELEGRAM, "-100")


async def opened(rig: Rig, user: str = "dave") -> Opened:
    return await rig.pairing.open(UserName(user), HOST)


async def starts(
    rig: Rig, code: str, sender: Sender = DAVE.sender, place: Place | None = None
) -> None:
    """What a phone sends that has followed the link, as far as we hear it."""
    rig.number += 1
    where = place or Place(Platform.TELEGRAM, sender.id)
    key, text, called = f"telegram:1:{rig.number}", f"/start {code}", "Dave \u202eevaD"
    await rig.intake(
        [Message(key, sender, where, text, NOW, message_id=str(rig.number), called=called)]
    )


async def handled(rig: Rig) -> None:
    """Everything that was accepted, with nothing but the gate running."""
    async with asyncio.TaskGroup() as group:
        gate = group.create_task(rig.gate.run(lambda: None))
        while rig.state.waiting():
            await asyncio.sleep(0)
        gate.cancel()


def of_kind(rig: Rig, name: str) -> list[Event]:
    return [event for event in rig.audit.events if event.name == name]
