"""Checkpoints leave in time, at most one sink is waited for, and nobody is held up by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from appliance.core.events import AnchorPosted, DaemonStopped
from appliance.errors import AnchorUnavailable, AuditUnavailable
from appliance.services import anchors as module
from appliance.services.activity import Activity
from appliance.services.anchors import (
    EVERY_SECONDS,
    FIRST_PAUSE_SECONDS,
    FIRST_SECONDS,
    MAX_TRIES,
    Anchors,
)
from tests.fakes import FakeClock
from tests.fakes_anchors import AnchorableMemory, ListSink, note_of


class Scene:
    """The service with its fakes."""

    def __init__(self, *names: str) -> None:
        self.log = AnchorableMemory()
        self.activity = Activity(self.log)
        self.clock = FakeClock()
        self.sinks = [ListSink(name) for name in names]
        self.anchors = Anchors(self.log, self.activity, self.sinks, self.clock)

    async def happens(self) -> None:
        await self.activity.append(DaemonStopped())

    async def passes(self, seconds: float) -> None:
        await settled()
        self.clock.advance(seconds)
        await settled()

    def posted(self) -> list[tuple[int, str]]:
        return [(e.size, e.sink) for e in self.log.events if isinstance(e, AnchorPosted)]


async def settled() -> None:
    """Let everybody do what can be done now."""
    for _ in range(50):
        await asyncio.sleep(0)


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():
            await asyncio.sleep(0)


@asynccontextmanager
async def running(*names: str) -> AsyncIterator[Scene]:
    scene = Scene(*names)
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(scene.anchors.run(ready.set))
        await ready.wait()
        yield scene
        task.cancel()


async def test_a_checkpoint_follows_what_happened_once() -> None:
    async with running("a", "b") as scene:
        await scene.happens()
        await scene.happens()
        await scene.passes(FIRST_SECONDS)
        assert [sink.notes for sink in scene.sinks] == [[note_of(2)]] * 2
        assert scene.posted() == [(2, "a"), (2, "b")]
        assert scene.log.anchored == [(2, "a", note_of(2)), (2, "b", note_of(2))]


async def test_anchors_of_anchors_are_never_made() -> None:
    async with running("a") as scene:
        await scene.happens()
        await scene.passes(FIRST_SECONDS)
        for _ in range(5):
            await scene.passes(EVERY_SECONDS)
        assert scene.posted() == [(1, "a")]


async def test_there_is_one_checkpoint_for_all_that_happens_in_a_while() -> None:
    async with running("a") as scene:
        await scene.happens()
        await scene.passes(FIRST_SECONDS)
        await scene.happens()
        await scene.passes(EVERY_SECONDS - 1)
        await scene.happens()
        assert len(scene.sinks[0].notes) == 1
        await scene.passes(1)
        assert scene.sinks[0].notes == [note_of(1), note_of(4)]


async def test_an_approved_action_waits_for_the_first_sink_and_for_no_other() -> None:
    async with running("slow", "quick") as scene:
        slow, quick = scene.sinks
        slow.open.clear()
        await scene.happens()
        await scene.anchors.before_risk("approval:x")
        assert quick.notes == [note_of(1)]
        assert [e.for_what for e in scene.log.events if isinstance(e, AnchorPosted)] == [
            "approval:x"
        ]
        slow.open.set()
        await until(lambda: slow.notes == [note_of(1)])


async def test_an_approved_action_is_refused_at_once_when_all_sinks_refuse() -> None:
    async with running("a", "b") as scene:
        for sink in scene.sinks:
            sink.broken = f"{sink.name} is down"
        await scene.happens()
        with pytest.raises(AnchorUnavailable, match="a: a is down; b: b is down"):
            await scene.anchors.before_risk("approval:x")


async def test_an_approved_action_is_refused_when_nobody_confirms_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONFIRM_SECONDS", 0.01)
    async with running("a") as scene:
        scene.sinks[0].open.clear()
        await scene.happens()
        with pytest.raises(AnchorUnavailable, match=r"nobody confirmed within 0\.01 s"):
            await scene.anchors.before_risk("approval:x")
        scene.sinks[0].open.set()
        await scene.anchors.before_risk("approval:x")


async def test_an_older_checkpoint_does_not_count_for_a_newer_action() -> None:
    async with running("a") as scene:
        await scene.happens()
        await scene.anchors.before_risk("approval:x")
        scene.sinks[0].broken = "down"
        await scene.happens()
        with pytest.raises(AnchorUnavailable):
            await scene.anchors.before_risk("approval:y")


async def test_without_a_sink_nothing_is_waited_for_and_status_says_so() -> None:
    async with running() as scene:
        await scene.anchors.before_risk("approval:x")
        assert "no checkpoint is kept outside" in scene.anchors.line()


async def test_a_log_that_cannot_be_written_is_no_reason_to_go_on() -> None:
    async with running("a") as scene:
        scene.log.fail()
        with pytest.raises(AuditUnavailable):
            await scene.anchors.before_risk("approval:x")


async def test_a_sink_that_fails_is_tried_again_with_longer_pauses_and_a_limit() -> None:
    async with running("bad", "good") as scene:
        bad, good = scene.sinks
        bad.broken = "down"
        await scene.happens()
        await scene.passes(FIRST_SECONDS)
        assert (bad.tries, good.notes) == (1, [note_of(1)])
        assert scene.anchors.trouble() == "bad: down"
        for tries in range(1, MAX_TRIES):
            await scene.passes(FIRST_PAUSE_SECONDS * 2 ** (tries - 1) - 1)
            assert bad.tries == tries
            await scene.passes(1)
            assert bad.tries == tries + 1
        await scene.passes(10 * EVERY_SECONDS)
        assert bad.tries == MAX_TRIES
        bad.broken = ""
        await scene.happens()
        await scene.passes(EVERY_SECONDS)
        assert bad.notes[-1] == good.notes[-1]
        assert scene.anchors.trouble() == ""


async def test_a_sink_that_was_slow_gets_the_newest_checkpoint_only() -> None:
    async with running("slow", "quick") as scene:
        slow, _ = scene.sinks
        slow.open.clear()
        for _ in range(3):
            await scene.happens()
            await scene.anchors.before_risk("approval:x")
        slow.open.set()
        await until(lambda: len(slow.notes) == 2)
        assert slow.notes == [note_of(1), note_of(5)]  # two anchors of "quick" lie between


async def test_what_a_sink_keeps_is_not_kept_until_it_is_recorded() -> None:
    async with running("a") as scene:
        await scene.happens()
        scene.sinks[0].open.clear()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(refused(scene))
            await settled()
            scene.log.fail()
            scene.sinks[0].open.set()
            assert "disk full" in await waiting
        assert "none posted since the start" in scene.anchors.line()


async def refused(scene: Scene) -> str:
    with pytest.raises(AnchorUnavailable) as caught:
        await scene.anchors.before_risk("approval:x")
    return caught.value.message


async def test_a_checkpoint_can_be_asked_for_and_every_sink_reports() -> None:
    async with running("good", "bad") as scene:
        scene.sinks[1].broken = "down"
        await scene.happens()
        assert await scene.anchors.post() == {
            "size": 1,
            "sinks": [
                {"name": "good", "kept": 1, "problem": ""},
                {"name": "bad", "kept": 0, "problem": "down"},
            ],
        }


async def test_status_tells_which_sink_has_what() -> None:
    async with running("chat", "file") as scene:
        assert scene.anchors.line() == "none posted since the start"
        await scene.happens()
        await scene.anchors.before_risk("approval:x")
        await until(lambda: all(sink.notes for sink in scene.sinks))
        await settled()
        assert scene.anchors.line() == "chat has 1 records, file has 1 records"
