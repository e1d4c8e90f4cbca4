"""Pairing: a one-time code makes an account of a chat platform that of a user of ours.

The code is shown on the host and comes back from a phone. It is kept as a hash, works for ten
minutes and once, and a handful of wrong ones end it. Who is paired is a platform's own numeric
id: what people call themselves changes, and is only ever shown.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType

from appliance.core.hidden import shown
from appliance.core.model import Incoming, Message, Millis, Place, Platform, Sender, UserName

PairingId = NewType("PairingId", str)

CODE_BYTES = 16
"""128 bits of chance: 22 letters of a deep link, which takes 64."""
LIFE_SECONDS = 600
WRONG_TRIES = 5
NAME_CHARACTERS = 64

_START = re.compile(r"/start(?:@[A-Za-z0-9_]{1,32})?[ \n]+([A-Za-z0-9_-]{1,64})\s*")


class PairingState(StrEnum):
    """`OPEN` may still be used; all the others are final."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    GUESSED_AT = "guessed_at"  # too many wrong codes came in
    EXPOSED = "exposed"  # the code was written where others read it
    WITHDRAWN = "withdrawn"  # somebody ended it, or began another one for the same user


@dataclass(frozen=True, slots=True)
class Pairing:
    """One code that was given out. `account` and `called` are known once it is used."""

    id: PairingId
    user: UserName
    opened_by: UserName
    code_sha256: str
    opened_at: Millis
    expires_at: Millis
    state: PairingState = PairingState.OPEN
    wrong_tries: int = 0
    account: str = ""
    called: str = ""

    def is_open(self, now: Millis) -> bool:
        return self.state is PairingState.OPEN and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Account:
    """A platform's account that belongs to a user. `called`: its name there, only to be shown."""

    sender: Sender
    user: UserName
    called: str
    paired_at: Millis
    paired_by: UserName


@dataclass(frozen=True, slots=True)
class PairedPlace:
    """A group in which we work, or one topic of it; `place.topic` "" is all of it."""

    place: Place
    paired_at: Millis
    paired_by: UserName


def digest(code: str) -> str:
    """What is kept of a code. It is long and random, so that a plain hash cannot be turned back."""
    return hashlib.sha256(b"dispatch pairing code\n" + code.encode()).hexdigest()


def with_code(pairings: Iterable[Pairing], code: str) -> Pairing | None:
    """The pairing whose code this is."""
    return with_digest(pairings, digest(code))


def with_digest(pairings: Iterable[Pairing], sha256: str) -> Pairing | None:
    """The same for what `digest` makes of it; its time does not tell how near a guess was."""
    found = None
    for pairing in pairings:
        if hmac.compare_digest(pairing.code_sha256, sha256):
            found = pairing
    return found


def after_wrong_try(pairing: Pairing) -> Pairing:
    tries = pairing.wrong_tries + 1
    state = PairingState.GUESSED_AT if tries >= WRONG_TRIES else pairing.state
    return replace(pairing, wrong_tries=tries, state=state)


def settled(pairing: Pairing, now: Millis) -> Pairing:
    """The same, expired if its time is over."""
    is_late = pairing.state is PairingState.OPEN and now >= pairing.expires_at
    return replace(pairing, state=PairingState.EXPIRED) if is_late else pairing


def code_in(incoming: Incoming) -> str | None:
    """The code of `/start CODE`, which is what a phone sends that has followed a deep link."""
    if not isinstance(incoming, Message):
        return None
    match = _START.fullmatch(incoming.text)
    return match[1] if match else None


def link(bot: str, code: str) -> str:
    return f"https://t.me/{bot}?start={code}"


def is_group(place: Place) -> bool:
    """Whether several people read it. Telegram gives groups negative numbers, people their own."""
    return place.platform is Platform.TELEGRAM and place.chat.startswith("-")


def is_private(incoming: Incoming) -> bool:
    """Whether nobody but the sender and we read it."""
    return not is_group(incoming.place) and incoming.place.chat == incoming.sender.id


def account_of(place: Place) -> Sender | None:
    """Whose private chat on a platform with accounts this is."""
    if place.platform is not Platform.TELEGRAM or is_group(place):
        return None
    return Sender(place.platform, place.chat)


def shown_name(called: str) -> str:
    """What somebody calls themselves, in one line that cannot act as more than a name."""
    return shown(called, NAME_CHARACTERS)
