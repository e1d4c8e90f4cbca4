"""The accounts that were paired: their owners end that themselves, the host ends it for anybody."""

from __future__ import annotations

from dataclasses import replace

from appliance.core.events import AccountUnpaired, Who
from appliance.core.hidden import shown
from appliance.core.model import Actor, Click, Incoming, Json, Platform, Reply, Sender, UserName
from appliance.core.pairing import Account
from appliance.core.replies import about_pairing
from appliance.errors import ApplianceError
from appliance.ports import Audit, State
from appliance.services.outbox import Outbox
from appliance.services.people import People


class NoSuchAccount(ApplianceError):
    """What cannot be unpaired, and why."""


class Accounts:
    """Every method that ends a pairing may raise AuditUnavailable: then it was not ended."""

    def __init__(self, state: State, audit: Audit, people: People, outbox: Outbox) -> None:
        self._state = state
        self._audit = audit
        self._people = people
        self._outbox = outbox

    async def unpair_own(self, incoming: Incoming, actor: Actor, *, is_sure: bool) -> None:
        """Answer, mark the message handled, and once `is_sure` end this account's pairing."""
        account = self._state.account(actor.sender)
        if account is None:
            return self._answer(incoming, self._why_not(actor.sender))
        if not is_sure:
            return self._answer(incoming, about_pairing.really_unpair(account.user))
        await self._audit.append(_unpaired(account, Who.user(actor), incoming.key))
        with self._state.transaction():
            self._state.remove_account(account.sender)
            self._answer(incoming, about_pairing.unpaired(account.user))
        return None

    async def remove(self, user: UserName, account: str, who: Who) -> list[str]:
        """Unpair one account of a user, or all ("") of them; those that were.

        Raises NoSuchAccount, AuditUnavailable or StorageUnavailable.
        """
        paired = [a for a in self._state.accounts() if a.user == user]
        chosen = [a for a in paired if account in ("", str(a.sender), a.sender.id)]
        if not chosen:
            what, hint = self._missing(user, account)
            raise NoSuchAccount(what, hint=hint)
        await self._audit.append(*(_unpaired(each, who) for each in chosen))
        with self._state.transaction():
            for each in chosen:
                self._state.remove_account(each.sender)
        return [about_pairing.account_shown(each.sender, each.called) for each in chosen]

    def listed(self) -> dict[str, Json]:
        """Everybody in the settings and paired since, each with where their accounts come from."""
        users: dict[str, Json] = {
            name: [*self._declared_of(name), *self._paired_of(name)]
            for name in sorted({*self._people.users, *self._people.declared.values()})
        }
        gone = {a.user for a in self._state.accounts()} - users.keys()
        return {
            "users": users,
            "unknown": {name: self._paired_of(name) for name in sorted(gone)},
            "places": [
                {"place": str(p.place), "by": p.paired_by, "at": p.paired_at}
                for p in self._state.paired_places()
            ],
        }

    def _declared_of(self, name: UserName) -> list[Json]:
        declared = (s for s, user in self._people.declared.items() if user == name)
        return [{"account": str(sender), "from": "settings"} for sender in declared]

    def _paired_of(self, name: UserName) -> list[Json]:
        return [
            {
                "account": str(each.sender),
                "from": "pairing",
                "called": each.called,
                "at": each.paired_at,
                "by": each.paired_by,
            }
            for each in self._state.accounts()
            if each.user == name
        ]

    def _missing(self, user: UserName, account: str) -> tuple[str, str]:
        """What is wrong, and what to do."""
        in_settings = [s for s, name in self._people.declared.items() if name == user]
        if any(account in ("", str(s), s.id) for s in in_settings):
            return (
                f"the accounts of {user} stand in dispatch.toml",
                "take them out there and restart dispatchd",
            )
        what = f'an account "{shown(account)}"' if account else "a paired account"
        return f"{shown(user)} has not got {what}", "see: dispatchctl users list"

    def _why_not(self, sender: Sender) -> Reply:
        if sender.platform is Platform.TELEGRAM:
            return about_pairing.stands_in_settings(sender)
        return about_pairing.only_telegram()

    def _answer(self, incoming: Incoming, reply: Reply) -> None:
        with self._state.transaction():
            self._state.mark_handled(incoming.key)
            if isinstance(incoming, Click):
                self._outbox.toast(incoming.place, incoming.key, reply)
            # a goodbye stays readable; a toast is gone in a moment
            self._outbox.put_outside(incoming.place, replace(reply, silent=True))


def _unpaired(account: Account, who: Who, *cause: str) -> AccountUnpaired:
    return AccountUnpaired(who=who, cause=cause, account=str(account.sender), user=account.user)
