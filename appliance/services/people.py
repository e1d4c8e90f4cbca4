"""Who is behind an account, and where we work: by the settings, and by what was paired since.

Nobody declared and nobody paired is nobody heard. A user who is no longer in the settings is
nobody, whatever accounts were paired with the name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from appliance.core.model import Place, Sender, UserName
from appliance.core.pairing import account_of, is_group
from appliance.ports import State


class People:
    """`declared`: the accounts of the settings. `users`: who may have accounts paired."""

    def __init__(
        self, state: State, declared: Mapping[Sender, UserName], users: Collection[UserName]
    ) -> None:
        self._state = state
        self._declared = declared
        self.users = frozenset(users)

    @property
    def declared(self) -> Mapping[Sender, UserName]:
        return self._declared

    def name_of(self, sender: Sender) -> UserName | None:
        """The user who has this account. Raises StorageUnavailable."""
        if (declared := self._declared.get(sender)) is not None:
            return declared
        paired = self._state.account(sender)
        return paired.user if paired is not None and paired.user in self.users else None

    def works_in(self, place: Place) -> bool:
        """Whether requests are taken here: in a group only where it, or the topic, is paired."""
        if not is_group(place):
            return True
        whole = Place(place.platform, place.chat)
        return self._state.is_paired(place) or self._state.is_paired(whole)

    def is_closed(self, place: Place) -> bool:
        """Whether nobody of ours is there, so that nothing may be said there."""
        account = account_of(place)
        if account is not None:
            return self.name_of(account) is None
        return not self.works_in(place)
