"""A job watched on a phone: one message tells what the real CLI does, and the answer rings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.anthropic import Call, Turn, returned, says
from tests.journeys.house import ALICE, House

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
    async with House(tmp_path, claude_program, *turns, rules=RULES) as house:
        (house.project / "Makefile").write_text("test:\n\t@echo 12 passed in 0.1s\n")
        house.tg.user_says(ALICE, "/run tidy up")
        await house.reads("Job 1 started")
        live = await house.reads("3 steps")
        assert live.startswith("Job 1 is running · demo\n")
        assert "tokens" in live
        (message,) = [m for m in house.tg.sent(ALICE) if "3 steps" in m.get("text", "")]
        ((stop,),) = message["reply_markup"]["inline_keyboard"]
        assert stop["text"] == "Stop"

        held.set()
        answer = await house.reads("All tidy.")
        body, _, footer = answer.partition("\n\n")
        assert body == "All tidy."
        facts, tests = footer.split("\n")
        assert facts.endswith(" · 1 file changed +2 −1")
        assert tests == "tests: 12 passed in 0.1s"
        await house.reads("Job 1 ✓ done")
        assert [text for text in ringing(house) if "12 passed" in text] == [answer]
        assert not any("Job 1" in text for text in ringing(house))
        assert await house.stop() == 0


def ringing(house: House) -> list[str]:
    """The texts of new messages that were not sent silently."""
    return [
        str(call["params"].get("text", ""))
        for call in house.tg.calls
        if call["method"] == "sendMessage" and not _is_silent(call["params"])
    ]


def _is_silent(params: dict[str, Any]) -> bool:
    return str(params.get("disable_notification", "")).lower() == "true"
