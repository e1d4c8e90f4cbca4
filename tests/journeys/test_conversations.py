"""Two people in one topic of a forum, each with their own rights, over the real client and CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.emulators.anthropic import Call, Turn, says
from tests.journeys.house import ALICE, BOB, House

pytestmark = pytest.mark.real_cli

FORUM, TOPIC = -1001234, 5
RULES = (
    "g, bob, guest",
    "p, guest, demo, chat, /run|/jobs|/queue|/log, allow",
    "p, guest, demo, read, **, allow",
)
TURNS = (
    Turn("", (Call("Bash", {"command": "rm x"}),), says("begin")),
    Turn("Heard: also that.", when=lambda asked: "also that" in asked.text),
    Turn("For Bob, in blue.", when=says("paint it blue")),
    Turn("Once more.", when=says("and once more")),
)


class Forum:
    """A house whose people meet in a topic."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.tg.add_chat(FORUM, is_forum=True)

    def says(self, text: str, user: int = ALICE, **content: Any) -> dict[str, Any]:
        """Returns the message."""
        self.house.tg.user_says(FORUM, text, user_id=user, topic=TOPIC, **content)
        return self.house.tg.messages[max(self.house.tg.messages, key=lambda key: key[1])]

    async def reads(self, words: str) -> str:
        return await self.house.reads(words, FORUM)

    async def message(self, words: str) -> dict[str, Any]:
        """The bot's message that holds these words."""
        await self.reads(words)
        return next(m for m in self.house.tg.sent(FORUM) if words in str(m.get("text")))

    def sign_on(self, message: dict[str, Any]) -> list[str]:
        return self.house.tg.reactions.get((FORUM, message["message_id"]), [])


async def test_two_people_in_a_topic_steer_and_change_and_see_who_asked_what(
    tmp_path: Path, claude_program: Path
) -> None:
    async with House(tmp_path, claude_program, *TURNS, rules=RULES) as house:
        forum = Forum(house)
        forum.says("/pair")
        await forum.reads("From now on I work in this topic")
        forum.says("lunch?", BOB)
        forum.says("/project demo")
        await forum.reads("roject is now demo")

        begin = forum.says("begin")
        question = await forum.reads("May this run?")
        assert "me" in question
        also = forum.says("do also that")
        await house.tg.until(lambda: forum.sign_on(also) == ["👀"])

        red = forum.says("paint it red", BOB)
        waiting = await forum.reads("Job 2 is waiting")
        assert "bob · demo" in waiting
        house.tg.user_edits(red, "paint it blue")
        await forum.reads("Job 2 has the changed text")
        house.tg.user_edits(begin, "begin again")
        await forum.reads("Job 1 has already started")
        forum.says("/queue", BOB)
        await forum.reads("until job 1 has ended")
        forum.says("/log 1", BOB)
        await forum.reads("/log others")

        house.press("Deny", FORUM, ALICE)
        first = await forum.message("Heard: also that.")
        assert first["reply_to_message"]["message_id"] == begin["message_id"]
        second = await forum.message("For Bob, in blue.")
        assert second["reply_to_message"]["message_id"] == red["message_id"]
        assert not any("paint it red" in request.text for request in house.api.requests)

        assert await house.stop() == 0
        kinds = house.kinds()
        assert kinds.count("message.edited") == 2
        assert "lunch?" not in str(house.records())
        assert "intact" in house.verify()


async def test_a_reply_takes_an_old_session_up_again(tmp_path: Path, claude_program: Path) -> None:
    turns = (Turn("The first.", when=says("begin")), Turn("Once more.", when=says("and again")))
    async with House(tmp_path, claude_program, *turns) as house:
        house.tg.user_says(ALICE, "begin")
        await house.reads("The first.")
        first = next(m for m in house.tg.sent(ALICE) if "The first." in str(m.get("text")))
        house.tg.user_says(ALICE, "/new")
        await house.reads("starts afresh")
        house.tg.user_says(ALICE, "and again", reply_to_message=first)
        await house.reads("Once more.")
        assert "begin" in house.api.requests[-1].text  # the same session
        house.tg.user_says(ALICE, "/log 1")
        await house.reads("asked for by me")
        house.tg.user_says(ALICE, "/sessions")
        listed = await house.reads("Earlier here in demo")
        assert "begin" in listed
        assert "2 jobs" in listed
