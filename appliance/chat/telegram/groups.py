"""What of the talk in a group is meant for the bot.

A bot that is no administrator is sent commands and answers to it alone; one that is, or whose
privacy mode was switched off, is sent all that people say to each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ADDRESSED_COMMAND = re.compile(r"/\w+@(\w+)")


def replied_to(message: Mapping[str, Any]) -> str:
    """The number of the message that this one answers, "" if none.

    Everything in a topic of a forum formally answers the message that opened the topic.
    """
    match message.get("reply_to_message"):
        case {"forum_topic_created": _}:
            return ""
        case {"message_id": int(number)}:
            is_topic = message.get("is_topic_message") is True
            return "" if is_topic and number == message.get("message_thread_id") else str(number)
        case _:
            return ""


def is_for_another_bot(text: str, name: str) -> bool:
    """ "/run@other_bot": a command that says whose it is."""
    addressed = _ADDRESSED_COMMAND.match(text)
    return bool(addressed and name and addressed[1].casefold() != name.casefold())


def is_meant(message: Mapping[str, Any], text: str, bot: str, name: str) -> bool:
    """Whether a message of a group is a command, mentions the bot or answers it."""
    if text.startswith("/") or _mentions(text, name):
        return True
    match message.get("reply_to_message"):
        case {"from": {"id": int(author)}}:
            return str(author) == bot and bool(replied_to(message))
        case _:
            return False


def _mentions(text: str, name: str) -> bool:
    return bool(name and re.search(rf"(?<!\w)@{re.escape(name)}(?!\w)", text, re.IGNORECASE))


def without_name(text: str, name: str) -> str:
    """The text without a beginning that only says who is meant."""
    if not name:
        return text
    return re.sub(rf"\A\s*@{re.escape(name)}(?!\w)[,:]?\s*", "", text, flags=re.IGNORECASE)
