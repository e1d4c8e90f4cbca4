"""What of the talk in a group is meant for the bot."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.chat.telegram.updates import read_update
from appliance.core.model import Edited, Message, Millis

BOT = 99
NOW = Millis(1)


def said(text: str, chat: int = -100, **content: Any) -> Message | None:
    message = {
        "message_id": 7,
        "date": 1,
        "from": {"id": 42, "first_name": "A"},
        "chat": {"id": chat},
        "text": text,
        **content,
    }
    update = read_update({"update_id": 1, "message": message}, str(BOT), NOW, "my_bot")
    assert update is not None
    assert not isinstance(update.incoming, Edited)
    return update.incoming  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "content", "is_aside"),
    [
        ("lunch?", {}, True),
        ("/status", {}, False),
        ("/status@my_bot", {}, False),
        ("@My_Bot fix it", {}, False),
        ("what does @my_bot think?", {}, False),
        ("mail me@my_bot.example", {}, True),
        ("@my_bot2 fix it", {}, True),
        ("yes", {"reply_to_message": {"message_id": 3, "from": {"id": BOT}}}, False),
        ("yes", {"reply_to_message": {"message_id": 3, "from": {"id": 42}}}, True),
    ],
)
def test_a_group_talks_to_the_bot_by_command_name_or_reply(
    text: str, content: dict[str, Any], is_aside: bool
) -> None:
    message = said(text, **content)
    assert message is not None
    assert message.is_aside is is_aside


def test_in_a_private_chat_everything_is_meant() -> None:
    message = said("lunch?", 42)
    assert message is not None
    assert not message.is_aside


def test_a_command_for_another_bot_is_nobodys_word() -> None:
    assert said("/run@other_bot rm -rf /") is None


def test_a_name_at_the_beginning_is_no_part_of_the_task() -> None:
    message = said("@my_bot: fix it")
    assert message is not None
    assert message.text == "fix it"


@pytest.mark.parametrize(
    ("content", "reply_to"),
    [
        ({}, ""),
        ({"reply_to_message": {"message_id": 3, "from": {"id": BOT}}}, "3"),
        (
            {
                "is_topic_message": True,
                "message_thread_id": 5,
                "reply_to_message": {"message_id": 5, "from": {"id": BOT}},
            },
            "",
        ),
        (
            {
                "is_topic_message": True,
                "message_thread_id": 5,
                "reply_to_message": {
                    "message_id": 5,
                    "from": {"id": BOT},
                    "forum_topic_created": {"name": "demo"},
                },
            },
            "",
        ),
    ],
)
def test_a_reply_names_its_message_but_a_topic_is_none(
    content: dict[str, Any], reply_to: str
) -> None:
    message = said("x", **content)
    assert message is not None
    assert message.reply_to == reply_to
    if content.get("is_topic_message"):
        assert message.is_aside


def test_an_edit_names_the_message_and_says_its_new_text() -> None:
    message: dict[str, Any] = {
        "message_id": 7,
        "date": 1,
        "edit_date": 5,
        "from": {"id": 42, "first_name": "A"},
        "chat": {"id": 42},
        "text": "fixed",
    }
    update = read_update({"update_id": 2, "edited_message": message}, str(BOT), NOW)
    assert update is not None
    edited = update.incoming
    assert isinstance(edited, Edited)
    assert (edited.message_id, edited.text, edited.sent_at) == ("7", "fixed", 5000)
    assert edited.key == "telegram:99:2"
