from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.chat.telegram.progress import EVERY_SECONDS, ProgressDisplay
from appliance.core.model import JobId, Place, Platform, Progress, Reply, Rich
from appliance.errors import ChatRefused
from tests.fakes_clock import HurriedClock

HERE = Place(Platform.TELEGRAM, "42")


class Screen:
    """A display whose edits are kept, with the time of each."""

    def __init__(self) -> None:
        self.clock = HurriedClock()
        self.edits: list[tuple[str, float]] = []
        self.rooms: asyncio.Semaphore | None = None
        self.is_gone = False
        self.blocked: asyncio.Event | None = None
        self.changed = asyncio.Condition()
        self.display = ProgressDisplay(self._edit, self._room, self.clock)

    async def _room(self, _chat: str) -> None:
        if self.rooms is not None:
            await self.rooms.acquire()

    async def _edit(self, progress: Progress) -> None:
        self.edits.append((progress.text, self.clock.monotonic()))
        async with self.changed:
            self.changed.notify_all()
        if self.blocked:
            await self.blocked.wait()
        if self.is_gone:
            raise ChatRefused("message to edit not found")

    def show(self, text: str, job: int = 1, message: str = "7") -> None:
        self.display.show(Progress(JobId(job), HERE, Reply(Rich(text)), message))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            showing = tasks.create_task(self.display.run())
            yield
            showing.cancel()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: len(self.edits) >= count)
        return [text for text, _ in self.edits]


async def test_the_newest_word_is_shown_and_not_too_often() -> None:
    screen = Screen()
    async with screen.running():
        screen.show("one")
        await screen.until(1)
        screen.show("two")
        screen.show("three")
        assert await screen.until(2) == ["one", "three"]
    (_, first), (_, second) = screen.edits
    assert second - first >= EVERY_SECONDS


async def test_jobs_do_not_wait_for_each_other() -> None:
    screen = Screen()
    async with screen.running():
        screen.show("a", job=1, message="7")
        screen.show("b", job=2, message="8")
        assert await screen.until(2) == ["a", "b"]
    assert screen.edits[0][1] == screen.edits[1][1]


async def test_a_job_without_a_message_of_its_own_shows_nothing() -> None:
    screen = Screen()
    screen.show("one", message="")
    screen.show("two", job=2)
    async with screen.running():
        assert await screen.until(1) == ["two"]


async def test_without_room_nothing_is_shown_until_there_is_some() -> None:
    screen = Screen()
    screen.rooms = asyncio.Semaphore(0)
    async with screen.running():
        screen.show("one")
        for _ in range(10):
            await asyncio.sleep(0)
        assert screen.edits == []
        screen.show("two")
        screen.rooms.release()
        assert await screen.until(1) == ["two"]


async def test_a_message_that_is_gone_is_nobody_s_problem() -> None:
    screen = Screen()
    screen.is_gone = True
    async with screen.running():
        screen.show("one")
        await screen.until(1)
        screen.show("two")
        assert await screen.until(2) == ["one", "two"]


async def test_the_same_word_is_not_shown_again() -> None:
    screen = Screen()
    async with screen.running():
        screen.show("one")
        await screen.until(1)
        screen.show("one")
        screen.show("other", job=2, message="8")
        assert await screen.until(2) == ["one", "other"]
        screen.show("two")
        assert await screen.until(3) == ["one", "other", "two"]


async def test_jobs_take_turns_when_there_is_room_for_one() -> None:
    screen = Screen()
    screen.rooms = asyncio.Semaphore(0)
    async with screen.running():
        for number in range(1, 7):
            screen.show(f"a{number}", job=1, message="7")
            screen.show(f"b{number}", job=2, message="8")
            screen.rooms.release()
            await screen.until(number)
    assert {text[0] for text, _ in screen.edits[:2]} == {"a", "b"}
    assert sum(text.startswith("a") for text, _ in screen.edits) == 3


async def test_what_is_over_is_not_shown_any_more() -> None:
    screen = Screen()
    screen.show("one")
    screen.display.show(Progress(JobId(1), HERE))
    screen.show("other", job=2, message="8")
    async with screen.running():
        assert await screen.until(1) == ["other"]


async def test_what_waited_is_not_shown_after_a_final_word() -> None:
    screen = Screen()
    screen.show("stale")
    await screen.display.settle(HERE, "7")
    screen.show("other", job=2, message="8")
    async with screen.running():
        assert await screen.until(1) == ["other"]


async def test_a_final_word_comes_after_one_that_is_being_shown() -> None:
    screen = Screen()
    screen.blocked = asyncio.Event()
    said: list[str] = []

    async def say_the_final_word() -> None:
        await screen.display.settle(HERE, "7")
        said.append("final")

    async with screen.running(), asyncio.TaskGroup() as tasks:
        screen.show("one")
        await screen.until(1)
        tasks.create_task(say_the_final_word())
        await asyncio.sleep(0)
        assert said == []
        screen.blocked.set()
    assert said == ["final"]
