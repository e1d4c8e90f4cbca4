"""An hour of ten agents who talk at once, in one forum."""

from __future__ import annotations

from contextlib import suppress
from statistics import median

import pytest

from tests.emulators.telegram import Call
from tests.journeys.flood import FORUM, Flood, flood, is_live, sent

MINUTES = 60
BANS = {8 * 60.0: 15, 20 * 60.0: 45, 40 * 60.0: 150}
"""When Telegram shuts us out by itself, and for how many seconds: longer and longer."""
WINDOW = (20, 61.0)
"""What a group takes in a minute; a second more, as nobody knows when Telegram counts a call."""
PACE_SECONDS = 1.0
TOLERANCE = 0.05


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flood, list[Call]]:
    return flood(tmp_path_factory.mktemp("flood"), topics=10, minutes=MINUTES, bans=BANS)


def test_nothing_is_lost_or_said_twice_and_each_topic_is_in_order(
    hour: tuple[Flood, list[Call]],
) -> None:
    found, calls = hour
    assert len(found.due) > 150
    arrived = sent(calls)
    assert sorted(name for name, _ in arrived) == sorted(found.due)
    for topic, names in found.said.items():
        there = [
            name for name, call in arrived if str(call["params"]["message_thread_id"]) == topic
        ]
        assert there == names


def _topic(call: Call) -> str:
    return str(call["params"]["message_thread_id"])


def test_every_message_ends_as_it_should(hour: tuple[Flood, list[Call]]) -> None:
    found, _ = hour
    texts = [message["text"] for message in found.telegram.sent(FORUM)]
    running_still = [text for text in texts if "is running" in text or " started" in text]
    assert running_still == []
    assert not any("May this run?" in text for text in texts)


def test_no_limit_is_exceeded_and_no_call_made_in_a_ban(hour: tuple[Flood, list[Call]]) -> None:
    found, calls = hour
    assert found.telegram.limits is not None
    assert found.telegram.limits.violations == []
    assert found.telegram.limits.in_bans == []
    assert sum("Too Many Requests" in call.get("error", "") for call in calls) == len(BANS)


def test_no_answer_and_no_question_is_later_than_telegram_forces(
    hour: tuple[Flood, list[Call]],
) -> None:
    found, calls = hour
    line = Timeline(found, calls)
    late = []
    for name, call in sent(calls):
        due = found.due[name].at
        late.append(call["t"] - due)
        free = line.first_free_moment(due, call["t"] - TOLERANCE)
        assert free is None, f"{name}: due {due:.2f}, sent {call['t']:.2f}, free at {free:.2f}"
        between = line.should_have_waited(due, call)
        assert between == [], f"{name} waited for {between}"
    longest_ban = max(BANS.values())
    assert median(late) < 1
    assert max(late) < longest_ban + WINDOW[1]


def test_what_jobs_do_is_shown_meanwhile(hour: tuple[Flood, list[Call]]) -> None:
    _, calls = hour
    assert sum(map(is_live, calls)) > MINUTES


class Timeline:
    """The calls about the forum, and when one more could have been made."""

    def __init__(self, found: Flood, calls: list[Call]) -> None:
        dues = ((found.due[name], call) for name, call in sent(calls))
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
