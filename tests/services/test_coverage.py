"""How much of the log is kept elsewhere, and since when some is not."""

from __future__ import annotations

import pytest

from appliance.core.events import (
    AnchorPosted,
    DaemonStopped,
    Event,
    PostFailed,
    WakeHeld,
    WakeReleased,
)
from appliance.ports import Receipt
from appliance.services.coverage import Coverage
from tests.fakes import FakeClock


class Log:
    """Numbers what it is given."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.coverage = Coverage(self.clock)
        self.size = 0

    def grows(self, *events: Event) -> None:
        self.size += len(events)
        self.coverage.saw(events, Receipt(self.size, b""))

    def anchored(self, size: int, sink: str = "chat") -> None:
        self.grows(AnchorPosted(size=size, root="", sink=sink))


@pytest.fixture
def log() -> Log:
    return Log()


def test_nothing_is_uncovered_before_anything_is_recorded(log: Log) -> None:
    log.clock.advance(60)
    assert log.coverage.uncovered_seconds() == 0


def test_the_first_record_that_no_sink_has_counts(log: Log) -> None:
    log.grows(DaemonStopped())
    log.clock.advance(60)
    log.grows(DaemonStopped())
    log.clock.advance(60)
    assert log.coverage.uncovered_seconds() == 120
    log.anchored(2)
    assert log.coverage.uncovered_seconds() == 0


def test_a_checkpoint_of_an_earlier_moment_leaves_what_came_after_it(log: Log) -> None:
    log.grows(DaemonStopped(), DaemonStopped())
    log.clock.advance(60)
    log.anchored(1)
    log.clock.advance(5)
    assert log.coverage.uncovered_seconds() == 5


def test_a_slow_sink_takes_nothing_away_from_a_quick_one(log: Log) -> None:
    log.grows(DaemonStopped(), DaemonStopped())
    log.anchored(2, "journal")
    log.clock.advance(60)
    log.anchored(1, "chat")
    assert log.coverage.uncovered_seconds() == 0
    assert log.coverage.sizes() == {"journal": 2, "chat": 1}
    times = log.coverage.times()
    assert times["chat"] - times["journal"] == 60_000


def test_what_asks_for_no_checkpoint_is_not_missed_in_one(log: Log) -> None:
    log.grows(WakeHeld(reason="", means=""), WakeReleased(reason="", held_seconds=1))
    log.grows(PostFailed(post=1, place="telegram:1", reason=""))
    log.anchored(3)
    log.clock.advance(60)
    assert log.coverage.uncovered_seconds() == 0
