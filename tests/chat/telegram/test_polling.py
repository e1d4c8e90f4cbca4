from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from appliance.chat.telegram.joining import LONG_UNITS
from appliance.chat.telegram.polling import (
    BREATH_SECONDS,
    JOIN_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Poller,
    is_polled,
    one_poller,
)
from appliance.core.model import Incoming, Json, Message
from appliance.errors import ChatRefused, ChatUnavailable, ConfigError
from tests.contracts.chat_harness import Inbox
from tests.fakes_clock import HurriedClock

LONG = "x" * LONG_UNITS


class Enough(Exception):
    """Ends a poll in a test."""


class Server:
    """getUpdates in memory: `steps` are what happens at each call before the answer."""

    def __init__(self) -> None:
        self.updates: list[Json] = []
        self.steps: list[Callable[[], None]] = []
        self.asked: list[tuple[int, int]] = []

    def say(self, number: int, text: str = "hello", sender: int = 42) -> None:
        message: Json = {
            "message_id": number,
            "date": 1_700_000_000,
            "from": {"id": sender},
            "chat": {"id": sender},
            "text": text,
        }
        self.updates.append({"update_id": number, "message": message})

    async def fetch(self, offset: int, wait_seconds: int) -> list[Json]:
        self.asked.append((offset, wait_seconds))
        if not self.steps:
            raise Enough
        self.steps.pop(0)()
        self.updates = [u for u in self.updates if isinstance(u, dict) and _id(u) >= offset]
        return self.updates[:100]

    def will(self, *steps: Callable[[], None]) -> None:
        self.steps.extend(steps)


def _id(update: dict[str, Any]) -> int:
    return int(update["update_id"])


def nothing() -> None:
    """A call that is just answered."""


def failure(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


class Bench:
    """A poller between a server and an inbox; 42 is known."""

    def __init__(self) -> None:
        self.server = Server()
        self.inbox = Inbox()
        self.clock = HurriedClock()
        self.poller = Poller(
            self.server.fetch, "99", self.name, lambda said: said.sender.id == "42", self.clock
        )

    async def name(self) -> str:
        return "test_bot"

    async def run(self) -> list[str]:
        with pytest.raises(Enough):
            await self.poller.run(self.inbox)
        return [message.text for message in self.inbox.taken if isinstance(message, Message)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_the_offset_moves_only_after_the_intake(bench: Bench) -> None:
    bench.server.say(5)
    bench.server.say(6)
    bench.inbox.failures = 2
    bench.server.will(nothing, nothing, nothing)
    assert await bench.run() == ["hello", "hello"]
    assert [offset for offset, _ in bench.server.asked] == [0, 0, 0, 7]
    assert bench.clock.naps == [0.5, 1.0, BREATH_SECONDS]


async def test_a_crash_within_the_intake_confirms_nothing(bench: Bench) -> None:
    bench.server.say(5)
    bench.server.will(nothing)

    async def crash(_batch: object) -> None:
        raise Enough

    with pytest.raises(Enough):
        await bench.poller.run(crash)
    assert bench.server.asked == [(0, 50)]


async def test_strangers_are_confirmed_counted_and_never_handed_over(bench: Bench) -> None:
    bench.server.say(1, sender=666)
    bench.server.say(2)
    bench.server.say(3, sender=666)
    bench.server.will(nothing)
    assert await bench.run() == ["hello"]
    assert bench.poller.strangers == 2
    assert bench.server.asked[-1][0] == 4


async def test_strangers_alone_do_not_wake_the_intake(bench: Bench) -> None:
    bench.server.say(1, sender=666)
    bench.server.will(nothing)
    await bench.run()
    assert bench.inbox.batches == []
    assert bench.server.asked[-1][0] == 2


async def test_strangers_are_counted_once_even_if_a_batch_comes_twice(bench: Bench) -> None:
    bench.server.say(1, sender=666)
    bench.server.say(2)
    bench.inbox.failures = 1
    bench.server.will(nothing, nothing)
    await bench.run()
    assert bench.poller.strangers == 1


async def test_failures_are_tried_again_ever_more_slowly(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.server.say(1)
    down = failure(ChatUnavailable("Telegram is in trouble", hint="wait"))
    bench.server.will(*[down] * 9, nothing, down)
    assert await bench.run() == ["hello"]
    pauses = [0.5, 1, 2, 4, 8, 16, 32, 60, LONGEST_PAUSE_SECONDS]
    assert bench.clock.naps == [*pauses, BREATH_SECONDS, 0.5]
    assert "Telegram is in trouble (wait)" in caplog.text


async def test_a_pause_that_telegram_asks_for_is_kept(bench: Bench) -> None:
    slow_down = ChatUnavailable("slow down", retry_after_seconds=90.0, is_in_doubt=False)
    bench.server.will(failure(slow_down), failure(ChatRefused("Bad Request")))
    await bench.run()
    assert bench.clock.naps == [90.0, 1.0]


async def test_what_cannot_be_read_does_not_stop_the_poll(bench: Bench) -> None:
    bench.server.updates.append({"update_id": 1, "message": {"strange": True}})
    bench.server.say(2)
    bench.server.will(nothing)
    assert await bench.run() == ["hello"]


async def test_a_cut_text_waits_for_its_rest(bench: Bench) -> None:
    bench.server.say(1, LONG)
    bench.server.will(
        nothing, lambda: bench.server.say(2, LONG), lambda: bench.server.say(3, "end")
    )
    assert await bench.run() == [f"{LONG}\n{LONG}\nend"]
    assert bench.server.asked == [(0, 50), (0, 0), (0, 0), (4, 50)]
    assert max(bench.clock.naps) <= 0.7


async def test_a_long_text_without_a_rest_waits_once(bench: Bench) -> None:
    bench.server.say(1, LONG)
    bench.server.will(nothing, nothing)
    assert await bench.run() == [LONG]
    assert bench.clock.naps == [JOIN_SECONDS, BREATH_SECONDS]


async def test_what_came_before_a_cut_text_does_not_wait(bench: Bench) -> None:
    bench.server.say(1, "first")
    bench.server.say(2, LONG)
    bench.server.will(nothing, lambda: bench.server.say(3, "end"))
    assert await bench.run() == ["first", f"{LONG}\nend"]
    assert [offset for offset, _ in bench.server.asked] == [0, 2, 4]


async def test_a_short_message_does_not_wait(bench: Bench) -> None:
    bench.server.say(1)
    bench.server.will(nothing)

    async def take(batch: Sequence[Incoming]) -> None:
        assert bench.clock.naps == []
        await bench.inbox(batch)

    with pytest.raises(Enough):
        await bench.poller.run(take)
    assert bench.clock.naps == [BREATH_SECONDS]


async def test_a_failure_while_waiting_for_the_rest_loses_nothing(bench: Bench) -> None:
    bench.server.say(1, LONG)
    bench.server.will(nothing, failure(ChatUnavailable("down")), nothing, nothing)
    assert await bench.run() == [LONG]


async def test_a_thousand_messages_come_in_batches_and_in_order(bench: Bench) -> None:
    for number in range(1, 1001):
        bench.server.say(number, str(number))
    bench.server.will(*[nothing] * 10)
    assert await bench.run() == [str(number) for number in range(1, 1001)]
    assert [len(batch) for batch in bench.inbox.batches] == [100] * 10


def test_one_bot_has_one_poller_and_another_bot_another(tmp_path: Path) -> None:
    with (
        one_poller(tmp_path, "99"),
        one_poller(tmp_path, "98"),
        pytest.raises(ConfigError, match=r"another process.*bot 99"),
    ):
        one_poller(tmp_path, "99").__enter__()


def test_a_poller_that_ended_makes_room(tmp_path: Path) -> None:
    for _ in range(2):
        with one_poller(tmp_path, "99"):
            assert (tmp_path / "telegram-99.lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(ConfigError, match=str(missing)):
        one_poller(missing, "99").__enter__()


def test_whether_somebody_polls_can_be_seen_without_a_trace(tmp_path: Path) -> None:
    assert not is_polled(tmp_path, "99")
    assert list(tmp_path.iterdir()) == []
    with one_poller(tmp_path, "99"):
        assert is_polled(tmp_path, "99")
    assert not is_polled(tmp_path, "99")
