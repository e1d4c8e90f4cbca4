"""What comes in is stored, with the job it asks for, before its platform is told it arrived."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from appliance.core.commands import parse
from appliance.core.model import Actor, Incoming, Message, Platform, Sender, UserName
from appliance.ports import Clock, Policy, State
from appliance.services.drafts import Projects, draft_job

log = logging.getLogger(__name__)


class Intake:
    """The `ports.Intake` of every chat.

    `users` maps each known sender to the person of the settings; anybody else is counted in
    `strangers` and otherwise does not exist for us.
    """

    def __init__(
        self,
        state: State,
        policy: Policy,
        users: Mapping[Sender, UserName],
        projects: Projects,
        clock: Clock,
        wake_gate: Callable[[], None],
    ) -> None:
        self._state = state
        self._policy = policy
        self._users = users
        self._projects = projects
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

    def knows(self, sender: Sender) -> bool:
        return sender in self._users

    def _accept(self, incoming: Incoming) -> None:
        user = self._users.get(incoming.sender)
        if user is None:
            self.strangers[incoming.sender.platform] += 1
            return
        actor = Actor(user, incoming.sender)
        if not self._state.accept(incoming, actor):
            log.info("already stored: %s", incoming.key)
        elif isinstance(incoming, Message):
            self._add_job(incoming, actor)

    def _add_job(self, message: Message, actor: Actor) -> None:
        command = parse(message.text, self._policy.recipes())
        job = draft_job(command, message, actor, self._state, self._projects, self._clock.now())
        if job is not None:
            self._state.add_job(job)
