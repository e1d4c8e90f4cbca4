"""Agents who talk all at once in one forum, each in its topic, one job after the other.

    calls = await flood.run(directory, topics=10, minutes=60)

Telegram counts all topics as one chat; the emulator holds us to the documented limits and shuts
us out now and then. Time is simulated (`tests.simulated_time`); the client, the outbox and the
database are the real ones.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance.chat.telegram.chat import TelegramChat
from appliance.core.approvals import Approval
from appliance.core.jobs import Admitted, Finished, Job, Started, advance
from appliance.core.model import (
    ENGLISH,
    Actor,
    Asks,
    Ending,
    JobId,
    Place,
    Platform,
    Rule,
    Said,
    TaskEvent,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Usage,
    Used,
)
from appliance.core.preferences import Preferences, Verbosity
from appliance.ports import Chat
from appliance.services.approvals import Approvals, Held
from appliance.services.outbox import Outbox
from appliance.services.watching import Watching
from appliance.storage.state import SqliteState
from tests.contracts.chat_harness import Inbox, running
from tests.emulators.telegram import Call, TelegramEmulator
from tests.examples import ALICE, job
from tests.services.rig import ListAudit, TablePolicy
from tests.simulated_time import LoopClock, SimulatedLoop

FORUM = -100
ASKS = Asks(Rule("rules.csv", 1, "p, owner, *, bash, rm **, approve"), ttl_seconds=3600)
MARKER = re.compile(r"<(\w+)>")


@dataclass
class Due:
    """What somebody waits for: since when, and where."""

    at: float
    topic: str


@dataclass
class Flood:
    """Topics in which agents work for some minutes, one job after the other.

    `due` has what somebody waits for, `said` the same in the order of each topic.
    """

    telegram: TelegramEmulator
    state: SqliteState
    outbox: Outbox
    watching: Watching
    approvals: Approvals
    clock: LoopClock
    minutes: int
    steps: range
    due: dict[str, Due] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def stream(self, topic: int) -> None:
        """One topic; every other one is told all that the agent says."""
        choice = random.Random(topic)
        place = Place(Platform.TELEGRAM, str(FORUM), str(topic))
        verbosity = Verbosity.FULL if topic % 2 else Verbosity.NORMAL
        self.state.save_preferences(place, Preferences(verbosity=verbosity))
        while self.clock.monotonic() < self.minutes * 60:
            await self._work(place, choice)
            if choice.random() < 0.3:  # all at once, as when a far side comes back
                await self._until_the_minute()

    async def _until_the_minute(self) -> None:
        await self.clock.sleep(60 - self.clock.monotonic() % 60)

    async def _work(self, place: Place, choice: random.Random) -> None:
        name = f"a{next(self.numbers)}"
        working = self._begin(place, name)
        asks_at = choice.randrange(30)
        for step in range(choice.choice(self.steps)):
            await self._step(working, step, choice)
            if step == asks_at:
                await self._ask(working, f"q{name}", choice)
        after = advance(
            self._current(working),
            Finished(self.clock.now(), Ending.SUCCEEDED, "", Usage(120_000)),
        )
        with self.state.transaction():
            self.state.save_job(after)
            self._expect(place, name)
            self.watching.ended(after, f"Done <{name}>", 0)
        self.watching.forget(after)

    def _begin(self, place: Place, name: str) -> Job:
        draft = job(id=JobId(0), key=name, place=place, created_at=self.clock.now())
        with self.state.transaction():
            stored = self.state.add_job(draft)
            started = advance(advance(stored, Admitted()), Started(self.clock.now()))
            self.state.save_job(started)
            self.watching.started(started)
        return started

    async def _step(self, working: Job, number: int, choice: random.Random) -> None:
        call = ToolCall(f"t{number}", "Bash", {"command": f"make part-{number}"}, "/srv/demo")
        events: list[TaskEvent] = [
            Said(f"Now part {number}."),
            Used(f"m{number}", Usage(input_tokens=900, output_tokens=50)),
            ToolStarted(call),
            ToolFinished(call.id, False, "ok"),
        ]
        for event in events:
            self.watching.noted(working.id, event)
            await self.clock.sleep(choice.uniform(0.1, 4.0))

    async def _ask(self, working: Job, name: str, choice: random.Random) -> None:
        self._expect(working.place, name)
        approval = await self.approvals.ask(
            Held(
                job=working,
                request=name,
                tool="Bash",
                summary=f"rm -rf build  # <{name}>",
                input_sha256="ab" * 32,
                directory="/srv/demo",
                asks=ASKS,
            )
        )
        await self.clock.sleep(choice.uniform(5, 60))
        await self._answer(approval)

    async def _answer(self, approval: Approval) -> None:
        actor = Actor(ALICE.name, ALICE.sender)
        await self.approvals.answer(approval.id, actor, f"k{approval.id}", is_granted=False)
        self.watching.stirred(approval.job)

    def _expect(self, place: Place, name: str) -> None:
        self.due[name] = Due(self.clock.monotonic(), place.topic)
        self.said.setdefault(place.topic, []).append(name)

    def _current(self, working: Job) -> Job:
        current = self.state.job(working.id)
        assert current is not None
        return current


def flood(
    directory: Path,
    *,
    topics: int,
    minutes: int,
    bans: Mapping[float, int] | None = None,
    steps: range = range(20, 60),
) -> tuple[Flood, list[Call]]:
    """What was to be said, and all calls about it.

    `bans`: from when for how many seconds. `steps` of a job: each takes about eight seconds.
    """
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(_flood(directory, topics, minutes, bans or {}, steps))


async def _flood(
    directory: Path, topics: int, minutes: int, bans: Mapping[float, int], steps: range
) -> tuple[Flood, list[Call]]:
    clock, loop = LoopClock(), asyncio.get_running_loop()
    async with TelegramEmulator(now=loop.time) as telegram:
        telegram.add_chat(FORUM, is_forum=True)
        limits = telegram.enforce_limits()
        for at, seconds in bans.items():
            loop.call_at(at, limits.ban_with_the_next, str(FORUM), seconds)
        chat = TelegramChat(telegram.token, telegram.url, lambda _: True, directory, clock)
        state, audit = SqliteState.open(directory), ListAudit()
        chats: Mapping[Platform, Chat] = {Platform.TELEGRAM: chat}
        outbox = Outbox(state, audit, chats, clock, lambda _: False, lambda _: ENGLISH)
        watching = Watching(state, outbox, clock, stall_minutes=10)
        approvals = Approvals(state, audit, TablePolicy(), outbox, clock)
        found = Flood(telegram, state, outbox, watching, approvals, clock, minutes, steps)
        async with running(chat, Inbox()), asyncio.TaskGroup() as group:
            parts = [
                group.create_task(part(lambda: None))
                for part in (outbox.run, watching.run, approvals.run)
            ]
            async with asyncio.TaskGroup() as streams:
                for topic in range(1, topics + 1):
                    streams.create_task(found.stream(topic))
            await outbox.drained()
            for part in parts:
                part.cancel()
        await chat.close()
        state.close()
    return found, telegram.calls


def sent(calls: list[Call]) -> list[tuple[str, Call]]:
    """The messages that somebody waits for, as they arrived."""
    found = []
    for call in calls:
        if call["method"] == "sendMessage" and "result" in call:
            marked = MARKER.search(call["params"]["text"])
            if marked is not None:
                found.append((marked[1], call))
    return found


def is_live(call: Call) -> bool:
    """Whether it shows what a running job does."""
    return call["method"] == "editMessageText" and "is running" in call["params"]["text"]
