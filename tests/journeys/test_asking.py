"""Questions that are about no project: real CLI, real aiogram client, real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators.anthropic import Call, Turn, returned, says
from tests.journeys.house import House
from tests.journeys.story import Story

pytestmark = pytest.mark.real_cli

QUESTION = "who wrote Dune?"


async def test_a_question_has_no_files_and_no_shell_and_one_tap_takes_it_to_the_project(
    tmp_path: Path, claude_program: Path
) -> None:
    secret = str(tmp_path / "project/README.md")
    turns = (
        Turn("", (Call("Bash", {"command": "ls /"}),), says(QUESTION)),
        Turn("", (Call("Read", {"file_path": secret}),), returned("Bash")),
        Turn("Frank Herbert.", when=returned()),
        Turn("It is in the README.", when=says(QUESTION)),
    )
    title = "A question goes to the workspace. One tap takes it to the project."
    async with (
        House(tmp_path, claude_program, *turns, owner="alice") as house,
        Story(house, "asking", title) as story,
    ):
        await story.says(QUESTION)
        await story.reads("Frank Herbert.")
        asked = next(asked for asked in house.api.requests if QUESTION in asked.text)
        offered = {tool["name"] for tool in asked.body["tools"]}
        assert "Read" in offered
        assert not offered & {"Bash", "Edit", "Write", "Glob", "Grep", "Agent", "Task"}
        await story.says("/log 1")

        await story.presses("Move to the project")
        await story.reads("Job 2 ✓ done · demo")
        read = [r for r in house.records() if r["kind"] == "request.denied"]
        assert any(record["d"]["act"] == "Read" for record in read)
        assert "intact" in house.verify()
