"""`dispatchctl pair` and `dispatchctl users` at the running daemon: judged, recorded, answered."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.model import Json, UserName
from appliance.core.pairing import Pairing
from appliance.errors import ApplianceError
from appliance.ports import Clock
from appliance.services.accounts import Accounts
from appliance.services.administration import Administration
from appliance.services.pairing import Pairings

WAIT_SECONDS = 1.0
"""So long an answer about a pairing may take; whoever waits asks again."""


class PairingQueries:
    """Each method takes who asks and the words of the question; it may raise NotAllowed."""

    def __init__(
        self,
        administration: Administration,
        pairing: Pairings,
        accounts: Accounts,
        clock: Clock,
    ) -> None:
        self._administration = administration
        self._clock = clock
        self._pairing = pairing
        self._accounts = accounts

    async def open(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """A code for a user: the only time that it is told."""
        user = UserName(_word(words, "user"))
        who = await self._administration.authorise(asker, f"pair {user}")
        opened = await self._pairing.open(user, who)
        return {**self._told(opened.pairing), "code": opened.code, "link": opened.link}

    async def outcome(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """How a pairing is, once it is settled or a second later; whoever has its id may ask."""
        found = await self._pairing.outcome(_word(words, "id"), WAIT_SECONDS)
        if found is None:
            raise ApplianceError("there is no such pairing", hint="begin another one")
        return self._told(found)

    async def withdraw(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """End a code that nobody has used."""
        pairing_id = _word(words, "id")
        who = await self._administration.authorise(asker, "unpair code")
        await self._pairing.withdraw(pairing_id, who)
        return {}

    async def users(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """Everybody with their accounts, and the groups."""
        await self._administration.authorise(asker, "users")
        return self._accounts.listed()

    async def remove(self, asker: UserName, words: Mapping[str, str]) -> dict[str, Json]:
        """Unpair accounts of a user: those that were."""
        user = UserName(_word(words, "user"))
        who = await self._administration.authorise(asker, f"unpair {user}")
        removed = await self._accounts.remove(user, words.get("account", ""), who)
        return {"removed": list(removed)}

    def _told(self, pairing: Pairing) -> dict[str, Json]:
        return {
            "id": pairing.id,
            "user": pairing.user,
            "state": pairing.state,
            "left_seconds": max(0, pairing.expires_at - self._clock.now()) // 1000,
            "wrong_tries": pairing.wrong_tries,
            "account": pairing.account,
            "called": pairing.called,
        }


def _word(words: Mapping[str, str], key: str) -> str:
    if not words.get(key):
        raise ApplianceError(f"the request lacks {key}")
    return words[key]
