"""An update of the Bot API, as JSON, to what it says to us.

{"update_id": 7, "message": {"message_id": 3, "date": 1700000000, "from": {"id": 42},
 "chat": {"id": 42}, "text": "/status"}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.chat.telegram.contents import CONTENT, files_in, oddity_in
from appliance.chat.telegram.groups import is_for_another_bot, is_meant, replied_to, without_name
from appliance.chat.wellformed import well_formed
from appliance.core.model import (
    Click,
    Edited,
    Incoming,
    Json,
    Message,
    Millis,
    Place,
    Platform,
    Sender,
)

MAX_CALLED_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Update:
    """One update; `incoming` is None when it says nothing to us."""

    id: int
    incoming: Incoming | None


def read_update(update: Json, bot: str, now: Millis, name: str = "") -> Update | None:
    """None: this is no update at all.

    The caption of what a message holds is its text. `name` is what people of a group call the
    bot (`needs_name`).
    """
    match update:
        case {"update_id": int(number), "edited_message": dict(message)}:
            key = f"{Platform.TELEGRAM}:{bot}:{number}"
            return Update(number, _edited(_message(message, key, bot, name), message))
        case {"update_id": int(number), "message": dict(message)}:
            return Update(
                number, _message(message, f"{Platform.TELEGRAM}:{bot}:{number}", bot, name)
            )
        case {"update_id": int(number), "callback_query": dict(query)}:
            return Update(number, _click(query, f"{Platform.TELEGRAM}:{bot}:{number}", now))
        case {"update_id": int(number)}:
            return Update(number, None)
        case _:
            return None


def needs_name(update: Json) -> bool:
    """Whether it was said in a group, where only some of what is said is meant for us."""
    match update:
        case {"message": {"chat": {"id": int(chat)}}} | {
            "edited_message": {"chat": {"id": int(chat)}}
        }:
            return chat < 0
        case _:
            return False


def query_of(click_key: str) -> str:
    """Telegram's id of the click that a `Click.key` names, needed to answer it."""
    return click_key.rpartition(":")[2]


def _message(message: Mapping[str, Json], key: str, bot: str, name: str) -> Message | None:
    match message:
        case {
            "message_id": int(number),
            "date": int(date),
            "from": {"id": int(sender), **profile},
            "chat": {"id": int(chat)},
        } if "text" in message or CONTENT & message.keys():
            files = files_in(message)
            found = message.get("caption" if files else "text", "")
            text = well_formed(found) if isinstance(found, str) else ""
            if chat < 0 and is_for_another_bot(text, name):
                return None
            return Message(
                key=key,
                sender=Sender(Platform.TELEGRAM, str(sender)),
                place=_place(chat, message),
                text=without_name(text, name),
                sent_at=Millis(date * 1000),
                message_id=str(number),
                reply_to=replied_to(message),
                is_aside=chat < 0 and not is_meant(message, text, bot, name),
                called=_called(profile),
                language=_language(profile),
                files=files,
                oddity=oddity_in(message),
                album=str(message.get("media_group_id", "")),
            )
        case _:
            return None


def _edited(message: Message | None, content: Mapping[str, Json]) -> Edited | None:
    if message is None:
        return None
    at = content.get("edit_date")
    return Edited(
        key=message.key,
        sender=message.sender,
        place=message.place,
        text=message.text,
        sent_at=Millis(at * 1000) if isinstance(at, int) else message.sent_at,
        message_id=message.message_id,
    )


def _click(query: Mapping[str, Json], key: str, now: Millis) -> Click | None:
    match query:
        case {
            "id": str(query_id),
            "from": {"id": int(sender)},
            "message": {"chat": {"id": int(chat)}, **message},
            "data": str(token),
        }:
            return Click(
                key=f"{key}:{query_id}",
                sender=Sender(Platform.TELEGRAM, str(sender)),
                place=_place(chat, message),
                token=well_formed(token),
                sent_at=now,
                message_id=_number(message),
            )
        case _:
            return None


def _number(message: Mapping[Any, Any]) -> str:
    number = message.get("message_id")
    return str(number) if isinstance(number, int) else ""


def _language(profile: Mapping[Any, Any]) -> str:
    """What the sender's app speaks, "de" or "pt-br"; "" when Telegram does not say."""
    told = profile.get("language_code")
    return told if isinstance(told, str) and re.fullmatch(r"[A-Za-z-]{2,16}", told) else ""


def _called(profile: Mapping[Any, Any]) -> str:
    """A person's name on Telegram, with the user name, both chosen and changed at will."""
    names = (profile.get(key) for key in ("first_name", "last_name"))
    name = " ".join(part for part in names if isinstance(part, str))
    user_name = profile.get("username")
    shown = f"{name} @{user_name}" if isinstance(user_name, str) else name
    return well_formed(shown.strip()[:MAX_CALLED_CHARACTERS])


def _place(chat: int, message: Mapping[Any, Any]) -> Place:
    """In a group without topics a reply has a thread as well, but that is no place of its own."""
    is_topic = message.get("is_topic_message") is True
    topic = message.get("message_thread_id") if is_topic else None
    return Place(Platform.TELEGRAM, str(chat), str(topic or ""))
