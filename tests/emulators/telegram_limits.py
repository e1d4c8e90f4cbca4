"""The flood limits that Telegram documents, for the emulator, on a clock that tests can jump.

"avoid sending more than one message per second [in a chat]. We may allow short bursts that go
over this limit, but eventually you'll begin receiving 429 errors"; "not … more than 20 messages
per minute" in a group; "no more than about 30 messages per second" in all
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). How long a
short burst is, is not said: here as many as in half a minute. Who goes on regardless is shut
out for longer and longer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

UNCOUNTED = frozenset(["getupdates", "getme", "deletewebhook", "setmycommands", "getfile"])
IN_ALL = "*"
FIRST_BAN_SECONDS = 5
LONGEST_BAN_SECONDS = 3600
FORGIVEN_SECONDS = 600.0
BURST = 30


@dataclass
class Window:
    """At most `calls` in any `seconds`."""

    calls: int
    seconds: float
    taken: deque[float] = field(default_factory=deque)

    def is_full(self, now: float) -> bool:
        while self.taken and self.taken[0] + self.seconds <= now:
            self.taken.popleft()
        return len(self.taken) >= self.calls


@dataclass
class Peer:
    """One chat, or all of them together."""

    windows: tuple[Window, ...]
    banned_until: float = 0.0
    ban_seconds: int = 0
    banned_at: float = -FORGIVEN_SECONDS

    def ban(self, now: float, seconds: int | None = None) -> int:
        is_again = now - max(self.banned_at, self.banned_until) < FORGIVEN_SECONDS
        grown = self.ban_seconds * 2 if is_again and self.ban_seconds else FIRST_BAN_SECONDS
        self.ban_seconds = seconds or min(grown, LONGEST_BAN_SECONDS)
        self.banned_at, self.banned_until = now, now + self.ban_seconds
        return self.ban_seconds


class FloodLimits:
    """`admit` says for how long a call is refused; `violations` tells of those that were."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._peers = {IN_ALL: Peer((Window(30, 1.0),))}
        self._coming: dict[str, int] = {}
        self.violations: list[tuple[float, str, str]] = []
        self.in_bans: list[tuple[float, str, str]] = []

    def admit(self, method: str, chat: str | None) -> int | None:
        """None: the call is counted and may take effect; else the `retry_after` of its refusal."""
        if method in UNCOUNTED:
            return None
        now = self._now()
        if (seconds := self._coming.pop(chat or "", None)) is not None:
            return self._peer(chat or "").ban(now, seconds)
        peers = [self._peers[IN_ALL], *([self._peer(chat)] if chat else [])]
        for peer in peers:
            if now < peer.banned_until:
                self.in_bans.append((now, method, chat or ""))
                return peer.ban(now)
        for peer in peers:
            if any(window.is_full(now) for window in peer.windows):
                self.violations.append((now, method, chat or ""))
                return peer.ban(now)
        for peer in peers:
            for window in peer.windows:
                window.taken.append(now)
        return None

    def ban_with_the_next(self, chat: str, seconds: int) -> None:
        """The next call about the chat is refused, and all that follow for so long."""
        self._coming[chat] = seconds

    def _peer(self, chat: str) -> Peer:
        if chat not in self._peers:
            burst = Window(BURST, float(BURST))
            group = (Window(20, 60.0),) if chat.startswith("-") else ()
            self._peers[chat] = Peer((burst, *group))
        return self._peers[chat]
