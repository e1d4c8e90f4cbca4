"""How many calls a chat may still take, so that Telegram does not shut us out for hours.

Telegram counts every call about a chat, edits and answers to clicks as well: about one a second
in a private chat and twenty a minute in a group, short bursts allowed
(https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this). All topics of
a forum are one chat.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.errors import ChatUnavailable
from appliance.ports import Clock


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` calls at once and `burst` + 60 times `per_second` in any minute."""

    burst: int
    per_second: float


PRIVATE = Rate(burst=20, per_second=1.0)
GROUP = Rate(burst=8, per_second=0.2)


@dataclass(slots=True)
class _Account:
    rate: Rate
    left: float
    filled_at: float
    closed_until: float


class Budget:
    """One account per chat; filled by time alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    async def spend(self, chat: str) -> None:
        """Returns when one call may be made, in the order of asking.

        Raises ChatUnavailable while Telegram has asked us to leave the chat alone.
        """
        account = self._account(chat)
        closed_seconds = account.closed_until - self._clock.monotonic()
        if closed_seconds > 0:
            raise ChatUnavailable(
                f"Telegram wants no calls in this chat for {closed_seconds:.0f} s",
                retry_after_seconds=closed_seconds,
                is_in_doubt=False,
            )
        account.left -= 1
        if account.left < 0:
            await self._clock.sleep(-account.left / account.rate.per_second)

    def spend_spare(self, chat: str) -> bool:
        """Take one call if more than half of the burst is left for what matters."""
        account = self._account(chat)
        is_open = account.closed_until <= self._clock.monotonic()
        if not is_open or account.left <= account.rate.burst / 2:
            return False
        account.left -= 1
        return True

    def close(self, chat: str, seconds: float) -> None:
        """No calls in this chat for so long: Telegram said so."""
        self._account(chat).closed_until = self._clock.monotonic() + seconds

    def _account(self, chat: str) -> _Account:
        now = self._clock.monotonic()
        account = self._accounts.get(chat)
        if account is None:
            rate = GROUP if chat.startswith("-") else PRIVATE
            account = self._accounts[chat] = _Account(rate, float(rate.burst), now, now)
        gained = (now - account.filled_at) * account.rate.per_second
        account.left = min(float(account.rate.burst), account.left + gained)
        account.filled_at = now
        return account
