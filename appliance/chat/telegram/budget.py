"""How many calls a chat may still take, so that Telegram does not shut us out for hours.

Telegram counts every call about a chat, edits and answers to clicks as well: about one a second
in any chat, short bursts allowed, twenty a minute in a group, thirty a second in all
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). All topics of
a forum are one chat.

What matters less gives way: it waits behind what matters more, and never takes the last part of
what a chat can take, so that an answer finds room at once whatever was shown before it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from appliance.core.model import Urgency
from appliance.errors import ChatUnavailable
from appliance.ports import Clock


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` calls at once, then one each 1 / `per_second`.

    And at most `in_a_minute` in any minute, where that is less than the rate alone would let.
    """

    burst: int
    per_second: float
    in_a_minute: int | None = None


PRIVATE = Rate(burst=20, per_second=1.0)
GROUP = Rate(burst=20, per_second=1.0, in_a_minute=20)
ALTOGETHER = Rate(burst=5, per_second=25.0)

MINUTE_SECONDS = 61.0
"""Ours: when Telegram counts a call is up to a second before or after we do."""

SHORTEST_SECONDS = 0.001
"""Of a wait: what is less may be a rounding, and never end."""

KEPT: Mapping[Urgency, float] = {
    Urgency.SPARE: 0.35,
    Urgency.CHANGE: 0.2,
    Urgency.NEWS: 0.1,
    Urgency.ANSWER: 0.0,
}
"""The part of a rate that is left to what matters more."""


class Account:
    """The calls of one chat; filled by time alone."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = float(rate.burst)
        self._filled_at = now
        self._taken: deque[float] = deque()
        self.closed_until = now

    def seconds_until(self, now: float, urgency: Urgency = Urgency.ANSWER) -> float:
        """How long until a call of this urgency may be made, 0 for now."""
        self._fill(now)
        kept = KEPT[urgency]
        missing = self._rate.burst * kept + 1 - self._left
        pace = missing / self._rate.per_second if missing > 1e-9 else 0.0
        return max(pace, self._until_the_minute_has_room(now, kept))

    def _until_the_minute_has_room(self, now: float, kept: float) -> float:
        if self._rate.in_a_minute is None:
            return 0.0
        too_many = len(self._taken) + 1 - int(self._rate.in_a_minute * (1 - kept))
        return self._taken[too_many - 1] + MINUTE_SECONDS - now if too_many > 0 else 0.0

    def take(self, now: float) -> None:
        self._fill(now)
        self._left -= 1
        if self._rate.in_a_minute is not None:
            self._taken.append(now)

    def close(self, now: float, seconds: float) -> None:
        """No calls for so long; then one by one, because Telegram's patience is spent."""
        self.closed_until = max(self.closed_until, now + seconds)
        self._left = min(self._left, 1 - seconds * self._rate.per_second)

    def left(self, now: float) -> float:
        """The part of what it can take at most that it can take now."""
        self._fill(now)
        parts = [self._left / self._rate.burst]
        if self._rate.in_a_minute is not None:
            parts.append(1 - len(self._taken) / self._rate.in_a_minute)
        return max(0.0, min(parts))

    def _fill(self, now: float) -> None:
        gained = (now - self._filled_at) * self._rate.per_second
        self._left = min(float(self._rate.burst), self._left + gained)
        self._filled_at = now
        while self._taken and self._taken[0] + MINUTE_SECONDS <= now:
            self._taken.popleft()


@dataclass(slots=True)
class Line:
    """Who waits for calls in one chat, and what the chat can take."""

    account: Account
    waiting: list[tuple[int, int]] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def leave(self, ticket: tuple[int, int]) -> None:
        self.waiting.remove(ticket)
        self.moved.set()
        self.moved = asyncio.Event()


class Budget:
    """One account per chat, and one for all of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._altogether = Account(ALTOGETHER, clock.monotonic())
        self._numbers = count()

    async def spend(self, chat: str, urgency: Urgency = Urgency.ANSWER) -> bool:
        """Returns when one call may be made; True: that took time.

        The most urgent goes first, then who asked first. Raises ChatUnavailable as
        `refuse_if_closed` does.
        """
        line = self._line(chat)
        ticket = (-urgency, next(self._numbers))
        line.waiting.append(ticket)
        has_waited = False
        try:
            self.refuse_if_closed(chat)
            while not self._may_go(line, ticket):
                has_waited = True
                await self._wait(line, ticket, urgency)
                self.refuse_if_closed(chat)
            self._take(line)
        finally:
            line.leave(ticket)
        return has_waited

    def close(self, chat: str, seconds: float) -> None:
        """No calls in this chat for so long: Telegram said so."""
        self._line(chat).account.close(self._clock.monotonic(), seconds)

    def left(self) -> Mapping[str, float]:
        """Of each kind of chats, what the one that can take least can take: 1 for all, 0 none."""
        now = self._clock.monotonic()
        least = {"private": 1.0, "group": 1.0, "all": self._altogether.left(now)}
        for chat, line in self._lines.items():
            least[_kind(chat)] = min(least[_kind(chat)], line.account.left(now))
        return least

    def refuse_if_closed(self, chat: str) -> None:
        """Raises ChatUnavailable while Telegram has asked us to leave the chat alone."""
        closed_seconds = self._line(chat).account.closed_until - self._clock.monotonic()
        if closed_seconds > 0:
            raise ChatUnavailable(
                f"Telegram wants no calls in this chat for {closed_seconds:.0f} s",
                retry_after_seconds=closed_seconds,
                is_in_doubt=False,
            )

    def _may_go(self, line: Line, ticket: tuple[int, int]) -> bool:
        return min(line.waiting) == ticket and self._seconds(line, Urgency(-ticket[0])) <= 0

    async def _wait(self, line: Line, ticket: tuple[int, int], urgency: Urgency) -> None:
        if min(line.waiting) != ticket:
            await line.moved.wait()
        else:
            await self._clock.sleep(max(SHORTEST_SECONDS, self._seconds(line, urgency)))

    def _seconds(self, line: Line, urgency: Urgency) -> float:
        now = self._clock.monotonic()
        return max(line.account.seconds_until(now, urgency), self._altogether.seconds_until(now))

    def _take(self, line: Line) -> None:
        now = self._clock.monotonic()
        line.account.take(now)
        self._altogether.take(now)

    def _line(self, chat: str) -> Line:
        if chat not in self._lines:
            rate = GROUP if _kind(chat) == "group" else PRIVATE
            self._lines[chat] = Line(Account(rate, self._clock.monotonic()))
        return self._lines[chat]


def _kind(chat: str) -> str:
    return "group" if chat.startswith("-") else "private"
