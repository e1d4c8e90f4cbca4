"""Two people in one topic of a forum, each with their own rights, over the real client and CLI."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.anthropic import Call, Turn, says
from tests.journeys.house import ALICE, BOB, House
from tests.journeys.story import Story

pytestmark = pytest.mark.real_cli

FORUM, TOPIC = -1001234, 5
PLACES = {FORUM: "in the forum", ALICE: "to alice", BOB: "to bob"}
RULES = (
    "g, bob, guest",
    "p, guest, demo, chat, /run|/jobs|/queue|/log, allow",
    "p, guest, demo, read, **, allow",
)
TURNS = (
    Turn("Heard: also that.", when=lambda asked: "also that" in asked.text),
    Turn("For Bob, in blue.", when=says("paint it blue")),
    Turn("Four.", when=says("count the doors")),
    Turn("Seven.", when=says("and the windows?")),
)


async def test_two_people_in_a_topic_steer_and_change_and_see_who_asked_what(
    tmp_path: Path, claude_program: Path
) -> None:
    held = asyncio.Event()
    look = Call("Read", {"file_path": str(tmp_path / "project/README.md")})
    turns = (Turn("", (look,), says("begin"), hold=held), *TURNS)
    title = "Two people in a topic of a forum, each with their own rights."
    async with (
        House(tmp_path, claude_program, *turns, rules=RULES, owner="alice") as house,
        Story(house, "conversations", title, PLACES) as story,
    ):
        house.tg.add_chat(FORUM, is_forum=True)
        alice: dict[str, Any] = {"chat": FORUM, "user": ALICE, "topic": TOPIC}
        bob: dict[str, Any] = alice | {"user": BOB}
        await story.says("/pair", **alice)
        await story.says("lunch?", **bob)
        await story.says("/project demo", **alice)

        await story.says("begin", **alice)
        await story.reads("is running", FORUM)
        await story.says("do also that", **alice)
        red = await story.says("paint it red", **bob)
        await story.changes(red, "paint it blue")
        await story.meanwhile("the agent reads on, and hears of it")
        held.set()
        await story.reads("Job 2 ✓ done", FORUM)
        assert not any("paint it red" in request.text for request in house.api.requests)

        await story.says("/log 1", BOB)
        await story.says("/project")
        await story.says("count the doors")
        await story.reads("Job 3 ✓ done")
        await story.says("/new")
        await story.says("/sessions")
        await story.replies("Four.", "and the windows?")
        await story.reads("Job 4 ✓ done")
        assert "count the doors" in house.api.requests[-1].text  # the same session

        assert await house.stop() == 0
        kinds = house.kinds()
        assert kinds.count("message.edited") == 1
        assert "lunch?" not in str(house.records())
        assert "intact" in house.verify()
