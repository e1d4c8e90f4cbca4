"""A job watched on a phone: one message tells what the real CLI does, and the answer rings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.emulators.anthropic import Call, Turn, returned, says
from tests.journeys.house import House
from tests.journeys.story import Story

pytestmark = pytest.mark.real_cli

RULES = ["p, owner, *, bash, make test, allow"]


async def test_one_message_tells_what_it_does_and_the_answer_rings(
    tmp_path: Path, claude_program: Path
) -> None:
    held = asyncio.Event()
    readme = str(tmp_path / "project/README.md")
    edit = {"file_path": readme, "old_string": "hello from the project", "new_string": "hi\nyou"}
    turns = (
        Turn("I look.", (Call("Read", {"file_path": readme}),), says("tidy up")),
        Turn("", (Call("Edit", edit),), returned("hello")),
        Turn("", (Call("Bash", {"command": "make test"}),), returned("updated")),
        Turn("All **tidy**.", when=returned("12 passed"), hold=held),
    )
    title = "One message tells what a job does. The phone rings once: for the answer."
    async with (
        House(tmp_path, claude_program, *turns, rules=RULES, owner="alice") as house,
        Story(house, "watching", title) as story,
    ):
        (house.project / "Makefile").write_text("test:\n\t@echo 12 passed in 0.1s\n")
        await story.says("/run tidy up")
        await story.reads("3 steps")
        await story.says("/queue")
        await story.says("/jobs")
        await story.meanwhile("the tests have run, and the agent answers")
        held.set()
        await story.reads("All tidy.")
        await story.says("/log 1")
        await story.says("/retry")
        await story.reads("Job 2 ✓ done")
        assert await house.stop() == 0
