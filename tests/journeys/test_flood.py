"""An hour of ten agents who talk at once, in one forum: Telegram counts all topics as one chat.

The emulator holds us to the documented limits and shuts us out now and then for longer and
longer. Time is simulated; the client, the outbox and the database are the real ones.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

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
from appliance.services.approvals import Approvals, Question
from appliance.services.outbox import Outbox
from appliance.services.watching import Watching
from appliance.storage.state import SqliteState
from tests.contracts.chat_harness import Inbox, running
from tests.emulators.telegram import Call, TelegramEmulator
from tests.examples import ALICE, job
from tests.services.rig import ListAudit, TablePolicy
from tests.simulated_time import LoopClock, SimulatedLoop

FORUM = -100
MINUTES, TOPICS = 60, 10
BANS = ((8 * 60.0, 15), (20 * 60.0, 45), (40 * 60.0, 150))
"""When Telegram shuts us out by itself, and for how many seconds: longer and longer."""
WINDOW = (20, 61.0)
"""What a group takes in a minute; a second more, as nobody knows when Telegram counts a call."""
PACE_SECONDS = 1.0
TOLERANCE = 0.05
ASKS = Asks(Rule("rules.csv", 1, "p, owner, *, bash, rm **, approve"), ttl_seconds=3600)
MARKER = re.compile(r"<(\w+)>")


@dataclass
class Due:
    """What somebody waits for: since when, and where."""

    at: float
    topic: str


@dataclass
class Flood:
    """Ten topics in which agents work, one job after the other."""

    telegram: TelegramEmulator
    state: SqliteState
    outbox: Outbox
    watching: Watching
    approvals: Approvals
    clock: LoopClock
    due: dict[str, Due] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def stream(self, topic: int) -> None:
        """One topic for an hour; every other one is told all that the agent says."""
        choice = random.Random(topic)
        place = Place(Platform.TELEGRAM, str(FORUM), str(topic))
        verbosity = Verbosity.FULL if topic % 2 else Verbosity.NORMAL
        self.state.save_preferences(place, Preferences(verbosity=verbosity))
        while self.clock.monotonic() < MINUTES * 60:
            await self._work(place, choice)
            if choice.random() < 0.3:  # all at once, as when a far side comes back
                await self._until_the_minute()

    async def _until_the_minute(self) -> None:
        await self.clock.sleep(60 - self.clock.monotonic() % 60)

    async def _work(self, place: Place, choice: random.Random) -> None:
        name = f"a{next(self.numbers)}"
        working = self._begin(place, name)
        asks_at = choice.randrange(30)
        for step in range(choice.randrange(20, 60)):
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
            Question(
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


async def an_hour(directory: Path) -> tuple[Flood, list[Call]]:
    clock = LoopClock()
    loop = asyncio.get_running_loop()
    async with TelegramEmulator(now=loop.time) as telegram:
        telegram.add_chat(FORUM, is_forum=True)
        limits = telegram.enforce_limits()
        chat = TelegramChat(telegram.token, telegram.url, lambda _: True, directory, clock)
        state = SqliteState.open(directory)
        audit = ListAudit()
        chats = {Platform.TELEGRAM: chat}
        outbox = Outbox(state, audit, chats, clock, lambda _: False, lambda _: ENGLISH)
        flood = Flood(
            telegram,
            state,
            outbox,
            Watching(state, outbox, clock, stall_minutes=10),
            Approvals(state, audit, TablePolicy(), outbox, clock),
            clock,
        )
        async with running(chat, Inbox()), asyncio.TaskGroup() as parts:
            running_parts = [
                parts.create_task(part(lambda: None))
                for part in (outbox.run, flood.watching.run, flood.approvals.run)
            ]
            for at, seconds in BANS:
                loop.call_at(at, limits.ban_with_the_next, str(FORUM), seconds)
            async with asyncio.TaskGroup() as topics:
                for topic in range(1, TOPICS + 1):
                    topics.create_task(flood.stream(topic))
            await outbox.drained()
            for part in running_parts:
                part.cancel()
        assert limits.violations == []
        assert limits.in_bans == []
        await chat.close()
        state.close()
    return flood, telegram.calls


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flood, list[Call]]:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(an_hour(tmp_path_factory.mktemp("flood")))


def sent(calls: list[Call]) -> list[tuple[str, Call]]:
    """The messages that somebody waits for, as they arrived."""
    found = []
    for call in calls:
        if call["method"] == "sendMessage" and "result" in call:
            marked = MARKER.search(call["params"]["text"])
            if marked is not None:
                found.append((marked[1], call))
    return found


def test_nothing_is_lost_or_said_twice_and_each_topic_is_in_order(
    hour: tuple[Flood, list[Call]],
) -> None:
    flood, calls = hour
    assert len(flood.due) > 150
    arrived = sent(calls)
    assert sorted(name for name, _ in arrived) == sorted(flood.due)
    for topic, names in flood.said.items():
        there = [
            name for name, call in arrived if str(call["params"]["message_thread_id"]) == topic
        ]
        assert there == names


def _topic(call: Call) -> str:
    return str(call["params"]["message_thread_id"])


def test_every_message_ends_as_it_should(hour: tuple[Flood, list[Call]]) -> None:
    flood, _ = hour
    texts = [message["text"] for message in flood.telegram.sent(FORUM)]
    running_still = [text for text in texts if "is running" in text or " started" in text]
    assert running_still == []
    assert not any("May this run?" in text for text in texts)


def test_no_answer_and_no_question_is_later_than_telegram_forces(
    hour: tuple[Flood, list[Call]],
) -> None:
    flood, calls = hour
    line = Timeline(flood, calls)
    late = []
    for name, call in sent(calls):
        due = flood.due[name].at
        late.append(call["t"] - due)
        free = line.first_free_moment(due, call["t"] - TOLERANCE)
        assert free is None, f"{name}: due {due:.2f}, sent {call['t']:.2f}, free at {free:.2f}"
        between = line.should_have_waited(due, call)
        assert between == [], f"{name} waited for {between}"
    longest_ban = max(seconds for _, seconds in BANS)
    assert median(late) < 1
    assert max(late) < longest_ban + WINDOW[1]


def test_what_jobs_do_is_shown_meanwhile(hour: tuple[Flood, list[Call]]) -> None:
    _, calls = hour
    live = [c for c in calls if c["method"] == "editMessageText" and "steps" in str(c["params"])]
    assert len(live) > MINUTES


class Timeline:
    """The calls about the forum, and when one more could have been made."""

    def __init__(self, flood: Flood, calls: list[Call]) -> None:
        dues = ((flood.due[name], call) for name, call in sent(calls))
        self.waits = [(due.topic, due.at, call["t"]) for due, call in dues]
        self.calls = [c for c in calls if str(c["params"].get("chat_id")) == str(FORUM)]
        self.times = [call["t"] for call in self.calls]
        self.bans = [
            (call["t"], call["t"] + int(call["error"].rpartition(" ")[2]))
            for call in self.calls
            if "Too Many Requests" in call.get("error", "")
        ]
        self.openings = sorted(
            [at + WINDOW[1] for at in self.times]
            + [at + PACE_SECONDS for at in self.times]
            + [end for _, end in self.bans]
        )

    def first_free_moment(self, due: float, until: float) -> float | None:
        moments = [due, *(at for at in self.openings if due <= at)]
        with suppress(StopIteration):
            return next(at for at in moments if at < until and self._is_free(at))
        return None

    def _is_free(self, at: float) -> bool:
        made = [t for t in self.times if t < at + TOLERANCE]
        in_a_minute = sum(t > at - WINDOW[1] + TOLERANCE for t in made)
        is_paced = not made or at - made[-1] >= PACE_SECONDS - TOLERANCE
        is_banned = any(begin <= at < end for begin, end in self.bans)
        return in_a_minute < WINDOW[0] and is_paced and not is_banned

    def should_have_waited(self, due: float, urgent: Call) -> list[Call]:
        """Calls made meanwhile in a topic where nobody waits for anything."""
        return [
            call
            for call in self.calls
            if due + TOLERANCE < call["t"] < urgent["t"] - TOLERANCE and not self._serves(call)
        ]

    def _serves(self, call: Call) -> bool:
        """A message is waited for, or in its topic before one that is: order is kept there."""
        return call["method"] == "sendMessage" and any(
            topic == _topic(call) and due - TOLERANCE <= call["t"] <= until
            for topic, due, until in self.waits
        )
