"""The limits that the emulator holds us to are those that Telegram documents."""

from __future__ import annotations

import pytest

from tests.emulators.telegram_limits import BURST, FloodLimits


class Far:
    """The limits on a clock of the test's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.limits = FloodLimits(lambda: self.now)

    def calls(self, count: int, chat: str, apart: float = 0.0) -> list[int | None]:
        found = []
        for _ in range(count):
            found.append(self.limits.admit("sendmessage", chat))
            self.now += apart
        return found


def test_a_group_takes_twenty_in_any_minute() -> None:
    far = Far()
    assert far.calls(20, "-1", apart=2.9) == [None] * 20
    assert far.calls(1, "-1") == [5]
    assert len(far.limits.violations) == 1


def test_a_chat_takes_a_short_burst_and_one_a_second() -> None:
    far = Far()
    assert far.calls(BURST, "42", apart=0.1) == [None] * BURST
    assert far.calls(1, "42") == [5]
    other = Far()
    assert set(other.calls(600, "42", apart=1.0)) == {None}


def test_thirty_a_second_in_all() -> None:
    far = Far()
    answers = [far.limits.admit("sendmessage", str(chat)) for chat in range(31)]
    assert answers == [*[None] * 30, 5]
    assert far.limits.admit("getupdates", None) is None


def test_who_calls_in_a_ban_makes_it_longer_and_is_told_of() -> None:
    far = Far()
    far.calls(20, "-1")
    assert [far.calls(1, "-1")[0] for _ in range(4)] == [5, 10, 20, 40]
    assert len(far.limits.in_bans) == 3
    far.now = 61
    assert far.calls(1, "-1") == [None]
    assert far.calls(1, "-2") == [None]


def test_a_ban_of_the_test_s_begins_with_the_next_call() -> None:
    far = Far()
    far.limits.ban_with_the_next("-1", 90)
    far.now = 7
    assert far.calls(1, "-1") == [90]
    assert far.limits.violations == []
    far.now = 96
    assert far.calls(1, "-1") != [None]
    assert far.limits.in_bans


@pytest.mark.parametrize("wait", [600, 6000])
def test_who_keeps_away_is_forgiven(wait: float) -> None:
    far = Far()
    far.calls(21, "-1")
    far.now += 5 + wait
    assert far.calls(21, "-1")[-1] == 5
