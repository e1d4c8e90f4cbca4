"""Grants without files, and a policy that is read anew whenever they change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from appliance.core.excerpts import Excerpt, LogLine
from appliance.core.proposals import Draft, Wish
from appliance.errors import AuditUnavailable, PolicyError, StorageUnavailable
from appliance.policy import grants
from appliance.ports import LivePolicy


class FakeGrants:
    """Port `Grants`: every wish is one line, but for what is in `refused`."""

    def __init__(self) -> None:
        self.content = ""
        self.refused: dict[str, str] = {}
        self.broken = ""

    def lines(self) -> tuple[str, ...]:
        return grants.said(self.content)

    def text(self) -> str:
        return self.content

    def draft(self, policy: LivePolicy, wish: Wish) -> Draft:
        if why := self.refused.get(str(wish)):
            raise PolicyError(why)
        line = f"g, {wish.who}, {wish.what}"
        added, removed = ((line,), ()) if wish.is_grant else ((), (line,))
        meaning = f"+ {wish.who} everywhere: chat /run: denied → allowed"
        return Draft(policy.sha256, added, removed, (meaning,))

    def change(self, added: Sequence[str], removed: Sequence[str], because: str) -> None:
        self.put(grants.changed(self.content, added, removed, because))

    def put(self, text: str) -> None:
        if self.broken:
            raise StorageUnavailable(self.broken)
        self.content = text


class FakePolicyFiles:
    """Port `PolicyFiles`: the policy of a test, whose fingerprint is that of grants and `edits`."""

    path = "policies"

    def __init__(self, granted: FakeGrants, policy: Callable[[], LivePolicy]) -> None:
        self._granted = granted
        self._policy = policy
        self.edits = ""
        self.mistake_with = "nothing is granted"

    def version(self) -> str:
        return hashlib.sha256(f"{self.edits}{self._granted.content}".encode()).hexdigest()

    def load(self) -> LivePolicy:
        if self.mistake_with in self._granted.content:
            raise PolicyError("grants.csv:1: a mistake")
        if not self.edits and not self._granted.content:
            return self._policy()
        return replace(self._policy(), sha256=self.version())  # type: ignore[type-var]

    def difference(self, before: LivePolicy, after: LivePolicy) -> tuple[str, ...]:
        return ()


class FakeLog:
    """Port `LogReader`."""

    def __init__(self) -> None:
        self.page = Excerpt(
            (LogLine(7, 1_700_000_000_000, "alice", "request.allowed", "/status", "allowed"),),
            first=1,
            size=7,
            anchored=0,
            anchored_at=0,
        )
        self.asked: list[tuple[str, int, int, int]] = []
        self.broken = ""

    async def newest(self, who: str, job: int, since: int, before: int) -> Excerpt:
        self.asked.append((who, job, since, before))
        if self.broken:
            raise AuditUnavailable(self.broken)
        return self.page
